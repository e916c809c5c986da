// The player page of one broadcast: plays what lies beside the page, close behind live.
//
// `?player=hls|dash|shaka|native` says by what: `index.m3u8` or `manifest.mpd`. Otherwise hls.js does it where the browser
// has Media Source Extensions, and the browser's own HLS elsewhere. `?manifest=sequence` takes `sequence.mpd` for DASH,
// whose parts are resources of their own. `?start=`, `&end=` and `?delay=` go to the manifest.

import * as dash from './engines/dash.js';
import * as hls from './engines/hls.js';
import * as native from './engines/native.js';
import * as shaka from './engines/shaka.js';
import { BY_ITSELF, announcement, event, followEvent, isOver, isToCome } from './event.js';
import { fillMenus, listenToMenus, mbps } from './tracks.js';

const ENGINES = { hls, dash, shaka, native };
const $ = (id) => document.getElementById(id);
const video = $('video');
const query = new URLSearchParams(location.search);
const broadcast = decodeURIComponent(location.pathname.split('/').filter(Boolean).pop() ?? '') || 'Broadcast';

const FAR_BEHIND_S = 4; // beyond this nobody catches up by playing faster: the viewer is asked to jump
const RETRY_MIN_MS = 1000;
const RETRY_MAX_MS = 5000; // who waits for a match to begin is at most this late
const ERRORS_KEPT = 50;

const counts = { stalls: 0, discontinuities: 0, errors: [] };
let trouble = 'loading'; // loading | waiting | reconnecting | unloaded | unsupported | null: what is wrong
let started = false; // a frame has been shown
let stalled = false;
let blocked = false; // the browser lets nothing play before the viewer has pressed something
let mutedByPolicy = false;
let wantsPlay = true;
let over = false; // ENDLIST was seen, or the manifest is static
let recorded = false; // it was over before anything of it was shown
let attempt = 0;
let retryTimer;
let chosen; // the key in ENGINES
let engine; // what it created, once its script is there

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

function goesOn() {
  // An interruption must not leave the viewer behind; a pause may, for that was wished for.
  if (stalled && isFar()) goLive();
  stalled = false;
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

// ---- what an engine is given ---------------------------------------------------------------------

const page = {
  video,
  url: undefined,
  delayMs: (Number(query.get('delay')) || 0) * 1000, // by this a delayed MPD's clock is late
  captions: $('captions'), // where an engine that draws subtitles itself draws them
  attempts: () => attempt,
  noteError,
  noteStall,
  goesOn,
  lost,
  found,
  retry,
  ready() { if (wantsPlay) play(); },
  ended(yes) {
    over = yes;
    if (!started) recorded = yes;
    if (over) video.playbackRate = 1; // nobody adjusts it any more, wherever it stands
  },
  unsupported() { trouble = 'unsupported'; },
  discontinuity() { counts.discontinuities += 1; },
  tracksChanged() { if (engine) fillMenus(engine); },
};

// ---- the media element ---------------------------------------------------------------------------

video.addEventListener('waiting', noteStall);
video.addEventListener('playing', () => {
  started = true;
  blocked = false;
  goesOn();
});
// Headset keys and picture-in-picture pause too. While an engine reloads, the pause is not the viewer's.
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
    engine: ENGINES[chosen]?.name ?? null,
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
  waiting: ['The broadcast has not started yet', BY_ITSELF],
  buffering: ['Buffering', ''],
  reconnecting: ['Reconnecting', 'The stream cannot be reached at the moment. This page keeps trying.'],
  unloaded: ['The player cannot be loaded', 'This page keeps trying. You can also choose another player below.'],
  blocked: ['Ready to play', 'Your browser asks you to start playback yourself.'],
  ended: ['This broadcast has ended', 'Thank you for watching.'],
  unsupported: ['This browser cannot play the broadcast', 'Try a current version of Chrome, Edge, Firefox or Safari, choose another player below, or open the address elsewhere.'],
};
const SPINS = ['loading', 'waiting', 'buffering', 'reconnecting', 'unloaded'];
let announced;
const SAID = { playing: 'Playing', paused: 'Paused' };

// Writing only what changed keeps the aria-live region from repeating itself, and text selections alive.
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const seconds = (value) => (value === null || value < 0 ? '–' : `${value.toFixed(value < 100 ? 2 : 0)} s`);

// While nothing can be played, it is said when that will change.
function messageOf(now) {
  const isAnnounced = !started && (now === 'waiting' || (now === 'loading' && isToCome()));
  return (isAnnounced && announcement()) || MESSAGES[now];
}

function showMessage(now) {
  // While there is a picture, a short interruption gets a notice above it, not a curtain before it.
  const quiet = video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA && (now === 'reconnecting' || now === 'buffering');
  const message = quiet ? null : messageOf(now);
  $('message').hidden = !message;
  $('notice').hidden = !quiet;
  setText($('notice-text'), now === 'reconnecting' ? 'Reconnecting…' : 'Buffering…');
  if (message) {
    setText($('message-title'), message[0]);
    setText($('message-text'), message[1]);
    $('spinner').style.display = SPINS.includes(now) && !(now === 'waiting' && isOver()) ? '' : 'none';
    $('message-play').hidden = now !== 'blocked';
  }
  if (now !== announced) setText($('status'), messageOf(now)?.[0] ?? SAID[now]);
  announced = now;
}

function showBadge(now) {
  const badge = $('live');
  const shown = ['playing', 'buffering', 'paused'].includes(now);
  const behind = shown && !over && (now === 'paused' || isFar());
  const onAir = now === 'playing' && !over && !behind;
  badge.className = `badge${onAir ? ' on-air' : ''}${behind ? ' behind' : ''}`;
  badge.disabled = !behind;
  const other = over ? (recorded && now !== 'ended' ? 'Recording' : 'Ended') : { waiting: isOver() ? 'Ended' : 'Not started', buffering: 'Buffering', reconnecting: 'Reconnecting', blocked: 'Ready', unloaded: 'Unavailable', unsupported: 'Unavailable' }[now] ?? (!started && isToCome() ? 'Not started' : 'Connecting');
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
  if ($('quality').options.length) setText($('quality').options[0], now.level >= 0 && engine.chosenLevel() < 0 && level?.height ? `Auto (${level.height}p)` : 'Auto');
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

// What each of the two formats is called, and where.
const FORMATS = {
  hls: { manifest: 'index.m3u8', hint: 'This address works in Safari, VLC, ffplay, hls.js and any other HLS player.' },
  dash: {
    manifest: query.get('manifest') === 'sequence' ? 'sequence.mpd' : 'manifest.mpd',
    hint: 'This address works in dash.js, shaka-player, ExoPlayer and any other DASH player.',
  },
};

// What the manifest is asked to show: a stretch of the broadcast, or all of it, so many seconds late.
const VIEW = ['start', 'end', 'delay'];

function choose(key) {
  chosen = key;
  const { manifest, hint } = FORMATS[ENGINES[key].format];
  // As they were given: the packager knows one spelling.
  const view = location.search.slice(1).split('&').filter((pair) => VIEW.includes(pair.split('=')[0]));
  const url = new URL(manifest, location.origin + location.pathname);
  url.search = view.join('&').replace(/%3a/gi, ':');
  page.url = url.href;
  $('url').value = page.url;
  setText($('hint'), hint);
  $('player').value = key;
}

function changePlayer() {
  const to = new URL(location.href);
  to.searchParams.set('player', $('player').value);
  location.assign(to);
}

function loadScript(file) {
  return new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = `/-/player/${file}`;
    script.onload = resolve;
    script.onerror = () => {
      script.remove();
      reject(new Error(`${file} cannot be loaded`));
    };
    document.head.append(script);
  });
}

async function start(keys) {
  for (const key of keys) {
    choose(key);
    const { script, isSupported, create } = ENGINES[key];
    try {
      if (script) await loadScript(script);
    } catch (error) {
      noteError('otherError', error.message, true);
      trouble = 'unloaded';
      return retry(() => start(keys));
    }
    if (!isSupported()) continue;
    trouble = 'loading';
    attempt = 0;
    engine = create(page);
    listenToMenus(engine);
    return engine.load();
  }
  choose(keys[0]);
  trouble = 'unsupported';
}

function showTitle() {
  const title = event.title ?? broadcast;
  document.title = `${title} · Rimcast`;
  setText($('title'), title);
}

function main() {
  showTitle();
  followEvent(() => !started || trouble !== null, showTitle);
  $('copy').addEventListener('click', copyUrl);
  $('player').replaceChildren(...Object.entries(ENGINES).map(([key, { name }]) => new Option(name, key)));
  $('player').addEventListener('change', changePlayer);

  window.rimcast = {
    get player() { return engine?.player ?? null; },
    get hls() { return chosen === 'hls' ? this.player : null; },
    video,
    stats,
  };

  $('play').addEventListener('click', togglePlay);
  $('message-play').addEventListener('click', togglePlay);
  video.addEventListener('click', togglePlay);
  $('mute').addEventListener('click', toggleMute);
  $('unmute').addEventListener('click', toggleMute);
  $('fullscreen').addEventListener('click', toggleFullscreen);
  $('live').addEventListener('click', goLive);
  $('volume').addEventListener('input', () => { video.volume = $('volume').value; video.muted = video.volume === 0; });
  document.addEventListener('keydown', onKey);

  const asked = query.get('player');
  start(Object.hasOwn(ENGINES, asked) ? [asked] : ['hls', 'native']);

  refresh();
  setInterval(refresh, 250);
  setInterval(() => showHistory(stats()), 1000);
}

main();
