// shaka-player.

export const name = 'shaka-player';
export const script = 'shaka-player.dash-es2021.js';
export const format = 'dash';
export function isSupported() {
  window.shaka.polyfill.installAll();
  return window.shaka.Player.isBrowserSupported();
}

const retryParameters = { maxAttempts: 2, baseDelay: 250, backoffFactor: 2, fuzzFactor: 0.5, timeout: 60_000, stallTimeout: 10_000, connectionTimeout: 10_000 };
const config = {
  manifest: {
    dash: { autoCorrectDrift: false }, // the server's dates are true
  },
  streaming: {
    retryParameters,
    lowLatencyMode: true,
    rebufferingGoal: 0.2, // a part or less
    bufferingGoal: 20, // when paused
    bufferBehind: 30,
    // The live edge of shaka-player is suggestedPresentationDelay behind live already. Left to itself it would keep the
    // Latency@target of the ServiceDescription behind that edge, twice as far as meant.
    liveSync: { enabled: true, targetLatency: 0, targetLatencyTolerance: 0.1, maxPlaybackRate: 1.1, minPlaybackRate: 0.96 },
  },
};

// What shaka-player would put in their place when a manifest is of low latency.
const lowLatencyConfig = { streaming: { inaccurateManifestTolerance: 0, segmentPrefetchLimit: 2, updateIntervalSeconds: 0.1, maxDisabledTime: 1 } };

export function create(page) {
  const { video } = page;
  const { Severity, Category, Code } = window.shaka.util.Error;
  const { RequestType } = window.shaka.net.NetworkingEngine;
  const player = new window.shaka.Player(null, page.captions);
  let epochMs = null; // availabilityStartTime
  let periods = []; // { start, offset }, in s: what is added to media times to place them in the presentation
  let begun = null; // how many of them
  let loaded = false;
  let over = false;
  let wanted = null; // the subtitles that were chosen

  player.configure(config);
  // A segment that is sent while it is encoded takes as long as it lasts: by that measure no network is ever faster than
  // the lowest rendition. Where the browser knows better, it is asked; parts that are resources can be measured.
  player.configure('abr.preferNetworkInformationBandwidth', !page.url.endsWith('/sequence.mpd'));
  player.configurationForLowLatency(lowLatencyConfig);
  const attached = player.attach(video);

  async function load() {
    loaded = false;
    epochMs = null;
    periods = [];
    begun = null;
    await attached;
    player.configure('manifest.retryParameters.maxAttempts', 1); // the page does it, and says so
    try {
      await player.load(page.url);
    } catch (error) {
      return failed(error);
    }
    loaded = true;
    player.configure('manifest.retryParameters', retryParameters);
    page.ended((over = !player.isDynamic()));
    showWanted();
    page.ready();
  }

  // shaka-player joins Periods to one, and never looks at availabilityStartTime again: both are read from what it reads.
  player.getNetworkingEngine().registerResponseFilter((type, { data }) => {
    if (type !== RequestType.MANIFEST) return;
    const manifest = new DOMParser().parseFromString(new TextDecoder().decode(data), 'text/xml').documentElement;
    for (const period of manifest.getElementsByTagName('Period')) {
      const start = secondsOf(period.getAttribute('start'));
      const template = period.getElementsByTagName('SegmentTemplate')[0];
      const mediaStart = (template?.getAttribute('presentationTimeOffset') ?? 0) / (template?.getAttribute('timescale') ?? 1);
      if (periods.every((each) => each.start !== start)) periods.push({ start, offset: start - mediaStart });
    }
    const startMs = Date.parse(manifest.getAttribute('availabilityStartTime'));
    if (Number.isNaN(startMs)) return; // a patch
    // Created again under its name: none of what is playing belongs to it.
    if (loaded && epochMs !== null && startMs !== epochMs) page.retry(load);
    epochMs = startMs;
  });
  const begunAt = (time) => periods.filter(({ start }) => start <= time + 0.05);
  video.addEventListener('timeupdate', () => {
    if (!loaded) return;
    const now = begunAt(video.currentTime).length;
    if (begun !== null && now > begun) page.discontinuity();
    begun = now;
  });

  // Where segments arrive in parts, shaka-player 5.2 moves subtitles by what it takes for the start of the segment of video,
  // and is the start of the last part: too early by up to a segment.
  player.configure('mediaSource.modifyCueCallback', (cue, _, { segmentStart, periodStart: offset }) => {
    const period = begunAt(segmentStart).at(-1);
    if (period && Number.isFinite(offset)) move(cue, period.offset - offset);
  });

  function failed(error) {
    const { code, category, severity, data } = error;
    // A patch that says that the whole manifest has to be read: it does.
    if (code === Code.LOAD_INTERRUPTED || code === Code.DASH_INVALID_PATCH) return;
    const status = code === Code.BAD_HTTP_STATUS ? data[1] : undefined;
    const gone = (status === 404 || status === 410) && data[4] === RequestType.MANIFEST;
    const fatal = severity === Severity.CRITICAL || gone;
    page.noteError(`shaka-player ${code}`, error.message, fatal, status);
    if (code === Code.CONTENT_UNSUPPORTED_BY_BROWSER || code === Code.NO_VARIANTS) page.unsupported();
    else if (fatal || category === Category.NETWORK) page.lost(status);
    if (fatal) page.retry(load);
  }

  const on = (name, listener) => player.addEventListener(name, listener);
  on('error', ({ detail }) => failed(detail));
  on('segmentappended', page.found);
  // It stops the media element before that runs dry.
  on('buffering', ({ buffering }) => (buffering ? page.noteStall() : page.goesOn()));
  on('manifestupdated', ({ isLive, isInProgress }) => {
    if (over === !(isLive || isInProgress)) return;
    over = !over;
    player.cancelTrickPlay(); // it stops adjusting the rate, wherever it stands
    page.ended(over);
  });
  for (const name of ['trackschanged', 'variantchanged', 'adaptation', 'audiotrackschanged', 'audiotrackchanged', 'textchanged', 'abrstatuschanged']) on(name, page.tracksChanged);

  const named = ({ label: name, language: lang }) => ({ name: name ?? '', lang: lang === 'und' ? '' : lang });
  const same = (a, b) => a.name === b.name && a.lang === b.lang;
  function showWanted() {
    const track = wanted && player.getTextTracks().find((each) => same(named(each), wanted));
    player.selectTextTrack(track ?? null);
    page.tracksChanged();
  }

  // A variant is a picture and a sound; to choose from are the pictures beside the sound that is played, or the sounds
  // of one language where there is no picture.
  function variants() {
    const all = player.getVariantTracks();
    const active = all.find((each) => each.active);
    const beside = all.filter((each) => active && (active.videoCodec ? each.audioId === active.audioId : same(named(each), named(active))));
    return beside.sort((a, b) => a.bandwidth - b.bandwidth);
  }
  const level = () => variants().findIndex(({ active }) => active);
  const liveEdge = () => (loaded && !over ? player.seekRange().end : null);
  const playingDate = () => (epochMs !== null && video.currentTime > 0 ? new Date(epochMs - page.delayMs + video.currentTime * 1000) : null);
  return {
    player,
    load,
    levels: () => variants().map(({ width, height, bandwidth }) => ({ width, height, bitrate_bps: bandwidth })),
    level,
    chosenLevel: () => (player.getConfiguration().abr.enabled ? -1 : level()),
    setLevel(index) {
      player.configure('abr.enabled', index < 0);
      if (index >= 0) player.selectVariantTrack(variants()[index]);
      page.tracksChanged();
    },
    sounds: () => player.getAudioTracks().map(named),
    sound: () => player.getAudioTracks().findIndex(({ active }) => active),
    setSound: (index) => player.selectAudioTrack(player.getAudioTracks()[index]),
    subtitles: () => player.getTextTracks().map(named),
    subtitle: () => (wanted ? player.getTextTracks().findIndex((track) => same(named(track), wanted)) : -1),
    setSubtitle(index) {
      wanted = index < 0 ? null : named(player.getTextTracks()[index]);
      showWanted();
    },
    playingDate,
    target: () => (liveEdge() === null || epochMs === null ? null : (Date.now() - epochMs) / 1000 - liveEdge()),
    behind: () => (liveEdge() === null ? null : liveEdge() - video.currentTime),
    livePosition: liveEdge,
  };
}

function move(cue, by) {
  cue.startTime += by;
  cue.endTime += by;
  for (const nested of cue.nestedCues) move(nested, by);
}

// Of an xs:duration without years and months.
function secondsOf(duration) {
  const [, days = 0, hours = 0, minutes = 0, seconds = 0] = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?)?$/.exec(duration) ?? [];
  return days * 86_400 + hours * 3600 + minutes * 60 + Number(seconds);
}
