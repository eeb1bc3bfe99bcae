// The middle: the messages of the active conversation, and the field to write in.

import { everyone, rowLimit } from './chat.js';
import { frameLimit, frameSize } from './connection.js';
import { byId, jack, make, timeOf } from './dom.js';

const sameBreath = 2 * 60_000; // messages closer than this share one heading
const farFromEnd = 120; // pixels
const sayLengthFrom = frameLimit * 0.75;

export class Thread {
  #chat;
  #connected = false;
  #lastSent = '';
  #list = byId('messages');
  #scroller = byId('scroller');
  #text = byId('text');

  constructor(chat, { onSend }) {
    this.#chat = chat;
    byId('compose').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit(onSend);
    });
    this.#text.addEventListener('keydown', (event) => this.#onKey(event, onSend));
    this.#text.addEventListener('input', () => {
      this.#chat.active.draft = this.#text.value;
      this.#fit();
    });
    this.#scroller.addEventListener('scroll', () => this.#showLatestButton(), { passive: true });
    byId('latest').addEventListener('click', () => this.#scrollToEnd());
  }

  /** Shows the active conversation from scratch. */
  open() {
    const { active } = this.#chat;
    const isGroup = active.key === everyone;
    const whom = isGroup ? 'everyone' : active.key;

    // Old rows are no news: a live region that is busy stays quiet.
    this.#list.ariaBusy = 'true';
    this.#list.replaceChildren(...active.rows.map((row, i) => makeRow(row, active.rows[i - 1])));
    this.#list.ariaBusy = null;
    this.#scrollToEnd();

    byId('talk-title').textContent = isGroup ? 'Everyone' : active.key;
    byId('text-label').textContent = this.#text.placeholder = `Message to ${whom}`;
    byId('messages-empty-title').textContent = isGroup ? 'The line is quiet.' : 'Nothing said yet.';
    byId('messages-empty-text').textContent = isGroup
      ? 'Say hello: everybody who is connected will see it, whichever node they are on.'
      : 'Only the two of you will see this conversation, and only while you are connected.';
    this.#text.value = active.draft;
    this.#fit();
    this.showAbout();
    this.#showEmpty();
  }

  showAbout() {
    const { activeKey, me } = this.#chat;
    let about = 'Everybody who is connected, on every node';
    if (activeKey === me && me) about = 'Private · a note to yourself';
    else if (activeKey !== everyone) {
      about = this.#chat.isOnline(activeKey) ? 'Private · on this node now' : 'Private · not on this node, perhaps on another';
    }
    byId('talk-about').textContent = about;
  }

  add({ conversation, row }) {
    if (conversation !== this.#chat.active) return;
    this.#list.append(makeRow(row, conversation.rows.at(-2)));
    while (this.#list.childElementCount > rowLimit) this.#list.firstElementChild.remove();
    this.#list.firstElementChild.classList.remove('more'); // its heading may just have gone
    if (row.own) this.#scrollToEnd();
    this.#showEmpty();
    this.#showLatestButton();
  }

  setConnected(connected) {
    this.#connected = connected;
    byId('send').disabled = !connected;
    this.#showHint();
  }

  focus() {
    this.#text.focus();
  }

  #onKey(event, onSend) {
    // While an input method is composing, Enter picks a word and ends nothing.
    if (event.isComposing) return;
    if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault();
      this.#submit(onSend);
    } else if (event.key === 'ArrowUp' && !this.#text.value && this.#lastSent) {
      event.preventDefault();
      this.#text.value = this.#chat.active.draft = this.#lastSent;
      this.#fit();
    }
  }

  #submit(onSend) {
    const text = this.#text.value.trimEnd();
    this.#text.focus();
    if (!text.trim() || !this.#connected) return;
    if (!onSend(text)) return; // not gone: the text stays for another try
    this.#lastSent = text;
    this.#text.value = this.#chat.active.draft = '';
    this.#fit();
  }

  #fit() {
    // Where CSS's field-sizing is unknown the field has a fixed number of rows.
    this.#text.rows = CSS.supports('field-sizing', 'content') ? 1 : Math.min(6, this.#text.value.split('\n').length);
    this.#showHint();
  }

  #showHint() {
    const hint = byId('compose-hint');
    // Counting bytes at every key would be waste for a text that cannot be near the limit.
    const mayBeLong = this.#text.value.length * 6 > sayLengthFrom;
    const size = mayBeLong ? frameSize('demo-message-send', { toUserId: this.#chat.activeKey, text: this.#text.value }) : 0;
    hint.classList.toggle('warn', size > frameLimit || !this.#connected);
    if (!this.#connected) hint.textContent = 'Not connected, so nothing can be sent now. Your text stays here.';
    else if (size > frameLimit) hint.textContent = `Too long to send: ${kib(size)} of ${kib(frameLimit)}.`;
    else if (size > sayLengthFrom) hint.textContent = `${kib(size)} of ${kib(frameLimit)} used.`;
    else hint.textContent = 'Enter sends, Shift + Enter starts a new line.';
  }

  #showEmpty() {
    byId('messages-empty').hidden = this.#list.childElementCount > 0;
  }

  // The scroller is laid out from its end (column-reverse): 0 is the newest row, and
  // the browser stays there by itself, or stays with what is being read further up.
  #scrollToEnd() {
    this.#scroller.scrollTop = 0;
    byId('latest').hidden = true;
  }

  #showLatestButton() {
    byId('latest').hidden = this.#scroller.scrollTop > -farFromEnd;
  }
}

function makeRow(row, previous) {
  if (row.kind === 'gap') {
    return make('li', { className: 'gap' }, make('span', { textContent: row.text }), ' ', timeOf(row.at));
  }
  const { from, own, single, text, at } = row;
  const isMore = previous?.kind === 'message' && previous.from === from && previous.own === own && at - previous.at < sameBreath;
  const heading = make('p', { className: 'who' },
    make('bdi', { textContent: own ? 'You' : from || 'unknown' }), ' ', timeOf(at));
  const bubble = make('p', { className: 'bubble', dir: 'auto', textContent: text });
  return make('li', {
    className: `message ${own ? 'own' : 'other'} ${isMore ? 'more' : ''}`.trim(),
    title: isMore ? timeOf(at).textContent : '',
    data: { from, single: String(single) },
  }, jack(from), heading, bubble);
}

function kib(bytes) {
  return `${(bytes / 1024).toFixed(1)} KiB`;
}
