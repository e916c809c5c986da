// The least a Worker in JavaScript can do: a yardstick. A playlist of a 60 s window is about this long.

const PLAYLIST = new Uint8Array(3600).fill(35);

export default {
  fetch() {
    return new Response(PLAYLIST, { headers: { "content-type": "application/vnd.apple.mpegurl" } });
  },
};
