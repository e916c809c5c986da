// hls.js: where the browser has Media Source Extensions.

export const name = 'hls.js';
export const script = 'hls.min.js';
export const format = 'hls';
export const isSupported = () => window.Hls.isSupported();

// No liveSync setting: any of them would replace PART-HOLD-BACK as the target.
const config = {
  lowLatencyMode: true,
  maxLiveSyncPlaybackRate: 1.2, // makes up one second in five; speech stays natural
  liveSyncOnStallIncrease: 1, // an encoder that sends whole segments comes in bursts: be behind them after two stalls
  backBufferLength: 30,
  maxBufferLength: 20, // when paused
  manifestLoadPolicy: policy(20_000, { maxNumRetry: 0 }), // the page does it, and says so
  // A blocking reload is held up to 9 s; one more for the way.
  playlistLoadPolicy: policy(10_000, { maxNumRetry: 3, retryDelayMs: 500, maxRetryDelayMs: 4000 }),
  fragLoadPolicy: policy(10_000, { maxNumRetry: 4, retryDelayMs: 250, maxRetryDelayMs: 4000 }),
};

function policy(maxTimeToFirstByteMs, errorRetry) {
  const timeoutRetry = { maxNumRetry: 2, retryDelayMs: 0, maxRetryDelayMs: 0 };
  return { default: { maxTimeToFirstByteMs, maxLoadTimeMs: 60_000, timeoutRetry, errorRetry: { backoff: 'exponential', ...errorRetry } } };
}

export function create(page) {
  const { Events, ErrorTypes, ErrorDetails } = window.Hls;
  const hls = new window.Hls(config);
  const incompatible = [ErrorDetails.MANIFEST_INCOMPATIBLE_CODECS_ERROR, ErrorDetails.BUFFER_INCOMPATIBLE_CODECS_ERROR, ErrorDetails.BUFFER_ADD_CODEC_ERROR];
  let lastRecoveryMs = -Infinity;
  let continuity = null;
  let over = false;

  const menus = [Events.LEVELS_UPDATED, Events.AUDIO_TRACKS_UPDATED, Events.AUDIO_TRACK_SWITCHED, Events.SUBTITLE_TRACKS_UPDATED, Events.SUBTITLE_TRACK_SWITCH];
  for (const event of menus) hls.on(event, page.tracksChanged);
  hls.on(Events.MANIFEST_PARSED, () => {
    page.tracksChanged();
    page.ready();
  });
  hls.on(Events.LEVEL_UPDATED, (_, { details }) => {
    over = !details.live;
    page.ended(over);
  });
  hls.on(Events.FRAG_BUFFERED, page.found);
  hls.on(Events.FRAG_CHANGED, (_, { frag }) => {
    if (continuity !== null && frag.cc !== continuity) page.discontinuity();
    continuity = frag.cc;
  });
  hls.on(Events.ERROR, (_, { type, details, fatal, response }) => {
    page.noteError(type, details, fatal, response?.code);
    if (details === ErrorDetails.BUFFER_STALLED_ERROR) page.noteStall();
    if (!fatal) return;
    if (incompatible.includes(details)) page.unsupported();
    else if (type === ErrorTypes.MEDIA_ERROR) recoverMedia();
    else reconnect(response?.code);
  });

  function recoverMedia() {
    const now = performance.now();
    // A second one so soon means that starting the decoder anew does not help.
    if (now - lastRecoveryMs > 5000) {
      lastRecoveryMs = now;
      hls.recoverMediaError();
      page.ready();
    } else reconnect();
  }

  function reconnect(status) {
    page.lost(status);
    // What is gone, or fails again and again, is looked up anew from the multivariant playlist: a broadcast created
    // again under its name has other media URLs.
    const anew = !hls.levels.length || status === 404 || status === 410 || status === undefined || page.attempts() >= 2;
    page.retry(() => {
      if (!anew) return hls.startLoad();
      continuity = null;
      hls.loadSource(page.url);
    });
  }

  return {
    player: hls,
    load() {
      hls.attachMedia(page.video);
      hls.loadSource(page.url);
    },
    levels: () => hls.levels.map(({ width, height, bitrate }) => ({ width, height, bitrate_bps: bitrate })),
    level: () => hls.currentLevel,
    chosenLevel: () => (hls.autoLevelEnabled ? -1 : hls.loadLevel),
    // loadLevel, not currentLevel: what is buffered is a second or two, and flushing it would stall.
    setLevel: (level) => { hls.loadLevel = level; },
    sounds: () => hls.audioTracks.map(({ name, lang }) => ({ name, lang })),
    sound: () => hls.audioTrack,
    setSound: (index) => { hls.audioTrack = index; },
    subtitles: () => hls.subtitleTracks.map(({ name, lang }) => ({ name, lang })),
    subtitle: () => hls.subtitleTrack,
    setSubtitle(index) {
      hls.subtitleTrack = index;
      hls.subtitleDisplay = index >= 0;
    },
    playingDate: () => hls.playingDate,
    target: () => hls.targetLatency,
    behind: () => (over || hls.targetLatency === null ? null : hls.latency - hls.targetLatency),
    livePosition: () => hls.liveSyncPosition,
  };
}
