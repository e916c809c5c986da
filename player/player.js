// The player page of one broadcast: plays `index.m3u8`, which lies beside the page, a PART-HOLD-BACK behind live.
// hls.js where the browser has Media Source Extensions, the browser's own HLS elsewhere (or with `?native`).

import { trackMenus } from './tracks.js';

const Hls = window.Hls;
const $ = (id) => document.getElementById(id);
const video = $('video');
const playlistUrl = new URL('index.m3u8', location.origin + location.pathname).href;
const broadcast = decodeURIComponent(location.pathname.split('/').filter(Boolean).pop() ?? '') || 'Broadcast';

const FAR_BEHIND_S = 4; // beyond this hls.js no longer catches up by playing faster: the viewer is asked to jump
const RETRY_MIN_MS = 1000;
const RETRY_MAX_MS = 5000; // who waits for a match to begin is at most this late
const ERRORS_KEPT = 50;

const counts = { stalls: 0, discontinuities: 0, errors: [] };
let trouble = 'loading'; // loading | waiting | reconnecting | unsupported | null: what is wrong with the stream
let started = false; // a frame has been shown
let stalled = false;
let blocked = false; // the browser lets nothing play before the viewer has pressed something
let mutedByPolicy = false;
let wantsPlay = true;
let over = false; // ENDLIST was seen
let attempt = 0;
let retryTimer;
let engine; // { name, load, levels, level, auto, setLevel, latency, target, behind, livePosition, playingDate, ... }

// ---- what happens --------------------------------------------------------------------------------

function state() {
  if (trouble === 'unsupported') return trouble;
  if (over && video.ended) return 'ended';
  if (trouble) return trouble;
  if (blocked) return 'blocked';
  if (!started) return 'loading';
  if (video.paused) return 'paused';
  return stalled ? 'buffering' : 'playing';
}

function noteError(type, details, fatal, status) {
  counts.errors.push({ type, details, fatal, status: status ?? null, at_ms: Math.round(performance.now()) });
  if (counts.errors.length > ERRORS_KEPT) counts.errors.shift();
}

function noteStall() {
  if (!started || stalled || video.seeking || video.ended || video.paused) return;
  stalled = true;
  counts.stalls += 1;
}

// Full jitter below the ceiling's half, so that an audience which lost the stream together does not come back together.
function retry(action) {
  const ceiling = Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 1.5 ** attempt);
  attempt += 1;
  clearTimeout(retryTimer);
  retryTimer = setTimeout(action, ceiling * (0.5 + Math.random() / 2));
}

// An answer of 404 or 503 before anything has played is a broadcast that has not begun.
function lost(status) {
  if (trouble === 'unsupported') return;
  if (started) trouble = 'reconnecting';
  else trouble = status === 404 || status === 503 ? 'waiting' : 'reconnecting';
}

function found() {
  trouble = null;
  attempt = 0;
}

async function play() {
  try {
    await video.play();
    blocked = false;
  } catch (error) {
    // Only this name is the autoplay policy; AbortError means that a reload came between, which plays again itself.
    if (error.name !== 'NotAllowedError') return;
    if (video.muted) {
      blocked = true;
      return;
    }
    video.muted = true;
    mutedByPolicy = true;
    await play();
  }
}

function goLive() {
  const position = engine.livePosition();
  if (position !== null) video.currentTime = position;
  wantsPlay = true;
  play();
}

function isFar() {
  const behind = engine.behind();
  return behind !== null && behind > FAR_BEHIND_S;
}

// ---- hls.js --------------------------------------------------------------------------------------

// No liveSync setting: any of them would replace PART-HOLD-BACK as the target.
const hlsConfig = {
  lowLatencyMode: true,
  maxLiveSyncPlaybackRate: 1.2, // makes up one second in five; speech stays natural
  liveSyncOnStallIncrease: 1, // an encoder that sends whole segments comes in bursts: be behind them after two stalls
  backBufferLength: 30,
  maxBufferLength: 20, // when paused
  manifestLoadPolicy: policy(20_000, { maxNumRetry: 0 }), // `retry` does it, and says so on the page
  // A blocking reload is held up to 9 s; one more for the way.
  playlistLoadPolicy: policy(10_000, { maxNumRetry: 3, retryDelayMs: 500, maxRetryDelayMs: 4000 }),
  fragLoadPolicy: policy(10_000, { maxNumRetry: 4, retryDelayMs: 250, maxRetryDelayMs: 4000 }),
};

function policy(maxTimeToFirstByteMs, errorRetry) {
  const timeoutRetry = { maxNumRetry: 2, retryDelayMs: 0, maxRetryDelayMs: 0 };
  return { default: { maxTimeToFirstByteMs, maxLoadTimeMs: 60_000, timeoutRetry, errorRetry: { backoff: 'exponential', ...errorRetry } } };
}

function hlsEngine() {
  const hls = new Hls(hlsConfig);
  const { Events, ErrorTypes, ErrorDetails } = Hls;
  const incompatible = [ErrorDetails.MANIFEST_INCOMPATIBLE_CODECS_ERROR, ErrorDetails.BUFFER_INCOMPATIBLE_CODECS_ERROR, ErrorDetails.BUFFER_ADD_CODEC_ERROR];
  let lastRecoveryMs = -Infinity;
  let continuity = null;

  trackMenus(hls);
  hls.on(Events.MANIFEST_PARSED, () => {
    fillQualityMenu();
    if (wantsPlay) play();
  });
  hls.on(Events.LEVELS_UPDATED, fillQualityMenu);
  hls.on(Events.LEVEL_UPDATED, (_, { details }) => {
    over = !details.live;
    if (over) video.playbackRate = 1; // hls.js stops adjusting the rate, wherever it stands
  });
  hls.on(Events.FRAG_BUFFERED, found);
  hls.on(Events.FRAG_CHANGED, (_, { frag }) => {
    if (continuity !== null && frag.cc !== continuity) counts.discontinuities += 1;
    continuity = frag.cc;
  });
  hls.on(Events.ERROR, (_, { type, details, fatal, response }) => {
    noteError(type, details, fatal, response?.code);
    if (details === ErrorDetails.BUFFER_STALLED_ERROR) noteStall();
    if (!fatal) return;
    if (incompatible.includes(details)) trouble = 'unsupported';
    else if (type === ErrorTypes.MEDIA_ERROR) recoverMedia();
    else reconnect(response?.code);
  });

  function recoverMedia() {
    const now = performance.now();
    // A second one so soon means that starting the decoder anew does not help.
    if (now - lastRecoveryMs > 5000) {
      lastRecoveryMs = now;
      hls.recoverMediaError();
      if (wantsPlay) play();
    } else reconnect();
  }

  function reconnect(status) {
    lost(status);
    // What is gone, or fails again and again, is looked up anew from the multivariant playlist: a broadcast created
    // again under its name has other media URLs.
    const anew = !hls.levels.length || status === 404 || status === 410 || status === undefined || attempt >= 2;
    retry(() => {
      if (!anew) return hls.startLoad();
      continuity = null;
      hls.loadSource(playlistUrl);
    });
  }

  return {
    name: 'hls.js',
    hls,
    load() {
      hls.attachMedia(video);
      hls.loadSource(playlistUrl);
    },
    levels: () => hls.levels.map(({ width, height, bitrate }) => ({ width, height, bitrate_bps: bitrate })),
    level: () => hls.currentLevel,
    auto: () => hls.autoLevelEnabled,
    // loadLevel, not currentLevel: what is buffered is a second or two, and flushing it would stall.
    setLevel: (level) => { hls.loadLevel = level; },
    playingDate: () => hls.playingDate,
    target: () => hls.targetLatency,
    behind: () => (over || hls.targetLatency === null ? null : hls.latency - hls.targetLatency),
    livePosition: () => hls.liveSyncPosition,
  };
}

// ---- the browser's own HLS -----------------------------------------------------------------------

function nativeEngine() {
  // A media element says nothing of an HTTP status, so the playlist is asked for first.
  async function load() {
    let status;
    try {
      status = (await fetch(playlistUrl, { cache: 'no-store' })).status;
    } catch {
      status = 0;
    }
    if (status !== 200) {
      noteError('networkError', 'manifestLoadError', true, status);
      lost(status);
      return retry(load);
    }
    video.src = playlistUrl;
    if (wantsPlay) play();
  }

  video.addEventListener('error', () => {
    noteError('mediaError', video.error?.message || 'error', true);
    if (video.error?.code === MediaError.MEDIA_ERR_DECODE && attempt > 3) trouble = 'unsupported';
    else {
      lost();
      retry(load);
    }
  });
  video.addEventListener('loadeddata', found);
  video.addEventListener('ended', () => { over = true; });

  const liveEdge = () => (video.seekable.length && video.duration === Infinity ? video.seekable.end(video.seekable.length - 1) : null);
  return {
    name: 'native',
    hls: null,
    load,
    levels: () => (video.videoHeight ? [{ width: video.videoWidth, height: video.videoHeight, bitrate_bps: null }] : []),
    level: () => (video.videoHeight ? 0 : -1),
    auto: () => true,
    setLevel() {},
    playingDate() {
      const start = video.getStartDate?.().getTime(); // Safari only; NaN without EXT-X-PROGRAM-DATE-TIME
      return Number.isFinite(start) ? new Date(start + video.currentTime * 1000) : null;
    },
    target: () => null,
    behind: () => (liveEdge() === null ? null : Math.max(0, liveEdge() - video.currentTime)),
    livePosition: liveEdge,
  };
}

// ---- the media element ---------------------------------------------------------------------------

video.addEventListener('waiting', noteStall);
video.addEventListener('playing', () => {
  started = true;
  blocked = false;
  // An interruption must not leave the viewer behind; a pause may, for that was wished for.
  if (stalled && isFar()) goLive();
  stalled = false;
});
// Headset keys and picture-in-picture pause too. While hls.js reloads, the pause is not the viewer's.
video.addEventListener('pause', () => {
  if (!video.ended && video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) wantsPlay = false;
});
video.addEventListener('play', () => { wantsPlay = true; });

// ---- numbers -------------------------------------------------------------------------------------

const round = (value, digits) => (Number.isFinite(value) ? Number(value.toFixed(digits)) : null);

function bufferS() {
  for (let i = 0; i < video.buffered.length; i += 1) {
    if (video.buffered.start(i) <= video.currentTime && video.currentTime <= video.buffered.end(i)) return video.buffered.end(i) - video.currentTime;
  }
  return 0;
}

function stats() {
  const frames = video.getVideoPlaybackQuality?.();
  const date = engine?.playingDate()?.getTime() ?? null;
  return {
    state: state(),
    engine: engine?.name ?? null,
    latency_s: date === null ? null : round((Date.now() - date) / 1000, 3),
    target_latency_s: round(engine?.target() ?? NaN, 3),
    behind_target_s: round(engine?.behind() ?? NaN, 3),
    buffer_s: round(bufferS(), 3),
    playback_rate: video.playbackRate,
    dropped_frames: frames?.droppedVideoFrames ?? null,
    decoded_frames: frames?.totalVideoFrames ?? null,
    stalls: counts.stalls,
    discontinuities: counts.discontinuities,
    errors: counts.errors.slice(),
    level: engine?.level() ?? -1,
    levels: engine?.levels() ?? [],
    current_time_s: round(video.currentTime, 3),
    playing_date_ms: date,
  };
}

// ---- what is shown -------------------------------------------------------------------------------

const MESSAGES = {
  loading: ['Connecting', ''],
  waiting: ['The broadcast has not started yet', 'This page starts playing by itself as soon as it does.'],
  buffering: ['Buffering', ''],
  reconnecting: ['Reconnecting', 'The stream cannot be reached at the moment. This page keeps trying.'],
  blocked: ['Ready to play', 'Your browser asks you to start playback yourself.'],
  ended: ['The broadcast has ended', 'Thank you for watching.'],
  unsupported: ['This browser cannot play the broadcast', 'Try a current version of Chrome, Edge, Firefox or Safari, or open the address below in another player.'],
};
const SPINS = ['loading', 'waiting', 'buffering', 'reconnecting'];
let announced;
const SAID = { playing: 'Playing', paused: 'Paused' };

// Writing only what changed keeps the aria-live region from repeating itself, and text selections alive.
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const mbps = (bps) => (bps ? `${(bps / 1e6).toFixed(2)} Mbit/s` : '');
const seconds = (value) => (value === null || value < 0 ? '–' : `${value.toFixed(value < 100 ? 2 : 0)} s`);

function showMessage(now) {
  // While there is a picture, a short interruption gets a notice above it, not a curtain before it.
  const quiet = video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA && (now === 'reconnecting' || now === 'buffering');
  const message = quiet ? null : MESSAGES[now];
  $('message').hidden = !message;
  $('notice').hidden = !quiet;
  setText($('notice-text'), now === 'reconnecting' ? 'Reconnecting…' : 'Buffering…');
  if (message) {
    setText($('message-title'), message[0]);
    setText($('message-text'), message[1]);
    $('spinner').style.display = SPINS.includes(now) ? '' : 'none';
    $('message-play').hidden = now !== 'blocked';
  }
  if (now !== announced) setText($('status'), MESSAGES[now]?.[0] ?? SAID[now]);
  announced = now;
}

function showBadge(now) {
  const badge = $('live');
  const shown = ['playing', 'buffering', 'paused'].includes(now);
  const behind = shown && !over && (now === 'paused' || isFar());
  const onAir = now === 'playing' && !over && !behind;
  badge.className = `badge${onAir ? ' on-air' : ''}${behind ? ' behind' : ''}`;
  badge.disabled = !behind;
  const other = over ? 'Ended' : { waiting: 'Not started', buffering: 'Buffering', reconnecting: 'Reconnecting', blocked: 'Ready', unsupported: 'Unavailable' }[now] ?? 'Connecting';
  setText($('live-text'), onAir ? 'LIVE' : behind ? 'Behind live, click to catch up' : other);
}

function showControls() {
  const paused = video.paused;
  const silent = video.muted || video.volume === 0;
  $('stage').classList.toggle('paused', paused);
  $('stage').classList.toggle('silent', silent);
  label($('play'), paused ? 'Play' : 'Pause', 'Space');
  label($('mute'), silent ? 'Unmute' : 'Mute', 'M');
  $('unmute').hidden = !(mutedByPolicy && video.muted && started);
  $('volume').value = video.muted ? 0 : video.volume;
}

function label(button, text, key) {
  button.setAttribute('aria-label', text);
  button.title = `${text} (${key})`;
}

function showStats(now) {
  setText($('latency'), over ? '–' : seconds(now.latency_s));
  setText($('latency-target'), over || now.target_latency_s === null ? '' : `target ${now.target_latency_s.toFixed(2)} s`);
  setText($('buffer'), started ? seconds(now.buffer_s) : '–');
  setText($('rate'), started && now.playback_rate !== 1 ? `catching up, ${now.playback_rate.toFixed(2)}×` : '');
  const level = now.levels[now.level];
  // What is shown, not what the playlist says: a media playlist alone says nothing, and a switch takes a moment.
  setText($('rendition'), video.videoHeight ? `${video.videoWidth}×${video.videoHeight}` : '–');
  setText($('bitrate'), mbps(level?.bitrate_bps));
  setText($('dropped'), started ? String(now.dropped_frames ?? '–') : '–');
  setText($('decoded'), started && now.decoded_frames ? `of ${now.decoded_frames.toLocaleString('en')}` : '');
  setText($('stalls'), started ? String(now.stalls) : '–');
  if ($('quality').options.length) setText($('quality').options[0], now.level >= 0 && engine.auto() && level?.height ? `Auto (${level.height}p)` : 'Auto');
}

// The last minute of latency, one point a second.
const history = [];
function showHistory(now) {
  if (now.latency_s === null || now.state !== 'playing') return;
  history.push(now.latency_s);
  if (history.length > 60) history.shift();
  const top = Math.max(...history, 4);
  $('spark').setAttribute('points', history.map((s, i) => `${(120 - (history.length - 1 - i) * 2).toFixed(1)},${(31 - (s / top) * 28).toFixed(1)}`).join(' '));
}

function fillQualityMenu() {
  const menu = $('quality');
  const chosen = engine.auto() ? -1 : engine.hls.loadLevel;
  const levels = engine.levels().map(({ height, bitrate_bps }, index) => ({ index, text: [height && `${height}p`, mbps(bitrate_bps)].filter(Boolean).join(', ') }));
  menu.replaceChildren(new Option('Auto', -1), ...levels.reverse().map(({ index, text }) => new Option(text, index)));
  menu.value = chosen;
  $('quality-label').hidden = levels.length < 2;
}

// ---- what the viewer does ------------------------------------------------------------------------

function togglePlay() {
  if (!video.paused) return video.pause();
  wantsPlay = true;
  if (over && video.ended) video.currentTime = video.seekable.length ? video.seekable.start(0) : 0;
  play();
}

function toggleMute() {
  video.muted = !video.muted;
  if (!video.muted && video.volume === 0) video.volume = 0.5;
  mutedByPolicy = false;
}

function toggleFullscreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else if ($('stage').requestFullscreen) $('stage').requestFullscreen();
  else video.webkitEnterFullscreen?.(); // iPhone: only the video itself can fill the screen
}

async function copyUrl() {
  const field = $('url');
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    document.execCommand('copy'); // navigator.clipboard is missing on plain http, but for localhost
  }
  setText($('copy'), 'Copied');
  setText($('status'), 'Address copied');
  setTimeout(() => setText($('copy'), 'Copy'), 2000);
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest?.('input, select')) return;
  // A focused button takes the space bar itself.
  if (event.key === ' ' && event.target.closest?.('button')) return;
  const action = { ' ': togglePlay, k: togglePlay, m: toggleMute, f: toggleFullscreen, l: goLive }[event.key.toLowerCase()];
  if (!action || !engine) return;
  event.preventDefault();
  action();
}

// ---- start ---------------------------------------------------------------------------------------

function refresh() {
  const now = stats();
  showMessage(now.state);
  showBadge(now.state);
  showControls();
  showStats(now);
}

function main() {
  document.title = `${broadcast} · Rimcast`;
  setText($('title'), broadcast);
  $('url').value = playlistUrl;
  $('copy').addEventListener('click', copyUrl);

  const native = video.canPlayType('application/vnd.apple.mpegurl') !== '';
  const forced = new URLSearchParams(location.search).has('native');
  if (Hls?.isSupported() && !(forced && native)) engine = hlsEngine();
  else if (native) engine = nativeEngine();
  window.rimcast = { hls: engine?.hls ?? null, video, stats };

  if (engine) {
    $('play').addEventListener('click', togglePlay);
    $('message-play').addEventListener('click', togglePlay);
    video.addEventListener('click', togglePlay);
    $('mute').addEventListener('click', toggleMute);
    $('unmute').addEventListener('click', toggleMute);
    $('fullscreen').addEventListener('click', toggleFullscreen);
    $('live').addEventListener('click', goLive);
    $('volume').addEventListener('input', () => { video.volume = $('volume').value; video.muted = video.volume === 0; });
    $('quality').addEventListener('change', () => engine.setLevel(Number($('quality').value)));
    document.addEventListener('keydown', onKey);
    engine.load();
  } else trouble = 'unsupported';

  refresh();
  setInterval(refresh, 250);
  setInterval(() => showHistory(stats()), 1000);
}

main();
