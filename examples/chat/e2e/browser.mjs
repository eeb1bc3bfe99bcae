// Chromium, and pages in it that may not have any fault.

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

/** A page in a context of its own: no storage or cookie is shared. What goes wrong in it is added to faults. */
export async function newPage(browser, faults, options) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.on('pageerror', (error) => faults.push(`exception: ${error.stack}`));
  page.on('dialog', async (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    await dialog.dismiss();
  });
  page.on('console', (message) => {
    // A page cannot keep the browser from noting that a server is down. A breach of the content policy comes here too.
    const isDown = /ERR_CONNECTION_REFUSED|WebSocket connection to .* failed/.test(message.text());
    if (['error', 'warning'].includes(message.type()) && !isDown) faults.push(`console: ${message.text()}`);
  });
  return page;
}

/** Says on standard error what is being tested, so that a failure tells how far it came. */
export async function step(name, test) {
  console.error(`- ${name}`);
  await test();
}

export function assertNone(faults) {
  assert.deepEqual(faults, [], 'the pages had faults');
}
