// The server belongs to e2e_test.go. An order is a line on standard output; the line "done" on standard input answers it.

import assert from 'node:assert/strict';
import { createInterface } from 'node:readline';

const input = createInterface({ input: process.stdin });
const answers = input[Symbol.asyncIterator]();
// Without the test nothing else would end this process and its browser. (Playwright ends the browser with the process.)
input.on('close', () => process.exit(1));

/** Has the server killed ("kill"), ended with SIGTERM ("stop") or started again where it was ("start"). */
export async function server(order) {
  process.stdout.write(`${order}\n`);
  const { value } = await answers.next();
  assert.equal(value, 'done', `the answer to ${order}`);
}
