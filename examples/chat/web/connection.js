// One lasting line to the server: a WebSocket with a heartbeat, that comes back
// by itself when it breaks. It knows frames, not what they mean.
//
// Events (each a CustomEvent):
//   state    {state, why, retryAt}  state: offline | connecting | connected | waiting | closed
//   frame    {type, content}        a frame from the server, its content already decoded
//   latency  milliseconds           the time from a ping to its pong
//   garbled  text                   something that is not a frame

import { describeClose } from './closecodes.js';
import { askPath } from './endpoint.js';
import { askReadiness } from './health.js';

const pingEvery = 5_000;
const deadAfter = 10_000; // without any frame after a ping
const openWithin = 10_000;
const firstDelay = 500;
const longestDelay = 30_000;
const steadyAfter = 5_000;
const longestQueue = 1 << 20;

/** The server's read limit for one frame, in bytes. */
export const frameLimit = 64 * 1024;

/** The size in bytes that a frame will have on the wire. */
export function frameSize(type, content) {
  return new TextEncoder().encode(encode(type, content)).length;
}

export class Connection extends EventTarget {
  #path = null; // of the endpoint, once it is known
  #token = '';
  #socket = null;
  #state = 'offline';
  #attempt = 0; // since the line was last steady
  #opened = false; // whether this token was ever accepted
  #openedAt = 0;
  #retryTimer = 0;
  #openTimer = 0;
  #pingTimer = 0;
  #deadTimer = 0;
  #epoch = 0; // counts the sockets let go of, to tell a stale answer from a fresh one
  #pings = []; // when each ping without a pong was sent, oldest first

  constructor() {
    super();
    // These two mean that waiting for the end of the countdown has lost its point.
    window.addEventListener('online', () => this.retryNow());
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) this.retryNow();
    });
  }

  get state() {
    return this.#state;
  }

  connect(token) {
    this.#token = token;
    this.#attempt = 0;
    this.#opened = false;
    this.#dial();
  }

  /** Ends the line for good, as the person asked. */
  disconnect() {
    this.#drop(1000);
    this.#enter('offline', 'You disconnected.');
  }

  /** Connects again with the token of last time, after a close that ended the retries. */
  reconnect() {
    if (!this.#token || this.#state === 'connected' || this.#state === 'connecting') return;
    this.#attempt = 0;
    this.#dial();
  }

  /** Cuts the countdown to the next attempt short. */
  retryNow() {
    if (this.#state === 'waiting') this.#dial();
  }

  /** Sends a frame, with or without content. Throws an Error fit to be shown if it cannot go out. */
  send(type, content) {
    if (this.#state !== 'connected') throw new Error('Not connected.');
    const frame = encode(type, content);
    const size = new TextEncoder().encode(frame).length;
    if (size > frameLimit) {
      throw new Error(`This message is too long: ${kib(size)} as a frame, and the server takes ${kib(frameLimit)} at most.`);
    }
    if (this.#socket.bufferedAmount > longestQueue) {
      throw new Error('The line is too slow: earlier messages are still waiting to leave. Try again in a moment.');
    }
    this.#socket.send(frame);
  }

  async #dial() {
    this.#drop(1000);
    const epoch = this.#epoch;
    this.#enter('connecting');
    try {
      this.#path ??= await askPath();
    } catch (error) {
      if (this.#epoch === epoch) this.#wait(error.message);
      return;
    }
    if (this.#epoch !== epoch) return; // the person disconnected or connected anew meanwhile
    const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = new WebSocket(`${scheme}//${location.host}${this.#path}?token=${encodeURIComponent(this.#token)}`);
    this.#socket = socket;
    // A handler must not act for a socket that was given up in the meantime.
    const ifCurrent = (act) => (event) => {
      if (this.#socket === socket) act(event);
    };
    socket.onopen = ifCurrent(() => this.#onOpen());
    socket.onmessage = ifCurrent((event) => this.#onMessage(event.data));
    socket.onclose = ifCurrent((event) => this.#onClose(event.code, event.reason));
    this.#openTimer = setTimeout(() => this.#onClose(1006, 'no answer to the handshake'), openWithin);
  }

  #onOpen() {
    clearTimeout(this.#openTimer);
    this.#opened = true;
    this.#openedAt = Date.now();
    this.#enter('connected');
    this.#ping();
    this.#pingTimer = setInterval(() => this.#ping(), pingEvery);
  }

  #ping() {
    this.#socket.send('ping');
    this.#pings.push(performance.now());
    // The timer belongs to the oldest ping that nothing came after.
    this.#deadTimer ||= setTimeout(() => this.#onClose(1006, 'no answer for 10 s'), deadAfter);
  }

  #onMessage(data) {
    clearTimeout(this.#deadTimer);
    this.#deadTimer = 0;
    if (data === 'pong') {
      const sentAt = this.#pings.shift();
      if (sentAt !== undefined) this.#emit('latency', performance.now() - sentAt);
      return;
    }
    const frame = decode(data);
    if (frame) this.#emit('frame', frame);
    else this.#emit('garbled', String(data));
  }

  async #onClose(code, reason) {
    const hadOpened = this.#state === 'connected';
    // A server that accepts and hangs up at once must not be dialled at full speed,
    // so only a line that has held for a while clears the backoff.
    if (hadOpened && Date.now() - this.#openedAt >= steadyAfter) this.#attempt = 0;
    this.#drop(4000);

    if (hadOpened) {
      const { retry, text } = describeClose(code, reason);
      if (retry) this.#wait(text);
      else this.#enter('closed', text);
      return;
    }

    // The state stays "connecting" while this question is open. If the person
    // disconnects or connects anew meanwhile, the answer is no longer of interest.
    const epoch = this.#epoch;
    const health = await askReadiness();
    if (this.#epoch !== epoch) return;
    const why = `Refused or unreachable. ${health.text}`;
    // A healthy server that never took this token will not take it in a second either.
    if (health.ready && !this.#opened) this.#enter('closed', why);
    else this.#wait(why);
  }

  /** Exponential backoff with full jitter, so that a thousand pages do not return in step. */
  #wait(why) {
    const ceiling = Math.min(longestDelay, firstDelay * 2 ** this.#attempt);
    const delay = Math.random() * ceiling;
    this.#attempt += 1;
    this.#retryTimer = setTimeout(() => this.#dial(), delay);
    this.#enter('waiting', why, Date.now() + delay);
  }

  /** Lets go of the socket without waiting for its close handshake: a dead link never ends it. */
  #drop(code) {
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#openTimer);
    clearTimeout(this.#deadTimer);
    clearInterval(this.#pingTimer);
    this.#deadTimer = 0;
    this.#pings = [];
    this.#epoch += 1;
    const socket = this.#socket;
    this.#socket = null;
    socket?.close(code);
  }

  #enter(state, why = '', retryAt = 0) {
    this.#state = state;
    this.#emit('state', { state, why, retryAt });
  }

  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

// The wire format carries the content as JSON inside a JSON string.
function encode(type, content) {
  return JSON.stringify({ type, content: JSON.stringify(content) });
}

// An inline object is accepted as content too. Null for what is no frame.
function decode(data) {
  try {
    const { type, content } = JSON.parse(data);
    if (typeof type !== 'string') return null;
    return { type, content: (typeof content === 'string' ? JSON.parse(content) : content) ?? {} };
  } catch {
    return null;
  }
}

function kib(bytes) {
  return `${(bytes / 1024).toFixed(1)} KiB`;
}
