// Watches a broadcast in WebKitGTK, which plays HLS by itself, as Safari does, but with GStreamer, and reports how that went.
//
//   node webkit.mjs --url http://127.0.0.1:8080/demo/ --seconds 30 [--warmup 5] [--screenshot out.png]
//                   [--size 1280x960] [--player NAME] [--to-the-end] [--json]
//
// --player: native, where nothing else is said.
//
// --to-the-end: the broadcast ends meanwhile. Playback does too, and not before what was sent last.
//
// Prints the report of watch.mjs, as far as there is something to say: WebDriver tells of no requests and no console. WebKitGTK
// tells of no dates either; latency is counted from the first date of the playlist. Exit code: 0 the broadcast played
// throughout, 1 it did not, 2 the call was wrong.
//
// GStreamer 1.22 shows nothing but the first picture where a live playlist does not begin with the media time 0, whoever made
// it: WebKit seeks when it starts, and the segment that follows has the playlist's times and not the media's. So what is live
// can be watched as long as its playlist lists it from the beginning.
//
// Needs Xvfb, WebKitWebDriver, and GStreamer's plugins (good, bad, libav, gl).

import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PLAYS_WITHIN_MS, SAMPLE_MS, collectSamples, judge } from './judge.mjs';

const STARTS_WITHIN_MS = 20_000;
const ENDS_WITHIN_MS = 5_000;

function usage(problem) {
  console.error(`${problem}\nusage: node webkit.mjs --url URL --seconds N [--warmup N] [--screenshot FILE] [--size WxH] [--player NAME] [--to-the-end] [--json]`);
  process.exit(2);
}

function options() {
  let values;
  try {
    ({ values } = parseArgs({
      options: {
        url: { type: 'string' },
        seconds: { type: 'string', default: '30' },
        warmup: { type: 'string', default: '5' },
        screenshot: { type: 'string' },
        size: { type: 'string', default: '1280x960' },
        player: { type: 'string', default: 'native' },
        'to-the-end': { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
      },
    }));
  } catch (error) {
    usage(error.message);
  }
  const seconds = Number(values.seconds);
  const warmup = Number(values.warmup);
  const [, width, height] = /^(\d+)x(\d+)$/.exec(values.size) ?? [];
  if (!values.url || !(seconds > 0) || !(warmup >= 0) || !width) usage('an argument is missing or not a number');
  const url = new URL(values.url);
  url.searchParams.set('player', values.player);
  return { ...values, url: url.href, seconds, warmup, width: Number(width), height: Number(height) };
}

const freePort = () =>
  new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

// A program in a process group of its own, so that what it starts ends with it.
function start(program, args, options) {
  const child = spawn(program, args, { detached: true, ...options });
  const gone = new Promise((resolve, reject) => {
    child.once('error', (error) => reject(new Error(`${program} cannot be started (${error.message}); \`cargo xtask test\` installs it`)));
    child.once('exit', resolve);
  });
  gone.catch(() => {}); // whoever starts it waits for it too
  const stop = async () => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It is gone already.
    }
    await gone;
  };
  return { child, gone, stop };
}

// A screen that nobody sees. Xvfb itself finds a number that is free, and tells it when it is ready.
async function startScreen({ width, height }) {
  const screen = start('Xvfb', ['-displayfd', '3', '-screen', '0', `${width}x${height}x24`, '-nolisten', 'tcp'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  });
  const number = new Promise((resolve) => {
    let text = '';
    screen.child.stdio[3].on('data', (data) => {
      text += data;
      if (text.endsWith('\n')) resolve(text.trim());
    });
  });
  const told = await Promise.race([number, screen.gone]);
  if (typeof told !== 'string') throw new Error('Xvfb ended before there was a screen');
  return { ...screen, name: `:${told}` };
}

// A session of WebDriver (https://www.w3.org/TR/webdriver2/).
class Session {
  constructor(origin) {
    this.base = origin;
  }

  static async begin(origin, { width, height }) {
    const session = new Session(origin);
    const deadline = performance.now() + STARTS_WITHIN_MS;
    while (!(await fetch(`${origin}/status`).then(({ ok }) => ok, () => false))) {
      if (performance.now() > deadline) throw new Error('WebKitWebDriver does not answer');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const { sessionId } = await session.call('POST', '/session', { capabilities: { alwaysMatch: { browserName: 'MiniBrowser' } } });
    session.base = `${origin}/session/${sessionId}`;
    await session.call('POST', '/window/rect', { x: 0, y: 0, width, height });
    return session;
  }

  async call(method, path, body) {
    const answer = await fetch(`${this.base}${path}`, { method, body: body && JSON.stringify(body) });
    const { value } = await answer.json();
    if (!answer.ok) throw new Error(`${value.error}: ${value.message}`);
    return value;
  }

  // Runs a function in the page, and waits for what it promises.
  run(script, argument) {
    const source = `const done = arguments[1]; Promise.resolve((${script})(arguments[0])).then(done);`;
    return this.call('POST', '/execute/async', { script: source, args: [argument ?? null] });
  }
}

async function untilPlaying(session) {
  const deadline = performance.now() + PLAYS_WITHIN_MS;
  for (;;) {
    const now = await session.run(() => window.rimcast?.stats() ?? null);
    if (now?.state === 'playing' && now.current_time_s > 0) return;
    if (performance.now() > deadline) throw new Error(`did not play within ${PLAYS_WITHIN_MS / 1000} s: ${JSON.stringify(now)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

// Runs in the page: when what the first variant's playlist lists first is shown, in milliseconds of the page's clock, unless
// the playlist is complete. GStreamer's media clock begins there, if the playlist was read while it began there.
const liveBeginning = async () => {
  const read = async (url) => (await (await fetch(url, { cache: 'no-store' })).text()).split('\n');
  const main = new URL(`index.m3u8${location.search}`, location.href);
  const variant = (await read(main)).find((line) => line && !line.startsWith('#'));
  const lines = await read(new URL(variant, main));
  if (lines.includes('#EXT-X-ENDLIST')) return null;
  const date = lines.map((line) => /^#EXT-X-PROGRAM-DATE-TIME:(.*)$/.exec(line)?.[1]).find(Boolean);
  return Date.parse(date) - performance.timeOrigin;
};

async function watchIn(session, { url, seconds, warmup, screenshot, ...given }) {
  const sample = (forS) => session.run(collectSamples, { forMs: forS * 1000, everyMs: SAMPLE_MS });
  let report;
  try {
    await session.call('POST', '/timeouts', { script: (seconds + warmup) * 1000 + STARTS_WITHIN_MS, pageLoad: PLAYS_WITHIN_MS });
    const began = performance.now();
    await session.call('POST', '/url', { url });
    const begins_ms = await session.run(liveBeginning);
    await untilPlaying(session);
    const started_s = Number(((performance.now() - began) / 1000).toFixed(3));
    if (warmup > 0) await sample(warmup);
    const samples = await sample(seconds);
    if (begins_ms !== null) for (const now of samples) now.latency_s = Number(((now.at_ms - begins_ms) / 1000 - now.current_time_s).toFixed(3));
    report = { url, started_s, ...judge(samples, { toTheEnd: given['to-the-end'] }) };
  } catch (error) {
    report = { url, ok: false, problems: [error.message] };
  }
  if (screenshot) await writeFile(screenshot, Buffer.from(await session.call('GET', '/screenshot'), 'base64'));
  return report;
}

async function watch(given) {
  const profile = await mkdtemp(join(tmpdir(), 'rimcast-webkit-'));
  let screen;
  let driver;
  try {
    screen = await startScreen(given);
    const port = await freePort();
    const env = { ...process.env, DISPLAY: screen.name, WEBKIT_GST_ENABLE_HLS_SUPPORT: '1', XDG_DATA_HOME: profile, XDG_CONFIG_HOME: profile };
    driver = start('WebKitWebDriver', ['--host=127.0.0.1', `--port=${port}`], { env, stdio: ['ignore', 'ignore', 'inherit'] });
    const session = await Promise.race([
      Session.begin(`http://127.0.0.1:${port}`, given),
      driver.gone.then(() => { throw new Error('WebKitWebDriver ended'); }),
    ]);
    try {
      return await watchIn(session, given);
    } finally {
      // The browser closes by itself, so that nothing of it is left; the driver's end would not end a browser that hangs.
      await Promise.race([session.call('DELETE', '').catch(() => {}), new Promise((resolve) => setTimeout(resolve, ENDS_WITHIN_MS).unref())]);
    }
  } finally {
    await driver?.stop();
    await screen?.stop();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

const given = options();
let report;
try {
  report = await watch(given);
} catch (error) {
  report = { url: given.url, ok: false, problems: [`the browser failed: ${error.message}`] };
}
console.log(JSON.stringify(report, null, given.json ? 0 : 2));
for (const problem of report.problems) console.error(`not ok: ${problem}`);
process.exitCode = report.ok ? 0 : 1;
