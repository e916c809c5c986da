// Reads MPDs with mpd-parser, which is what video.js reads them with, and prints as JSON what it found in each.
//
//   node mpd.mjs [--now MS]... FILE|URL...
//
// A file is read as though it was at /manifest.mpd. --now is the time to read at, in milliseconds since 1970, for what
// @duration gives: once, or once for each MPD in order; without it, it is the time there is. What mpd-parser warns of
// is in the report. Exit code: 0 all read, with segments in each; 1 not all; 2 the call was wrong.

import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { parse } from 'mpd-parser';

const ANSWERS_WITHIN_MS = 15_000;
const NOWHERE = 'http://mpd.invalid';

function options() {
  try {
    const { values, positionals } = parseArgs({ allowPositionals: true, options: { now: { type: 'string', multiple: true, default: [] } } });
    const times = values.now.map(Number);
    if (!positionals.length) throw new Error('no MPD is named');
    if (!times.every(Number.isInteger)) throw new Error('--now takes milliseconds');
    if (times.length > 1 && times.length !== positionals.length) throw new Error('--now is neither given once nor for each');
    return positionals.map((place, at) => ({ place, now: times[at] ?? times[0] ?? Date.now() }));
  } catch (error) {
    console.error(`${error.message}\nusage: node mpd.mjs [--now MS]... FILE|URL...`);
    process.exit(2);
  }
}

async function read(place) {
  if (!/^https?:/.test(place)) return { text: await readFile(place, 'utf8'), url: `${NOWHERE}/manifest.mpd` };
  const response = await fetch(place, { signal: AbortSignal.timeout(ANSWERS_WITHIN_MS) });
  if (!response.ok) throw new Error(`answered ${response.status}`);
  return { text: await response.text(), url: response.url };
}

const shown = (url) => (url?.startsWith(NOWHERE) ? url.slice(NOWHERE.length) : (url ?? null));

function describe(kind, { attributes, segments }, language) {
  return {
    id: String(attributes.NAME),
    kind,
    codecs: attributes.CODECS ?? null,
    bandwidth: attributes.BANDWIDTH ?? null,
    language: language || null,
    // Its numbers are its own count.
    segments: segments.map(({ duration, presentationTime, resolvedUri, map, discontinuity }) => ({
      url: shown(resolvedUri),
      init: shown(map?.resolvedUri),
      start: presentationTime,
      duration,
      discontinuity: Boolean(discontinuity),
    })),
  };
}

function playlists({ playlists: videos, mediaGroups }) {
  const found = videos.map((playlist) => describe('video', playlist));
  for (const [type, kind] of [['AUDIO', 'audio'], ['SUBTITLES', 'text']]) {
    for (const group of Object.values(mediaGroups[type])) {
      for (const { language, playlists: own } of Object.values(group)) found.push(...own.map((playlist) => describe(kind, playlist, language)));
    }
  }
  return found;
}

async function report({ place, now }) {
  const warnings = [];
  try {
    const { text, url } = await read(place);
    const manifest = parse(text, { manifestUri: url, NOW: now, eventHandler: ({ type, message }) => warnings.push(`${type}: ${message}`) });
    const found = playlists(manifest);
    const error = found.some(({ segments }) => segments.length) ? null : 'no segment is found in it';
    return { place, error, warnings, duration: manifest.duration, playlists: found };
  } catch (error) {
    return { place, error: error.message, warnings, duration: 0, playlists: [] };
  }
}

const reports = await Promise.all(options().map(report));
console.log(JSON.stringify(reports));
process.exitCode = reports.some(({ error }) => error) ? 1 : 0;
