// The WebSocket of yudao's front end: @vueuse/core's useWebSocket with its own heartbeat, in the versions of package.json.
// It sends "ping" each second and hangs up when nothing has come for a second, so a server that is slow to answer shows.
// e2e_test.go runs this.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { assertNoFaults, chat, newPage, step, withBrowser } from './browser.mjs';
import { server } from './server.mjs';

const seconds = 60;

// Both packages come as modules, so the browser takes them as they are.
const html = `<!doctype html>
<title>useWebSocket</title>
<base href="/vueuse/">
<script type="importmap">{"imports": {
  "vue": "./node_modules/vue/dist/vue.runtime.esm-browser.prod.js",
  "@vueuse/core": "./node_modules/@vueuse/core/index.mjs",
  "@vueuse/shared": "./node_modules/@vueuse/shared/index.mjs"
}}</script>
<script type="module" src="client.js"></script>`;

/** Runs in the page, and leaves what it hears in window.heard. */
const client = `
import { useWebSocket } from '@vueuse/core';
import { watchEffect } from 'vue';

const heard = window.heard = { opens: 0, closeCodes: [], pongs: 0, messages: [], others: [] };
const url = location.origin.replace('http', 'ws') + '/infra/ws?token=' + new URLSearchParams(location.search).get('token');
const { data, send } = useWebSocket(url, {
  autoReconnect: true,
  heartbeat: true,
  onConnected: () => { heard.opens += 1; },
  onDisconnected: (_, { code }) => heard.closeCodes.push(code),
  // Beside data, because a ref does not tell of a value that is the same as the last one.
  onMessage: (_, event) => { if (event.data === 'pong') heard.pongs += 1; },
});
watchEffect(() => {
  if (!data.value || data.value === 'pong') return;
  const frame = JSON.parse(data.value);
  const content = JSON.parse(frame.content);
  if (frame.type === 'demo-message-receive') heard.messages.push(content);
  else heard.others.push(frame.type);
});
window.say = (toUserId, text) => send(JSON.stringify({ type: 'demo-message-send', content: JSON.stringify({ text, toUserId }) }));
`;

/** Answers, in place of the chat, for the scripts of the page. */
async function serve(route) {
  const path = new URL(route.request().url()).pathname.replace('/vueuse/', '');
  const body = path === 'client.js' ? client : await readFile(new URL(path, import.meta.url));
  await route.fulfill({ contentType: 'text/javascript', body });
}

/** A user of the front end. */
class User {
  static async connect(browser, id) {
    // The page replaces one that the chat did send. Its origin is the chat's own then, and so allowed to connect, and
    // Chromium takes it for local: it keeps others, and those that a route answers for, from connecting to this machine.
    const page = await newPage(browser, { bypassCSP: true }); // the policy is the chat's page's, not this one's
    await page.route('**/vueuse/**', serve);
    await page.goto(`${chat}healthz?token=test${id}`);
    await page.setContent(html);
    const user = new User(page);
    await user.hears(({ opens }) => opens === 1);
    return user;
  }

  constructor(page) {
    this.page = page;
  }

  say(toUserId, text) {
    return this.page.evaluate(([to, words]) => window.say(to, words), [toUserId, text]);
  }

  heard() {
    return this.page.evaluate(() => window.heard);
  }

  /** Waits until what the page heard fulfils the condition, which runs in the page. */
  async hears(condition, argument) {
    try {
      // Polling, because a condition may also become true on a page that paints nothing.
      await this.page.waitForFunction(`(${condition})(window.heard, ${JSON.stringify(argument)})`, null, { polling: 50 });
    } catch (cause) {
      throw new Error(`waited in vain for ${condition}; heard ${JSON.stringify(await this.heard())}`, { cause });
    }
  }

  async hearsMessage(message) {
    await this.hears(({ messages }, { fromUserId, text, single }) => messages.some(
      (one) => one.fromUserId === fromUserId && one.text === text && one.single === single), message);
  }
}

await withBrowser(async (browser) => {
  const one = await User.connect(browser, 1);
  const two = await User.connect(browser, 2);
  const both = (act) => Promise.all([one, two].map(act));

  await step(`they stay connected for ${seconds} heartbeats while they chat`, async () => {
    for (let beat = 1; beat <= seconds; beat += 1) {
      await both((user) => user.hears(({ pongs }, least) => pongs >= least, beat));
      await one.say('', `to all ${beat}`); // how the front end addresses everybody
      await both((user) => user.hearsMessage({ fromUserId: 1, text: `to all ${beat}`, single: false }));
      await one.say(2, `number ${beat}`);
      await two.hearsMessage({ fromUserId: 1, text: `number ${beat}`, single: true });
      await two.say('1', `string ${beat}`); // as long ids travel
      await one.hearsMessage({ fromUserId: 2, text: `string ${beat}`, single: true });
    }
    await both(async (user) => {
      const { opens, closeCodes, messages, others } = await user.heard();
      assert.deepEqual({ opens, closeCodes, messages: messages.length }, { opens: 1, closeCodes: [], messages: 2 * seconds });
      // The front end shows an error for each type that it does not know.
      assert.deepEqual(others, []);
    });
  });

  await step('they come back when the server was restarted, and chat on', async () => {
    await server('stop');
    await both((user) => user.hears(({ closeCodes }) => closeCodes[0] === 1001));
    await server('start');
    await both((user) => user.hears(({ opens }) => opens === 2));
    await one.say(2, 'back again');
    await two.hearsMessage({ fromUserId: 1, text: 'back again', single: true });
    const { pongs } = await one.heard();
    await one.hears((heard, before) => heard.pongs > before, pongs);
    await both(async (user) => assert.deepEqual((await user.heard()).others, []));
  });
});
assertNoFaults();
process.exit(); // standard input is still open
