// A browser does not tell a page why a WebSocket handshake failed: a refused
// token and a server that is down look the same. Asking /readyz over HTTP is how
// this page tells them apart.

const patience = 3000;

/** @returns {Promise<{ready: boolean, text: string}>} */
export async function askReadiness() {
  let response;
  try {
    response = await fetch('/readyz', { cache: 'no-store', signal: AbortSignal.timeout(patience) });
  } catch {
    return { ready: false, text: '/readyz does not answer either, so the server is down or out of reach.' };
  }
  if (response.ok) {
    return {
      ready: true,
      text: '/readyz says the server is up and ready, so it most likely refused this token.',
    };
  }
  if (response.status === 503) {
    return {
      ready: false,
      text: '/readyz says the server is up but not ready (503): it is starting, stopping, or has lost its broker.',
    };
  }
  return { ready: false, text: `/readyz answers ${response.status}.` };
}
