// Menus of what can be chosen: the rendition, the language of the sound, and subtitles.

const select = (id) => document.getElementById(id);

// A menu with these entries, `[value, label]`; it shows when there is something to choose.
function fill(id, entries, chosen, least) {
  const menu = select(id);
  const shown = JSON.stringify(entries);
  // A menu that is open stays open when it would say the same.
  if (menu.dataset.shown !== shown) menu.replaceChildren(...entries.map(([value, label]) => new Option(label, String(value))));
  menu.dataset.shown = shown;
  menu.value = String(chosen);
  menu.parentElement.hidden = entries.length < least;
}

function label({ name, lang }, index) {
  if (!name) return lang || `Track ${index + 1}`;
  return lang && lang !== name ? `${name} (${lang})` : name;
}
const entries = (tracks) => tracks.map((track, index) => [index, label(track, index)]);

export const mbps = (bps) => (bps ? `${(bps / 1e6).toFixed(2)} Mbit/s` : '');
const renditions = (levels) => levels.map(({ height, bitrate_bps }, index) => [index, [height && `${height}p`, mbps(bitrate_bps)].filter(Boolean).join(', ')]);

// Brings the menus in step with the engine.
export function fillMenus(engine) {
  fill('sound', entries(engine.sounds()), engine.sound(), 2);
  fill('subtitles', [[-1, 'No subtitles'], ...entries(engine.subtitles())], engine.subtitle(), 2);
  fill('quality', [[-1, 'Auto'], ...renditions(engine.levels()).reverse()], engine.chosenLevel(), 3);
}

// Lets the viewer choose.
export function listenToMenus(engine) {
  const choose = (id, set) => select(id).addEventListener('change', () => set(Number(select(id).value)));
  choose('sound', engine.setSound);
  choose('subtitles', engine.setSubtitle);
  choose('quality', engine.setLevel);
}
