// Reads HLS playlists with hls-parser in strict mode, and says what it rejects.
//
//   node strict.mjs [--follow] [--allow TEXT]... FILE|URL...
//
// Multivariant and media playlists alike. --follow also reads the media playlists that a multivariant playlist names.
// hls-parser rejects some playlists that are legal; --allow names a complaint, by a part of its text, that shall not
// fail the call. It is still printed. Exit code: 0 all accepted, 1 not all, 2 the call was wrong.

import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import HLS from 'hls-parser';

const ANSWERS_WITHIN_MS = 15_000; // a playlist may be held for 9 s

function options() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { follow: { type: 'boolean', default: false }, allow: { type: 'string', multiple: true, default: [] } },
    });
    if (positionals.length) return { ...values, places: positionals };
    throw new Error('no playlist is named');
  } catch (error) {
    console.error(`${error.message}\nusage: node strict.mjs [--follow] [--allow TEXT]... FILE|URL...`);
    process.exit(2);
  }
}

const locate = (place) => (/^https?:/.test(place) ? new URL(place) : pathToFileURL(resolve(place)));

async function read(url) {
  if (url.protocol === 'file:') return readFile(url, 'utf8');
  const response = await fetch(url, { signal: AbortSignal.timeout(ANSWERS_WITHIN_MS) });
  if (!response.ok) throw new Error(`answered ${response.status}`);
  return response.text();
}

// Strict mode stops at the first complaint. The other mode writes complaints to the console and goes on: caught
// there, all of them can be told at once.
function complaints(text) {
  try {
    HLS.setOptions({ strictMode: true });
    HLS.parse(text);
    return [];
  } catch (error) {
    const all = new Set([error.message]);
    const { error: print } = console;
    console.error = (line) => all.add(String(line?.message ?? line));
    try {
      HLS.setOptions({ strictMode: false });
      HLS.parse(text);
    } catch {
      // What it cannot read in either mode is the first complaint.
    } finally {
      console.error = print;
    }
    return [...all];
  }
}

function renditions(text, url) {
  HLS.setOptions({ strictMode: false, silent: true });
  const playlist = HLS.parse(text);
  HLS.setOptions({ silent: false });
  if (!playlist.isMasterPlaylist) return [];
  const uris = playlist.variants.flatMap(({ uri, audio, video, subtitles }) => [uri, ...[...audio, ...video, ...subtitles].map((media) => media.uri)]);
  return [...new Set(uris.filter(Boolean))].map((uri) => new URL(uri, url));
}

const { places, follow, allow } = options();
const queue = places.map(locate);
let failed = false;
for (const url of queue) {
  const name = url.protocol === 'file:' ? url.pathname : url.href;
  let text;
  try {
    text = await read(url);
  } catch (error) {
    failed = true;
    console.log(`not ok ${name}\n  cannot be read: ${error.message}`);
    continue;
  }
  const found = complaints(text);
  const isAllowed = (complaint) => allow.some((part) => complaint.includes(part));
  const ok = found.every(isAllowed);
  failed ||= !ok;
  console.log(`${ok ? 'ok' : 'not ok'} ${name}`);
  for (const complaint of found) console.log(`  ${isAllowed(complaint) ? 'allowed: ' : ''}${complaint}`);
  if (follow && ok) queue.push(...renditions(text, url).filter(({ href }) => !queue.some((known) => known.href === href)));
}
process.exitCode = failed ? 1 : 0;
