// dash.js.

export const name = 'dash.js';
export const script = 'dash.mediaplayer.min.js';
export const format = 'dash';
export const isSupported = () => Boolean(globalThis.ManagedMediaSource ?? globalThis.MediaSource);

const MANIFEST_RETRIES = 8; // after these dash.js never asks again, and the stream is loaded anew

const settings = {
  streaming: {
    applyServiceDescription: true, // Latency@target and PlaybackRate
    delay: { useSuggestedPresentationDelay: true },
    liveCatchup: { enabled: true },
    text: { defaultEnabled: false },
    // The numbers below are meant as they are written, in low latency too.
    retryIntervals: { MPD: 500, MediaSegment: 200, InitializationSegment: 250, lowLatencyReductionFactor: 1 },
    retryAttempts: { MPD: 0, MediaSegment: 15, InitializationSegment: 20, lowLatencyMultiplyFactor: 1 },
    // Nothing of one broadcast, and nothing of the viewer, is kept for the next.
    lastBitrateCachingInfo: { enabled: false },
    lastMediaSettingsCachingInfo: { enabled: false },
  },
  // When it leaps into the next Period, dash.js 5.2 may append pictures where sound belongs. What it does about the error
  // leaves two players at work in one: the stream is loaded anew instead.
  errors: { recoverAttempts: { mediaErrorDecode: 0 } },
};

// Of dash.js's Errors: what stops it for good, whether or not it says so.
const UNSUPPORTED = [23, 35]; // no Media Source Extensions, no codec
const NO_STREAMS = 32;
const PASSING = [16, 26, 27, 28, 33]; // clock, index, segment, initialization segment, text: it tries the next

export function create(page) {
  const { video } = page;
  const { events } = window.dashjs.MediaPlayer;
  const player = window.dashjs.MediaPlayer().create();
  const texts = new Map(); // by Period
  let epochMs = null; // availabilityStartTime
  let playable = false; // most questions throw before
  let over = false;
  let wanted = null; // the subtitles that were chosen, which every Period has anew

  player.updateSettings(settings);
  player.initialize(video, null, false);
  player.clearDefaultUTCTimingSources(); // the manifest names the server's own
  player.attachTTMLRenderingDiv(page.captions);

  const manifestRetries = (MPD) => player.updateSettings({ streaming: { retryAttempts: { MPD } } });

  function load() {
    playable = false;
    epochMs = null;
    texts.clear();
    manifestRetries(0); // the page does it, and says so
    player.attachSource(page.url);
  }

  const on = (name, listener) => player.on(events[name], listener);
  on('MANIFEST_LOADED', ({ data }) => {
    const begun = data.availabilityStartTime?.getTime() ?? epochMs;
    const another = epochMs !== null && begun !== epochMs;
    epochMs = begun;
    manifestRetries(MANIFEST_RETRIES);
    // Created again under its name: none of what is playing belongs to it.
    if (another) page.retry(load);
  });
  on('STREAM_INITIALIZED', () => {
    playable = true;
    page.ended((over = !player.isDynamic()));
    page.tracksChanged();
    page.ready();
  });
  on('DYNAMIC_TO_STATIC', () => page.ended((over = true)));
  on('PERIOD_SWITCH_STARTED', ({ fromStreamInfo, toStreamInfo }) => {
    if (fromStreamInfo && fromStreamInfo.id !== toStreamInfo.id) page.discontinuity();
  });
  on('PERIOD_SWITCH_COMPLETED', showWanted);
  on('TEXT_TRACKS_ADDED', ({ streamId, tracks }) => {
    texts.set(streamId, tracks);
    showWanted();
  });
  for (const name of ['NEW_TRACK_SELECTED', 'TRACK_CHANGE_RENDERED', 'QUALITY_CHANGE_RENDERED']) on(name, page.tracksChanged);
  on('FRAGMENT_LOADING_COMPLETED', ({ error }) => { if (!error) page.found(); });
  on('ERROR', ({ error }) => {
    const { code, message, data } = error;
    const status = data?.response?.status;
    const passing = PASSING.includes(code);
    page.noteError(`dash.js ${code ?? 'error'}`, message, !passing, status);
    if (UNSUPPORTED.includes(code) || (code === NO_STREAMS && !playable)) page.unsupported();
    else if (!passing || status !== undefined) page.lost(status);
    if (!passing) page.retry(load);
  });

  // A Period's menus come from its adaptation sets, which are the same when a manifest is merely longer.
  function named({ labels, lang }) {
    return { name: labels?.[0]?.text ?? '', lang: lang === 'und' ? '' : (lang ?? '') };
  }
  const same = (a, b) => a.name === b.name && a.lang === b.lang;
  const subtitles = () => texts.get(player.getActiveStream()?.getStreamInfo()?.id) ?? [];
  function showWanted() {
    const index = wanted === null ? -1 : subtitles().findIndex((track) => same(named(track), wanted));
    if (playable && player.getCurrentTextTrackIndex() !== index) player.setTextTrack(index);
    page.tracksChanged();
  }

  const kind = () => (player.getTracksFor('video').length ? 'video' : 'audio');
  const representations = () => (playable ? player.getRepresentationsByType(kind()) : []);
  const sounds = () => (playable ? player.getTracksFor('audio') : []);
  const level = () => {
    const current = playable ? player.getCurrentRepresentationForType(kind()) : null;
    return current ? representations().findIndex(({ id }) => id === current.id) : -1;
  };
  const behind = () => (playable && !over && video.currentTime > 0 ? player.getCurrentLiveLatency() - player.getTargetLiveDelay() : null);
  return {
    player,
    load,
    levels: () => representations().map(({ width, height, bandwidth }) => ({ width, height, bitrate_bps: bandwidth })),
    level,
    chosenLevel: () => (player.getSettings().streaming.abr.autoSwitchBitrate[kind()] ? -1 : level()),
    setLevel(index) {
      player.updateSettings({ streaming: { abr: { autoSwitchBitrate: { [kind()]: index < 0 } } } });
      if (index >= 0) player.setRepresentationForTypeByIndex(kind(), index);
    },
    sounds: () => sounds().map(named),
    sound: () => sounds().findIndex(({ index }) => index === player.getCurrentTrackFor('audio')?.index),
    setSound: (index) => player.setCurrentTrack(sounds()[index]),
    subtitles: () => subtitles().map(named),
    subtitle: () => (playable ? (player.getCurrentTextTrackIndex() ?? -1) : -1),
    setSubtitle(index) {
      wanted = index < 0 ? null : named(subtitles()[index]);
      showWanted();
    },
    playingDate: () => (epochMs !== null && video.currentTime > 0 ? new Date(epochMs - page.delayMs + video.currentTime * 1000) : null),
    target: () => (playable ? player.getTargetLiveDelay() : null),
    behind,
    livePosition: () => (behind() === null ? null : video.currentTime + behind()),
  };
}
