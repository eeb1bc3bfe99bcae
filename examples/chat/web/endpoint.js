// Where the WebSocket is. Its path is the operator's choice, so the page has to ask.

const patience = 3000;

/**
 * @returns {Promise<string>} the path, as it stands in a URL.
 * @throws {Error} fit to be shown.
 */
export async function askPath() {
  const failure = (what) => new Error(`The server does not say where its WebSocket is: /chat.json ${what}.`);
  let response;
  try {
    response = await fetch('/chat.json', { cache: 'no-store', signal: AbortSignal.timeout(patience) });
  } catch {
    throw failure('does not answer');
  }
  if (!response.ok) throw failure(`answers ${response.status}`);
  const { path } = await response.json().catch(() => ({})); // a proxy may have answered
  if (!path) throw failure('has no path in it');
  return path;
}
