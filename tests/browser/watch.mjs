// Watches a broadcast in headless Chromium, as a viewer does, and reports how that went.
//
//   node watch.mjs --url http://127.0.0.1:8080/demo/ --seconds 30 [--warmup 5] [--screenshot out.png]
//                  [--size 1280x960] [--player NAME] [--through-outage] [--to-the-end] [--recorded] [--subtitles INDEX]
//                  [--choose-sound INDEX] [--sound] [--json]
//
// --player: hls, dash, shaka or native; otherwise what the page takes by itself.
//
// --sound: there is nothing to see.
//
// --through-outage: the encoder goes away for a while. Playback may stand still, but not go back, and plays at the end.
//
// --to-the-end: the broadcast ends meanwhile. Playback does too, and not before what was sent last.
//
// --recorded: it is over. It is played from its beginning to its end, which comes before the time is up.
//
// --subtitles: chooses these in the page's menu, the first are 1, and reports the texts of their cues.
//
// --choose-sound: chooses this one in the page's menu of sound, and reports what the menu says in the end and the loudest
// frequency that is heard.
//
// Prints a report (with --json as one line) on stdout, what the browser complained of on stderr. Exit code: 0 the
// broadcast played throughout, 1 it did not, 2 the call was wrong. CHROMIUM names another browser.

import { parseArgs } from 'node:util';
import { withPage } from './chromium.mjs';
import { PLAYS_WITHIN_MS, SAMPLE_MS, collectSamples, judge } from './judge.mjs';

function usage(problem) {
  console.error(`${problem}\nusage: node watch.mjs --url URL --seconds N [--warmup N] [--screenshot FILE] [--size WxH] [--player NAME] [--through-outage] [--to-the-end] [--recorded] [--subtitles INDEX] [--choose-sound INDEX] [--sound] [--json]`);
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
        player: { type: 'string' },
        'through-outage': { type: 'boolean', default: false },
        'to-the-end': { type: 'boolean', default: false },
        recorded: { type: 'boolean', default: false },
        subtitles: { type: 'string' },
        'choose-sound': { type: 'string' },
        sound: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
      },
    }));
  } catch (error) {
    usage(error.message);
  }
  const seconds = Number(values.seconds);
  const warmup = Number(values.warmup);
  const [, width, height] = /^(\d+)x(\d+)$/.exec(values.size) ?? [];
  const isIndex = [values.subtitles, values['choose-sound']].every((index) => /^\d*$/.test(index ?? ''));
  if (!values.url || !(seconds > 0) || !(warmup >= 0) || !width || !isIndex) usage('an argument is missing or not a number');
  if (values.player) {
    const url = new URL(values.url);
    url.searchParams.set('player', values.player);
    values.url = url.href;
  }
  return { ...values, seconds, warmup, viewport: { width: Number(width), height: Number(height) } };
}

const readStats = (page) => page.evaluate(() => window.rimcast?.stats() ?? null);

async function untilPlaying(page) {
  try {
    await page.waitForFunction(() => window.rimcast?.stats().state === 'playing' && window.rimcast.video.currentTime > 0, null, {
      timeout: PLAYS_WITHIN_MS,
      polling: 100,
    });
  } catch {
    const last = await readStats(page).catch(() => null);
    throw new Error(`did not play within ${PLAYS_WITHIN_MS / 1000} s: ${JSON.stringify(last)}`);
  }
}

const sample = (page, seconds) => page.evaluate(collectSamples, { forMs: seconds * 1000, everyMs: SAMPLE_MS });

// Collects the texts of subtitles, each once: players put them into a text track, ahead of their time, or draw them
// themselves when it has come.
const collectCues = (page) =>
  page.evaluate((everyMs) => {
    const texts = (window.rimcastCues = new Set());
    const take = () => {
      const shown = [...window.rimcast.video.textTracks].filter(({ mode }) => mode === 'showing');
      const inTracks = shown.flatMap(({ cues }) => [...(cues ?? [])].map(({ text }) => text));
      for (const text of [...inTracks, document.getElementById('captions').innerText]) if (text?.trim()) texts.add(text.trim());
    };
    setInterval(take, everyMs);
  }, SAMPLE_MS);

const collectedCues = (page) => page.evaluate(() => [...window.rimcastCues]);

// What the menu says is played, and the loudest frequency that is really heard.
const heard = (page) =>
  page.evaluate(async () => {
    const context = new AudioContext();
    const analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
    context.createMediaElementSource(window.rimcast.video).connect(analyser).connect(context.destination);
    await context.resume();
    const bins = new Float32Array(analyser.frequencyBinCount);
    let loudest;
    // Playback may stand still for a moment, while another sound is loaded.
    for (let tries = 0; tries < 20; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 1000)); // several times what the analyser looks at
      analyser.getFloatFrequencyData(bins);
      const level = Math.max(...bins);
      loudest = bins.indexOf(level);
      if (level > -80) break; // dB
    }
    const menu = document.getElementById('sound');
    return { chosen: menu.selectedIndex, label: menu.selectedOptions[0]?.label, loudest_hz: Math.round((loudest * context.sampleRate) / analyser.fftSize) };
  });

function listen(page) {
  const seen = { failed_requests: [], console_errors: [], script_errors: [] };
  const note = (list, line) => {
    list.push(line);
    console.error(line);
  };
  page.on('console', (message) => {
    if (message.type() === 'error') note(seen.console_errors, `console: ${message.text()}`);
  });
  page.on('pageerror', (error) => note(seen.script_errors, `script: ${error.stack ?? error}`));
  page.on('requestfailed', (request) => {
    // hls.js gives up requests itself, when it changes rendition.
    const reason = request.failure()?.errorText;
    if (reason !== 'net::ERR_ABORTED') note(seen.failed_requests, `request: ${request.url()} ${reason}`);
  });
  page.on('response', (response) => {
    if (response.status() >= 400) note(seen.failed_requests, `request: ${response.url()} ${response.status()}`);
  });
  return seen;
}

async function watch({ url, seconds, warmup, screenshot, viewport, subtitles, sound, ...given }) {
  const soundIndex = given['choose-sound'];
  const expected = { throughOutage: given['through-outage'], toTheEnd: given['to-the-end'], recorded: given.recorded, soundAlone: sound };
  return withPage({ viewport }, async (page) => {
    const seen = listen(page);
    let report;
    try {
      const began = performance.now();
      await page.goto(url, { waitUntil: 'domcontentloaded', timeout: PLAYS_WITHIN_MS });
      await untilPlaying(page);
      const started_s = Number(((performance.now() - began) / 1000).toFixed(3));
      if (subtitles) {
        await page.selectOption('#subtitles', { index: Number(subtitles) }, { timeout: PLAYS_WITHIN_MS });
        await collectCues(page);
      }
      if (soundIndex) await page.selectOption('#sound', { index: Number(soundIndex) }, { timeout: PLAYS_WITHIN_MS });
      if (warmup > 0) await sample(page, warmup);
      report = { url, started_s, ...judge(await sample(page, seconds), expected) };
      if (subtitles) report.cues = await collectedCues(page);
      if (soundIndex) report.sound = await heard(page);
    } catch (error) {
      report = { url, ok: false, problems: [error.message] };
    }
    if (screenshot) await page.screenshot({ path: screenshot, fullPage: true });
    if (seen.script_errors.length) {
      report.ok = false;
      report.problems.push('a script of the page failed');
    }
    return { ...report, ...seen };
  });
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
