// Takes the README's picture, docs/chat.png. Start a chat with `go run ./examples/chat --websocket.node-id=node-a`, then
// run `npm run picture` here.

import { fileURLToPath } from 'node:url';
import { chat, newPage, withBrowser } from './browser.mjs';

const file = fileURLToPath(new URL('../../../docs/chat.png', import.meta.url));
const options = { viewport: { width: 1280, height: 800 }, deviceScaleFactor: 1, colorScheme: 'light', locale: 'en-GB' };

/** The last message is awaited, so that the order is the same each time. */
async function say(page, text, shown) {
  await page.locator('#text').fill(text);
  await page.locator('#text').press('Enter');
  await shown.locator('#messages .message:last-child').getByText(text, { exact: true }).waitFor();
}

await withBrowser(async (browser) => {
  const arrive = async (id) => {
    const page = await newPage(browser, options);
    await page.goto(`${chat}?user=${id}`);
    await page.locator('#state[data-state="connected"]').waitFor();
    return page;
  };
  const [one, two, three] = await Promise.all([1, 2, 3].map(arrive));
  await one.locator('#online li:nth-child(3)').waitFor();

  await say(two, 'Good morning! The new release is on node-b now.', one);
  await say(one, 'Morning! Did anybody lose their connection?', one);
  await say(two, 'Everybody, for half a second. The pages came back by themselves.', one);
  await say(three, 'Mine too. I was in the middle of a sentence, and it was still there.', one);
  await say(one, 'Good. Then node-a is next, tonight. I have sent a notice.', one);

  await one.locator('#notice-title').fill('Maintenance tonight');
  await one.locator('#notice-content').fill('node-a restarts at 22:00. Your page comes back by itself.');
  await one.locator('#notice-send').click();
  await one.locator('.toast button').click();

  await one.locator('#private-user').fill('2');
  await one.locator('#private-open').click();
  await say(one, 'Can you stay until ten?', one);
  await one.locator('#conversations [data-conversation="*"] button').click();
  await two.locator('#conversations [data-conversation="1"] button').click();
  await say(two, 'Sure.', two);
  await one.locator('#conversations [data-conversation="2"] .badge:not([hidden])').waitFor();
  await say(three, 'Thanks, seen it.', one);

  // The first ping was under way while the other pages were loading. There is one every 5 s.
  await one.locator('#latency', { hasText: /^(< )?\d ms$/ }).waitFor();
  await one.locator('#text').blur();
  await one.screenshot({ path: file });
});
