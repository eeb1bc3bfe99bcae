// Two people chat on the page, one at a desk and one on a phone, while the server comes and goes.
// e2e_test.go runs this.

import assert from 'node:assert/strict';
import { assertNoFaults, chat, newPage, step, withBrowser } from './browser.mjs';
import { server } from './server.mjs';

const attack = '<img src="x" onerror="alert(1)"><script>alert(2)</script>';

/** Runs in the page: what it shows of a close may be gone, with the next attempt, before a test has looked. */
function recordCloses() {
  window.closeCodes = [];
  window.WebSocket = class extends WebSocket {
    constructor(...args) {
      super(...args);
      this.addEventListener('close', ({ code }) => window.closeCodes.push(code));
    }
  };
}

/** What a person sees and does on a page. */
class Person {
  constructor(page) {
    this.page = page;
  }

  async isInState(state) {
    await this.page.locator(`#state[data-state="${state}"]`).waitFor();
  }

  async say(text) {
    await this.page.locator('#text').fill(text);
    await this.page.locator('#send:enabled').waitFor();
    await this.page.locator('#text').press('Enter');
  }

  async sees(text, { from, single = false }) {
    const message = this.page.locator(`#messages .message[data-from="${from}"][data-single="${single}"]`);
    // exact: the text is the whole text, with nothing of it taken for a tag.
    await message.getByText(text, { exact: true }).waitFor();
  }

  /** Opens a conversation from the list of conversations or of people. */
  async opens(entry) {
    await this.goesTo('people');
    await this.page.locator(`${entry} button`).click();
    await this.page.locator('#text').waitFor();
  }

  /** Brings a part of the page to the front, where they do not fit side by side. */
  async goesTo(pane) {
    const button = this.page.locator(`[data-goto="${pane}"]`);
    if (await button.isVisible()) await button.click();
  }

  async pushes(title, content) {
    await this.goesTo('bulletin');
    await this.page.locator('#notice-title').fill(title);
    await this.page.locator('#notice-content').fill(content);
    await this.page.locator('#notice-send').click();
    await this.page.locator('#notice-status', { hasText: 'Sent.' }).waitFor();
  }

  /** Nothing is wider than the screen or than the part of the page that holds it. */
  async hasNoHorizontalScroll(where) {
    const wide = await this.page.evaluate((width) => [...document.querySelectorAll('*')].filter((element) => {
      const scrolls = element === document.documentElement || ['auto', 'scroll'].includes(getComputedStyle(element).overflowX);
      // A field may be longer than its box: its text scrolls with the caret.
      if (!scrolls || element.matches('input, textarea')) return false;
      return element.scrollWidth > (element === document.documentElement ? width : element.clientWidth);
    }).map((element) => element.outerHTML.slice(0, 100)), this.page.viewportSize().width);
    assert.deepEqual(wide, [], `too wide: ${where}`);
  }
}

await withBrowser(async (browser) => {
  const ann = new Person(await newPage(browser, { viewport: { width: 1280, height: 800 } }));
  const ben = new Person(await newPage(browser, { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true }));
  const both = (act) => Promise.all([ann, ben].map(act));
  await both(({ page }) => page.addInitScript(recordCloses));

  await step('two people sign in, by address and by form', async () => {
    await ann.page.goto(`${chat}?user=1`);
    await ben.page.goto(chat);
    await ben.hasNoHorizontalScroll('the welcome');
    await ben.page.locator('#user').fill('2');
    await ben.page.locator('#connect').click();
    await both((person) => person.isInState('connected'));
    await both((person) => person.page.locator('#latency:not(:empty)').waitFor()); // a pong came
    await ann.page.locator('#online li[data-user="2"]').waitFor();
  });

  await step('a page that cannot learn where the WebSocket is says so, and goes on trying', async () => {
    const eve = new Person(await newPage(browser));
    await eve.page.route('**/chat.json', (route) => route.abort('connectionrefused'));
    await eve.page.goto(`${chat}?user=3`);
    await eve.page.locator('#error').getByText('/chat.json does not answer').waitFor();
    await eve.page.unroute('**/chat.json');
    await eve.isInState('connected');
    await eve.page.context().close();
  });

  await step('they talk in the group', async () => {
    await ann.say('Good morning, everybody');
    await both((person) => person.sees('Good morning, everybody', { from: 1 }));
    await ben.say('Morning! 早上好 😀');
    await both((person) => person.sees('Morning! 早上好 😀', { from: 2 }));
  });

  await step('they talk in private', async () => {
    await ann.opens('#online li[data-user="2"]');
    await ann.say('Only for you');
    await ann.sees('Only for you', { from: 1, single: true });
    await ben.opens('#conversations [data-conversation="1"]:has(.badge:not([hidden]))');
    await ben.sees('Only for you', { from: 1, single: true });
    await ben.say('And only for you');
    await ann.sees('And only for you', { from: 2, single: true });
  });

  await step('what looks like HTML is text', async () => {
    await ann.say(attack);
    await ben.sees(attack, { from: 1, single: true });
    await both((person) => person.opens('#conversations [data-conversation="*"]'));
    await ben.say(attack);
    await both((person) => person.sees(attack, { from: 2 }));
    await ann.pushes(attack, attack);
    await both(async (person) => {
      await person.goesTo('bulletin');
      for (const part of ['strong', 'p']) await person.page.locator(`#notices ${part}`, { hasText: attack }).waitFor();
      assert.equal(await person.page.locator('main :is(img, script)').count(), 0);
    });
    // The name of a person is theirs to choose too.
    const eve = new Person(await newPage(browser));
    await eve.page.goto(`${chat}?user=${encodeURIComponent(attack.slice(0, 64))}`);
    await eve.isInState('connected');
    await ann.page.locator('#online .name').getByText(attack.slice(0, 64), { exact: true }).waitFor();
    await eve.page.context().close();
  });

  await step('nothing is too wide for a phone', async () => {
    await ben.goesTo('talk');
    await ben.say('w'.repeat(300));
    await ben.sees('w'.repeat(300), { from: 2 });
    for (const pane of ['people', 'talk', 'bulletin']) {
      await ben.goesTo(pane);
      await ben.hasNoHorizontalScroll(pane);
    }
    await ben.goesTo('talk');
  });

  await step('the server is killed: they wait, keep what they were writing, and come back by themselves', async () => {
    await ann.page.locator('#text').fill('half a thou');
    await server('kill');
    await both((person) => person.isInState('waiting'));
    await ann.page.locator('#state', { hasText: /^Reconnecting in \d+ s$/ }).waitFor();
    await ann.page.locator('#send:disabled').waitFor();
    await ben.hasNoHorizontalScroll('waiting');
    await server('start');
    await both((person) => person.isInState('connected'));
    await both((person) => person.page.locator('#messages .gap').waitFor());
    await both((person) => person.page.locator('#node:not(:empty)').waitFor({ state: 'attached' })); // they asked anew who is there
    assert.equal(await ann.page.locator('#text').inputValue(), 'half a thou');
  });

  await step('both talk on', async () => {
    await ann.say('Still there?');
    await both((person) => person.sees('Still there?', { from: 1 }));
    await ben.opens('#conversations [data-conversation="1"]');
    await ben.say('Yes');
    await ann.opens('#conversations [data-conversation="2"]');
    await ann.sees('Yes', { from: 2, single: true });
  });

  await step('a notice reaches both', async () => {
    await ann.pushes('Lunch is served', 'In the big room, until two.');
    await both(async (person) => {
      await person.goesTo('talk');
      await person.page.locator('.toast', { hasText: 'Lunch is served' }).waitFor();
      await person.goesTo('bulletin');
      await person.page.locator('#notices .notice', { hasText: 'In the big room, until two.' }).waitFor();
    });
    await ben.goesTo('talk');
  });

  await step('the server ends on SIGTERM: it says so with 1001, and they come back', async () => {
    await both(({ page }) => page.evaluate(() => { window.closeCodes = []; }));
    await server('stop');
    await both((person) => person.isInState('waiting'));
    await both(async ({ page }) => assert.equal(await page.evaluate(() => window.closeCodes[0]), 1001));
    await server('start');
    await both((person) => person.isInState('connected'));
    await ann.say('Back again');
    await ben.sees('Back again', { from: 1, single: true });
  });
});
assertNoFaults();
process.exit(); // standard input is still open
