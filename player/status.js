// The operator's page: /-/player/status.html?broadcast=NAME asks /NAME/status every two seconds.

const EVERY_MS = 2000;
const TOKEN = "rimcast-admin-token";

const name = new URLSearchParams(location.search).get("broadcast") ?? "";
const by = (id) => document.getElementById(id);

/** Sets what is shown there, if it is not shown yet: so that screen readers are told of changes only. */
const show = (id, text) => {
  if (by(id).textContent !== text) by(id).textContent = text;
};

const seconds = (ms) => (ms === undefined ? "–" : ms < 10_000 ? `${(ms / 1000).toFixed(1)} s` : duration(ms));

const duration = (ms) => {
  const all = Math.round(ms / 1000);
  const [h, m, s] = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60];
  return h > 0 ? `${h} h ${m} min` : m > 0 ? `${m} min ${s} s` : `${s} s`;
};

const rate = (bps) => (bps >= 1e6 ? `${(bps / 1e6).toFixed(2)} Mbit/s` : `${Math.round(bps / 1e3)} kbit/s`);

/** In the zone of who looks. */
const clock = (iso) => new Date(iso).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });

const row = (track) => {
  const size = track.resolution?.[0] ? `${track.resolution[0]}×${track.resolution[1]} ` : "";
  const frames = track.frame_rate_mhz === undefined ? "–" : `${+(track.frame_rate_mhz / 1000).toFixed(2)} fps`;
  const cells = [
    track.name,
    [size, track.codec ?? "", track.language ? ` (${track.language})` : ""].join(""),
    rate(track.bit_rate_bps),
    frames,
    track.keyframe_interval_ms === undefined ? "–" : seconds(track.keyframe_interval_ms),
    track.drift_ms === undefined ? "–" : `${track.drift_ms} ms in ${duration(track.drift_over_ms)}`,
    track.ended ? "ended" : seconds(track.last_part_ms),
    `${track.behind_ms} ms`,
    String(track.gaps),
  ];
  const line = document.createElement("tr");
  line.classList.toggle("ended", track.ended);
  for (const cell of cells) line.append(Object.assign(document.createElement("td"), { textContent: cell }));
  return line;
};

const item = (text, kind = "") =>
  Object.assign(document.createElement("li"), { textContent: text, className: kind });

const render = (status) => {
  show("title", status.title ?? name);
  const names = { waiting: "Waiting", live: "Live", away: "Encoder away", ended: "Ended", clip: "Clip" };
  by("state").className = `badge ${status.state}`;
  show("state-text", names[status.state] ?? status.state);
  const said = status.warnings.map((text) => item(text));
  by("warnings").replaceChildren(...(said.length > 0 ? said : [item("Nothing to complain of.", "well")]));
  const { encoder } = status;
  const since = encoder?.connected_since;
  show("since", since ? duration(Date.parse(status.now) - Date.parse(since)) : "–");
  const { clip } = status;
  const begins = clip
    ? `clip of ${clip.of}, ${clock(clip.from)} to ${clock(clip.until)}`
    : status.start ? `starts ${clock(status.start)}` : "none has pushed yet";
  show("session", since ? `since ${clock(since)}` : begins);
  show("last", seconds(encoder?.last_part_ms));
  show("rate", rate(status.tracks.reduce((sum, track) => sum + track.bit_rate_bps, 0)));
  show("count", String(status.tracks.length));
  by("tracks").replaceChildren(...status.tracks.map(row));
  show("updated", `As of ${clock(status.now)}`);
};

const failed = (text) => {
  by("state").className = "badge";
  show("state-text", "No answer");
  by("warnings").replaceChildren(item(text));
};

/** Asks once; gives whether to ask again. */
const ask = async () => {
  const token = sessionStorage.getItem(TOKEN);
  const headers = token ? { authorization: `Bearer ${token}` } : {};
  try {
    const answer = await fetch(`/${name}/status`, { headers, cache: "no-store" });
    if (answer.status === 401 || answer.status === 403) {
      sessionStorage.removeItem(TOKEN);
      show("state-text", "Locked");
      show("login-why", token ? "That is not the token." : "The one that the host was started with.");
      by("login").hidden = false;
      by("token").focus();
      return false;
    }
    by("login").hidden = true;
    if (answer.ok) render(await answer.json());
    else failed((await answer.text()).trim());
  } catch {
    failed("The host cannot be reached; asking again.");
  }
  return true;
};

const go = async () => {
  if (await ask()) setTimeout(go, EVERY_MS);
};

by("login").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(TOKEN, by("token").value);
  by("token").value = "";
  go();
});

document.title = `${name} · status`;
show("title", name);
by("watch").href = `/${name}/`;
if (/^[a-z0-9][a-z0-9-]*$/.test(name)) go();
else failed("Add the broadcast to the address of this page: ?broadcast=NAME");
