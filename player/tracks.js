// Menus of what can be chosen beside the picture: the language of the sound, and subtitles.

const select = (id) => document.getElementById(id);

// A menu with these entries, `[value, label]`; it shows when there is something to choose.
function fill(id, entries, chosen, least) {
  const menu = select(id);
  menu.replaceChildren(...entries.map(([value, label]) => new Option(label, String(value))));
  menu.value = String(chosen);
  menu.parentElement.hidden = entries.length < least;
}

const label = ({ name, lang }) => (lang && lang !== name ? `${name} (${lang})` : name);

// Keeps the menus in step with hls.js.
export function trackMenus(hls) {
  const { Events } = window.Hls;
  const entries = (tracks) => tracks.map((track, index) => [index, label(track)]);
  const sound = () => fill('sound', entries(hls.audioTracks), hls.audioTrack, 2);
  const subtitles = () => fill('subtitles', [[-1, 'No subtitles'], ...entries(hls.subtitleTracks)], hls.subtitleTrack, 2);

  hls.on(Events.AUDIO_TRACKS_UPDATED, sound);
  hls.on(Events.AUDIO_TRACK_SWITCHED, sound);
  hls.on(Events.SUBTITLE_TRACKS_UPDATED, subtitles);
  hls.on(Events.SUBTITLE_TRACK_SWITCH, subtitles);
  select('sound').addEventListener('change', () => { hls.audioTrack = Number(select('sound').value); });
  select('subtitles').addEventListener('change', () => {
    hls.subtitleTrack = Number(select('subtitles').value);
    hls.subtitleDisplay = hls.subtitleTrack >= 0;
  });
}
