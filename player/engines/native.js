// The browser's own HLS.

export const name = 'native';
export const script = null;
export const format = 'hls';
export const isSupported = () => document.createElement('video').canPlayType('application/vnd.apple.mpegurl') !== '';

export function create(page) {
  const { video } = page;

  // A media element says nothing of an HTTP status, so the playlist is asked for first.
  async function load() {
    let status;
    try {
      status = (await fetch(page.url, { cache: 'no-store' })).status;
    } catch {
      status = 0;
    }
    if (status !== 200) {
      page.noteError('networkError', 'manifestLoadError', true, status);
      page.lost(status);
      return page.retry(load);
    }
    video.src = page.url;
    page.ready();
  }

  video.addEventListener('error', () => {
    page.noteError('mediaError', video.error?.message || 'error', true);
    if (video.error?.code === MediaError.MEDIA_ERR_DECODE && page.attempts() > 3) page.unsupported();
    else {
      page.lost();
      page.retry(load);
    }
  });
  video.addEventListener('loadeddata', page.found);
  video.addEventListener('ended', () => page.ended(true));

  // Safari has both lists; other browsers have subtitles alone, or neither.
  const sounds = () => [...(video.audioTracks ?? [])];
  const subtitles = () => [...video.textTracks].filter(({ kind }) => kind === 'subtitles' || kind === 'captions');
  for (const list of [video.audioTracks, video.textTracks]) {
    for (const event of ['addtrack', 'removetrack', 'change']) list?.addEventListener(event, page.tracksChanged);
  }
  video.addEventListener('resize', page.tracksChanged);

  const named = ({ label: name, language: lang }) => ({ name, lang });
  const liveEdge = () => (video.seekable.length && video.duration === Infinity ? video.seekable.end(video.seekable.length - 1) : null);
  return {
    player: null,
    load,
    levels: () => (video.videoHeight ? [{ width: video.videoWidth, height: video.videoHeight, bitrate_bps: null }] : []),
    level: () => (video.videoHeight ? 0 : -1),
    chosenLevel: () => -1,
    setLevel() {},
    sounds: () => sounds().map(named),
    sound: () => sounds().findIndex(({ enabled }) => enabled),
    setSound: (index) => sounds().forEach((track, i) => { track.enabled = i === index; }),
    subtitles: () => subtitles().map(named),
    subtitle: () => subtitles().findIndex(({ mode }) => mode === 'showing'),
    setSubtitle: (index) => subtitles().forEach((track, i) => { track.mode = i === index ? 'showing' : 'disabled'; }),
    playingDate() {
      const start = video.getStartDate?.().getTime(); // Safari only; NaN without EXT-X-PROGRAM-DATE-TIME
      return Number.isFinite(start) ? new Date(start + video.currentTime * 1000) : null;
    },
    target: () => null,
    behind: () => (liveEdge() === null ? null : Math.max(0, liveEdge() - video.currentTime)),
    livePosition: liveEdge,
  };
}
