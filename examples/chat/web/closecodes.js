// What a close code means to the person in front of the page, and whether
// connecting again can help. This mirrors the server's table in
// websocket/close.go; codes outside it follow the same range rule.

const meanings = new Map([
  [1000, { retry: false, text: 'The session was ended normally.' }],
  [1001, { retry: true, text: 'The server is going away, for a restart or a move.' }],
  [1002, { retry: false, text: 'The server saw a frame that breaks the WebSocket protocol.' }],
  [1003, { retry: false, text: 'The server does not take this kind of data.' }],
  [1006, { retry: true, text: 'The connection was lost.' }],
  [1007, { retry: false, text: 'The server received text that is not valid UTF-8.' }],
  [1008, { retry: false, text: 'Too many frames in a short time: the server closed the line.' }],
  [1009, { retry: false, text: 'A message was too long for the server.' }],
  [1011, { retry: true, text: 'The server ran into an error of its own.' }],
  [1012, { retry: true, text: 'The server is restarting.' }],
  [1013, { retry: true, text: 'The server is busy.' }],
  [4000, { retry: true, text: 'The server heard nothing from this page for too long.' }],
  [4001, { retry: true, text: 'A message was begun and not finished in time.' }],
  [4002, { retry: true, text: 'This page was too slow: too much was waiting to be sent to it.' }],
  [4003, { retry: true, text: 'This page took nothing for too long.' }],
  [4500, { retry: false, text: 'Your login expired. Connect with a new token.' }],
  [4501, { retry: false, text: 'You were signed out by the application.' }],
]);

/** @returns {{retry: boolean, text: string}} */
export function describeClose(code, reason = '') {
  const known = meanings.get(code) ?? {
    retry: !(code >= 4500 && code <= 4999),
    text: `The connection was closed with code ${code}.`,
  };
  // The server's own words add detail, so they are shown beside ours, not instead.
  // 1006 never travels: its reason is the page's own, and the number would tell nobody anything.
  const detail = code === 1006 ? reason : `${code}: ${reason}`;
  const text = reason ? `${known.text} (${detail})` : known.text;
  return { retry: known.retry, text };
}
