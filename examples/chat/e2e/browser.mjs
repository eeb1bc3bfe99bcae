// Chromium, and pages in it that are watched for faults.

import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';

/** Where the chat is, with a slash at the end. */
export const chat = process.env.CHAT_URL ?? 'http://127.0.0.1:48080/';

// No sandbox, because containers and root have none; the rest keeps Chromium from doing anything on its own account.
const flags = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
];

/** Runs use with a browser of a fresh profile, which is gone afterwards. */
export async function withBrowser(use) {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: flags });
  try {
    await use(browser);
  } finally {
    await browser.close();
  }
}

const faults = [];

/** A page in a context of its own: no storage or cookie is shared. */
export async function newPage(browser, options) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const note = (fault) => {
    faults.push(fault);
    console.error(fault); // at once, as it may be why a wait ends in vain
  };
  page.on('pageerror', (error) => note(`exception: ${error.stack}`));
  page.on('crash', () => note('the page crashed'));
  page.on('dialog', async (dialog) => {
    note(`dialog: ${dialog.message()}`);
    await dialog.dismiss();
  });
  page.on('console', (message) => {
    // The browser notes here what breaches the content policy and, whatever a page does, each attempt to reach a server
    // that is down or shutting down.
    const isDown = /net::ERR_(CONNECTION_\w+|EMPTY_RESPONSE)|(status of|response code:) 503|before receiving a handshake/;
    if (['error', 'warning'].includes(message.type()) && !isDown.test(message.text())) note(`console: ${message.text()}`);
  });
  return page;
}

/** Fails if any page had an exception, a dialog, a breach of the content policy or another complaint on its console. */
export function assertNoFaults() {
  assert.deepEqual(faults, []);
}

/** Says on standard error what is being tested, so that a failure tells how far it came. */
export async function step(name, test) {
  console.error(`- ${name}`);
  await test();
}
