// Watches a broadcast over one HTTP/2 connection, with many requests held at once, as Safari and CDNs do.
//
//   node http2.mjs ORIGIN BROADCAST
//
// ORIGIN with http: is spoken to in cleartext (prior knowledge), with https: whatever its certificate is. Prints what
// is wrong. Exit code: 0 nothing, 1 something, 2 the call was wrong.

import { connect } from 'node:http2';
import { gunzipSync } from 'node:zlib';

const BEGINS_WITHIN_MS = 40_000;
const HELD_AT_ONCE = 50;

const [origin, broadcast] = process.argv.slice(2);
if (!/^https?:/.test(origin ?? '') || !broadcast) {
  console.error('usage: node http2.mjs ORIGIN BROADCAST');
  process.exit(2);
}

const session = connect(origin, { rejectUnauthorized: false }); // it has signed its certificate itself

function get(path) {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':path': path, 'accept-encoding': 'gzip' });
    const pieces = [];
    let head;
    stream.on('response', (headers) => (head = headers));
    stream.on('data', (piece) => pieces.push(piece));
    stream.on('error', reject);
    stream.on('end', () => {
      const sent = Buffer.concat(pieces);
      const body = head['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent;
      resolve({ status: head[':status'], headers: head, body });
    });
  });
}

function must(holds, what) {
  if (!holds) throw new Error(what);
}

async function begun() {
  const path = `/${broadcast}/index.m3u8`;
  for (const began = Date.now(); ; ) {
    const answer = await get(path);
    if (answer.status === 200) return answer.body.toString();
    must(Date.now() - began < BEGINS_WITHIN_MS, `${path} answers ${answer.status}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

// Number of the segment that is open, and how many of its parts there are.
function next(text) {
  const lines = text.split('\n');
  const msn = Number(/MEDIA-SEQUENCE:(\d+)/.exec(text)[1]) + lines.filter((line) => line.startsWith('#EXTINF')).length;
  const open = lines.slice(lines.findLastIndex((line) => line.endsWith('.m4s')) + 1);
  return { msn, part: open.filter((line) => line.startsWith('#EXT-X-PART:')).length };
}

async function watch() {
  const uri = (await begun()).split('\n').find((line) => line && !line.startsWith('#'));
  const path = `/${broadcast}/${uri}`;
  const folder = path.slice(0, path.lastIndexOf('/') + 1);
  // Once a part of the open segment is there, that segment can be asked for.
  let text;
  do {
    const { msn, part } = next((await get(path)).body.toString());
    text = (await get(`${path}?_HLS_msn=${msn}&_HLS_part=${part}`)).body.toString();
  } while (next(text).part === 0);
  const { msn, part } = next(text);
  // Of the session that the part is of.
  const hintedUri = /PRELOAD-HINT:.*URI="([^"]+)"/.exec(text)[1];
  const [session] = hintedUri.split('/');
  const hinted = `${folder}${hintedUri}`;
  const blocking = Array.from({ length: HELD_AT_ONCE }, () => get(`${path}?_HLS_msn=${msn}&_HLS_part=${part}`));
  const [hint, growing, ...playlists] = await Promise.all([get(hinted), get(`${folder}${session}-${msn}.m4s`), ...blocking]);

  for (const playlist of playlists) {
    must(playlist.status === 200, `a blocking playlist answers ${playlist.status}`);
    must(playlist.body.equals(playlists[0].body), 'two who waited for the same were told different things');
    must(playlist.headers['content-encoding'] === 'gzip', 'the playlist is not compressed');
    must(playlist.headers.priority === 'u=1', `the priority of a playlist is ${playlist.headers.priority}`);
  }
  must(playlists[0].body.includes(hinted.slice(folder.length)), 'the part that was hinted is not listed');
  must(hint.status === 200 && hint.body.length > 0, `the part that was hinted answers ${hint.status}`);
  must(growing.status === 200, `the growing segment answers ${growing.status}`);
  must(growing.body.includes(hint.body), 'the growing segment ended without the part that was hinted');
}

try {
  await watch();
} catch (error) {
  console.log(error.message);
  process.exitCode = 1;
} finally {
  session.close();
}
