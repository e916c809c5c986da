// Headless Chromium, as the tests want it. CHROMIUM names another browser.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const FLAGS = [
  '--no-sandbox', // as root
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  // A machine that reaches nothing but itself would otherwise spend its time on refused connections.
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--autoplay-policy=no-user-gesture-required',
  // A window nobody sees must not be slowed down.
  '--disable-background-timer-throttling',
  '--disable-backgrounding-occluded-windows',
  '--disable-renderer-backgrounding',
];

// Does something with the page of a browser that knows nothing yet; `options` are those of a context of Playwright's.
export async function withPage(options, use) {
  const profile = await mkdtemp(join(tmpdir(), 'rimcast-watch-'));
  let browser;
  try {
    browser = await chromium.launchPersistentContext(profile, {
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      headless: true,
      args: FLAGS,
      ...options,
    });
    return await use(browser.pages()[0] ?? (await browser.newPage()));
  } finally {
    await browser?.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}
