// Reads off a player page what it says before and after there is anything to be watched.
//
//   node read.mjs --url http://127.0.0.1:8080/cup/ --until TEXT [--time-zone Asia/Tokyo] [--locale de-DE] [--screenshot out.png]
//
// --until: waits for a message that begins with this.
//
// Prints what is said, as JSON. Exit code: 0 it was said, 1 something else was, 2 the call was wrong.

import { parseArgs } from 'node:util';
import { withPage } from './chromium.mjs';

const SAID_WITHIN_MS = 20_000; // a playlist that does not come is held for nine seconds

const { values } = parseArgs({
  options: { url: { type: 'string' }, until: { type: 'string' }, 'time-zone': { type: 'string' }, locale: { type: 'string' }, screenshot: { type: 'string' } },
});
const { url, until, screenshot, locale, 'time-zone': timezoneId } = values;
if (!url || !until) {
  console.error('usage: node read.mjs --url URL --until TEXT [--time-zone ZONE] [--locale LOCALE] [--screenshot FILE]');
  process.exit(2);
}

const said = await withPage({ timezoneId, locale, viewport: { width: 1280, height: 960 } }, async (page) => {
  await page.goto(url, { waitUntil: 'domcontentloaded' });
  const isSaid = (text) => document.getElementById('message-title').textContent.startsWith(text);
  const found = await page.waitForFunction(isSaid, until, { timeout: SAID_WITHIN_MS, polling: 100 }).then(() => true, () => false);
  if (screenshot) await page.screenshot({ path: screenshot, fullPage: true });
  const texts = await page.evaluate(() => {
    const text = (id) => document.getElementById(id).textContent;
    return { title: document.title, heading: text('title'), message: text('message-title'), text: text('message-text'), badge: text('live-text') };
  });
  return { found, ...texts };
});
console.log(JSON.stringify(said));
process.exitCode = said.found ? 0 : 1;
