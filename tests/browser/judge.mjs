// What is made of a player page that a browser shows: samples of its statistics, and whether it played throughout.

export const PLAYS_WITHIN_MS = 20_000;
export const SAMPLE_MS = 250;
const MIN_PROGRESS = 0.9; // of the wall clock's
const BACKWARDS_S = 0.05; // the media clock of a browser trembles by less
const STARTS_WITHIN_S = 1; // of what is recorded: it has played a little when it is first looked at

// Runs in the page. The wall clock is read there, together with the statistics: a sample that arrives late is still true.
export const collectSamples = ({ forMs, everyMs }) =>
  new Promise((resolve) => {
    const samples = [];
    const begin = performance.now();
    const take = () => {
      const wall_s = (performance.now() - begin) / 1000;
      samples.push({ wall_s, at_ms: performance.now(), ...window.rimcast.stats() });
      if (wall_s * 1000 < forMs) return;
      clearInterval(timer);
      resolve(samples);
    };
    const timer = setInterval(take, everyMs);
    take();
  });

function median(sorted) {
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export function judge(samples, { throughOutage, toTheEnd, recorded, soundAlone }) {
  const first = samples[0];
  const last = samples.at(-1);
  const latencies = samples.flatMap(({ latency_s }) => (latency_s === null ? [] : [latency_s])).sort((a, b) => a - b);
  const wall_s = last.wall_s - first.wall_s;
  const advanced_s = last.current_time_s - first.current_time_s;
  const times = samples.map(({ current_time_s }) => current_time_s);
  const backwards_s = Math.max(0, ...times.slice(1).map((time, i) => times[i] - time));

  // Counters of the media element start over when the player loads the stream anew.
  const since = (name) => samples.slice(1).reduce((sum, now, i) => sum + (now[name] >= samples[i][name] ? now[name] - samples[i][name] : now[name]), 0);

  const problems = [];
  if (throughOutage) {
    // The player may load the stream anew, and its media clock starts over then; dates do not.
    const dates = samples.flatMap(({ playing_date_ms }) => (playing_date_ms === null ? [] : [playing_date_ms]));
    if (dates.length < 2 || dates.at(-1) <= dates[0]) problems.push('playback did not go on');
    if (!toTheEnd && samples.slice(-8).every(({ decoded_frames }) => decoded_frames === last.decoded_frames)) {
      problems.push('the picture stands still');
    }
  } else {
    if (backwards_s > BACKWARDS_S) problems.push(`playback went back by ${backwards_s.toFixed(3)} s`);
    if (recorded && first.current_time_s > STARTS_WITHIN_S) problems.push(`playback began at ${first.current_time_s.toFixed(2)} s`);
    if (!recorded && advanced_s < MIN_PROGRESS * wall_s) problems.push(`played ${advanced_s.toFixed(2)} s in ${wall_s.toFixed(2)} s`);
  }
  if (last.state !== (toTheEnd || recorded ? 'ended' : 'playing')) problems.push(`the player is ${last.state}`);
  if (since('decoded_frames') === 0 && !soundAlone) problems.push('no frame was decoded');

  return {
    ok: problems.length === 0,
    problems,
    seconds: Number(wall_s.toFixed(3)),
    latency_median_s: latencies.length ? Number(median(latencies).toFixed(3)) : null,
    latency_max_s: latencies.at(-1) ?? null,
    latency_min_s: latencies[0] ?? null,
    target_latency_s: last.target_latency_s,
    stalls: since('stalls'),
    stalls_before: first.stalls, // while starting
    discontinuities: since('discontinuities'),
    decoded_frames: since('decoded_frames'),
    dropped_frames: since('dropped_frames'),
    current_time_s: { first: first.current_time_s, last: last.current_time_s, advanced: Number(advanced_s.toFixed(3)) },
    playing_date_ms: { first: first.playing_date_ms, last: last.playing_date_ms },
    levels: last.levels,
    levels_played: [...new Set(samples.map(({ level }) => level))],
    states: [...new Set(samples.map(({ state }) => state))],
    errors: last.errors.filter(({ at_ms }) => at_ms >= first.at_ms), // those while starting are hls.js finding its place
    errors_before: first.errors,
  };
}
