// The bar at the top: the state of the line, its latency, the node, and errors.

import { byId } from './dom.js';

const names = {
  offline: 'Offline',
  connecting: 'Connecting…',
  connected: 'Connected',
  closed: 'Closed',
};

export class LineBar {
  #state = byId('state');
  #countdown = 0;
  #errorIsAboutLine = false;

  constructor({ onRetry, onDisconnect }) {
    byId('retry').addEventListener('click', onRetry);
    byId('disconnect').addEventListener('click', () => {
      onDisconnect();
      byId('retry').focus(); // the button that had the focus is gone
    });
    byId('error-dismiss').addEventListener('click', () => this.clearError());
    document.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') this.clearError();
    });
  }

  showState({ state, why, retryAt }) {
    clearInterval(this.#countdown);
    this.#state.dataset.state = document.body.dataset.state = state;
    this.#state.title = why;
    if (state === 'waiting') {
      const tick = () => {
        const seconds = Math.max(0, Math.ceil((retryAt - Date.now()) / 1000));
        this.#state.textContent = `Reconnecting in ${seconds} s`;
      };
      this.#countdown = setInterval(tick, 250);
      tick();
    } else {
      this.#state.textContent = names[state];
    }

    const retry = byId('retry');
    const isDown = state === 'closed' || state === 'offline';
    // On the welcome screen the sign-in form is the way to try again.
    retry.hidden = state !== 'waiting' && !(isDown && document.body.dataset.screen === 'desk');
    retry.textContent = state === 'waiting' ? 'Now' : 'Reconnect';
    retry.ariaLabel = state === 'waiting' ? 'Reconnect now' : null;
    byId('disconnect').hidden = isDown;

    if (state !== 'connected') {
      byId('latency').textContent = '';
      byId('node').textContent = '';
    }
    if (state === 'waiting' || state === 'closed') this.#show(why, true);
    else if (state !== 'connecting' && this.#errorIsAboutLine) this.clearError();
  }

  showLatency(milliseconds) {
    byId('latency').textContent = milliseconds < 1 ? '< 1 ms' : `${Math.round(milliseconds)} ms`;
  }

  showNode(node) {
    byId('node').textContent = node;
  }

  showError(text) {
    this.#show(text, false);
  }

  clearError() {
    this.#show('', false);
  }

  #show(text, isAboutLine) {
    this.#errorIsAboutLine = isAboutLine;
    const error = byId('error');
    error.parentElement.hidden = !text;
    // Setting the same text again would have a screen reader say it again at every retry.
    if (error.textContent !== text) error.textContent = text;
  }
}
