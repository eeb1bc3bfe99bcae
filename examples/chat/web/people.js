// The left column: who we are, the conversations, and who is online on this node.

import { everyone } from './chat.js';
import { byId, jack, make, paintJack, reconcile, setBadge } from './dom.js';

const byNumber = new Intl.Collator(undefined, { numeric: true });
const employee = 2; // the user type that the chat's messages go to

export class People {
  #chat;

  constructor(chat, { onConnect, onOpen }) {
    this.#chat = chat;
    byId('connect-form').addEventListener('submit', (event) => {
      event.preventDefault();
      onConnect(byId('user').value.trim(), byId('token').value.trim());
    });
    byId('private-form').addEventListener('submit', (event) => {
      event.preventDefault();
      const input = byId('private-user');
      const userId = input.value.trim();
      if (!userId) return input.focus();
      input.value = '';
      onOpen(userId);
    });
    const openClicked = (attribute) => (event) => {
      const item = event.target.closest('button')?.closest('li');
      if (item) onOpen(item.dataset[attribute]);
    };
    byId('conversations').addEventListener('click', openClicked('conversation'));
    byId('online').addEventListener('click', openClicked('user'));
  }

  showIdentity(state) {
    const signedIn = ['connecting', 'connected', 'waiting'].includes(state);
    const atDesk = document.body.dataset.screen === 'desk';
    byId('signin').hidden = signedIn && atDesk;
    byId('identity').hidden = !signedIn || !atDesk;
    const { me } = this.#chat;
    byId('me').textContent = me || 'somebody with a token';
    paintJack(byId('identity-jack'), me);
    const other = /^\d{1,15}$/.test(me) ? String(Number(me) + 1) : '8';
    const link = byId('second-tab');
    link.search = new URLSearchParams({ user: other });
    link.textContent = `Open a tab as user ${other}`;
  }

  showConversations() {
    const { conversations, activeKey } = this.#chat;
    const [all, ...rest] = conversations.values();
    rest.sort((a, b) => b.touchedAt - a.touchedAt);
    reconcile(byId('conversations'), [all, ...rest], {
      keyOf: ({ key }) => key,
      create: ({ key }) => {
        const name = make('bdi', { className: 'name', textContent: key === everyone ? 'Everyone' : key });
        const ring = jack(key === everyone ? '' : key);
        if (key === everyone) ring.textContent = '∞';
        const button = make('button', { type: 'button' }, ring, name, make('span', { className: 'badge' }));
        return make('li', { data: { conversation: key } }, button);
      },
      update: (item, { key, unread }) => {
        item.firstChild.ariaCurrent = key === activeKey ? 'true' : null;
        item.classList.toggle('here', this.#chat.isOnline(key));
        setBadge(item.querySelector('.badge'), unread, 'unread');
      },
    });
  }

  showOnline() {
    const { users, total } = this.#chat.online;
    const { me } = this.#chat;
    const sorted = users.toSorted((a, b) => byNumber.compare(a.userId, b.userId));
    reconcile(byId('online'), sorted, {
      keyOf: ({ userType, userId }) => `${userType}:${userId}`,
      create: ({ userId }) => {
        const button = make('button', { type: 'button', title: `Write to ${userId} in private` },
          jack(userId), make('bdi', { className: 'name', textContent: userId }), make('span', { className: 'tag' }));
        return make('li', { className: 'here', data: { user: userId } }, button);
      },
      update: (item, { userId, userType, sessions }) => {
        const facts = [];
        if (userId === me) facts.push('you');
        if (userType !== undefined && userType !== employee) facts.push(`type ${userType}`);
        if (sessions > 1) facts.push(`${sessions} tabs`);
        item.querySelector('.tag').textContent = facts.join(' · ');
      },
    });
    byId('online-total').textContent = total || '';
    const more = total - users.length;
    byId('online-more').hidden = more <= 0;
    byId('online-more').textContent = `and ${more} more`;
    byId('online-empty').hidden = users.some(({ userId }) => userId !== me);
    this.showConversations(); // they carry a lamp for who is here
  }
}
