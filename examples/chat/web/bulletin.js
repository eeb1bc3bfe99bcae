// The right column: notices, as toasts when they come in and in a list to keep,
// and the form that sends one to everybody over plain HTTP.

import { byId, make, timeOf } from './dom.js';

const toastLimit = 3;
const toastFor = 15_000;

export class Bulletin {
  #chat;
  #toasts = byId('toasts');

  constructor(chat, { onError }) {
    this.#chat = chat;
    byId('notice-form').addEventListener('submit', async (event) => {
      event.preventDefault();
      await this.#send(onError);
    });
  }

  show() {
    const { notices } = this.#chat;
    byId('notices').replaceChildren(...notices.map((notice) => make('li', { className: 'notice' }, ...parts(notice))));
    byId('notices-empty').hidden = notices.length > 0;
    byId('notice-total').textContent = notices.length || '';
  }

  announce(notice) {
    this.show();
    const close = make('button', { type: 'button', className: 'quiet icon', ariaLabel: 'Dismiss the notice', textContent: '✕' });
    const toast = make('div', { className: 'toast', role: 'status' }, ...parts(notice), close);
    close.addEventListener('click', () => toast.remove());
    this.#expire(toast);
    this.#toasts.prepend(toast);
    while (this.#toasts.childElementCount > toastLimit) this.#toasts.lastElementChild.remove();
  }

  /** Takes a toast away after a while, but never from under somebody's pointer or focus. */
  #expire(toast) {
    setTimeout(() => {
      if (toast.matches(':hover, :focus-within')) this.#expire(toast);
      else toast.remove();
    }, toastFor);
  }

  async #send(onError) {
    const [button, status] = [byId('notice-send'), byId('notice-status')];
    const [title, content] = [byId('notice-title'), byId('notice-content')];
    button.disabled = true;
    status.textContent = 'Sending…';
    try {
      const warning = await pushNotice({ title: title.value.trim(), content: content.value.trim() });
      status.textContent = warning ? 'Sent, but people on other nodes may not have it.' : 'Sent.';
      title.value = content.value = '';
    } catch (error) {
      status.textContent = '';
      onError(`The notice was not sent: ${error.message}`);
    } finally {
      button.disabled = false;
    }
  }
}

/** Returns why people on other nodes may not have the notice, if so. */
async function pushNotice(notice) {
  let response;
  try {
    response = await fetch('/notice/push', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(notice),
    });
  } catch {
    throw new Error('the server cannot be reached.');
  }
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer.warning;
  throw new Error(answer.message || `the server answered ${response.status}.`);
}

function parts({ title, content, at }) {
  return [
    make('strong', { dir: 'auto', textContent: title || 'Notice' }),
    timeOf(at),
    ...(content ? [make('p', { dir: 'auto', textContent: content })] : []),
  ];
}
