// Ties the parts together: what the connection hears goes to the chat, what the
// chat knows goes to the views, and what the person does goes back out.

import { Bulletin } from './bulletin.js';
import { Chat, everyone } from './chat.js';
import { Connection } from './connection.js';
import { byId, setBadge } from './dom.js';
import { LineBar } from './linebar.js';
import { People } from './people.js';
import { initTheme } from './theme.js';
import { Thread } from './thread.js';

const { body } = document;
const chat = new Chat();
const connection = new Connection();

const bar = new LineBar({ onRetry: retry, onDisconnect: () => connection.disconnect() });
const people = new People(chat, { onConnect: connect, onOpen: openConversation });
const thread = new Thread(chat, { onSend: send });
const bulletin = new Bulletin(chat, { onError: (text) => bar.showError(text) });

let unseenNotices = 0;
let wasAway = false; // since the line was last up

// --- what the person does ---

function connect(userId, token) {
  if (!userId && !token) {
    bar.showError('Type a user id, or use a token.');
    byId('user').focus();
    return;
  }
  bar.clearError();
  sessionStorage.setItem('user', userId);
  const url = new URL(location.href);
  if (url.searchParams.has('user')) {
    url.searchParams.set('user', userId); // or a reload would bring back somebody else
    history.replaceState(null, '', url);
  }
  // Without an id there is no telling whether this is still the same person.
  if (userId !== chat.me || !userId) {
    wasAway = false;
    unseenNotices = 0;
    chat.become(userId);
    thread.open();
    bulletin.show();
  }
  connection.connect(token || `test${userId}`);
}

function retry() {
  if (connection.state === 'waiting') connection.retryNow();
  else connection.reconnect();
}

function send(text) {
  const toUserId = chat.activeKey === everyone ? '' : chat.activeKey;
  try {
    connection.send('demo-message-send', { toUserId, text });
  } catch (error) {
    bar.showError(error.message);
    return false;
  }
  bar.clearError();
  // What goes to everybody comes back to us too, and that is when it is shown.
  if (toUserId) chat.sentPrivately(toUserId, text);
  return true;
}

function openConversation(key) {
  chat.open(key);
  thread.open();
  goTo('talk');
  thread.focus();
}

/** Brings one of the three parts to the front, where the screen is too small for all. */
function goTo(pane) {
  body.dataset.pane = pane;
  if (pane === 'bulletin') unseenNotices = 0;
  if (pane === 'talk') chat.markRead();
  showPanes();
}

function showPanes() {
  for (const button of byId('panes').children) {
    const { goto } = button.dataset;
    button.ariaCurrent = goto === body.dataset.pane ? 'true' : null;
    if (goto === 'talk') setBadge(button.lastElementChild, chat.unread, 'unread');
    if (goto === 'bulletin') setBadge(button.lastElementChild, unseenNotices, 'new');
  }
}

// The panes exist only on small screens, so whether the messages are on screen
// is a question for the layout.
const onScreen = (id) => byId(id).checkVisibility();
chat.isWatched = () => !document.hidden && onScreen('messages');

// --- what the connection hears ---

connection.addEventListener('state', ({ detail }) => {
  const { state, why } = detail;
  if (state === 'connected') arrive();
  else if (state !== 'connecting') wasAway = true;
  bar.showState(detail);
  people.showIdentity(state);
  thread.setConnected(state === 'connected');
  if (state !== 'connecting') say(state === 'connected' ? 'Connected.' : why);
});
connection.addEventListener('latency', ({ detail }) => bar.showLatency(detail));
connection.addEventListener('frame', ({ detail }) => chat.receive(detail));
connection.addEventListener('garbled', ({ detail }) => {
  bar.showError(`The server sent something that is not a frame: ${detail.slice(0, 200)}`);
});

function arrive() {
  connection.send('online-watch'); // the server tells who is online only to those who ask
  if (body.dataset.screen === 'welcome' || body.dataset.pane === 'people') goTo('talk');
  body.dataset.screen = 'desk';
  // Messages are for those who are connected: nothing is kept for later. Better to say so.
  if (wasAway) chat.noteGap('The line was down. What was said meanwhile is not here.');
  wasAway = false;
  if (!matchMedia('(pointer: coarse)').matches) thread.focus();
}

// --- what the chat knows ---

chat.addEventListener('message', ({ detail }) => {
  thread.add(detail);
  const { conversation, row } = detail;
  if (conversation !== chat.active && row.single) say(`Private message from ${row.from}.`);
});
chat.addEventListener('conversations', () => {
  people.showConversations();
  showPanes();
  document.title = chat.unread ? `(${chat.unread}) Switchboard chat` : 'Switchboard chat';
});
chat.addEventListener('online', () => {
  people.showOnline();
  thread.showAbout();
  bar.showNode(chat.online.node);
});
chat.addEventListener('notice', ({ detail }) => {
  bulletin.announce(detail);
  if (!onScreen('notices')) unseenNotices += 1;
  showPanes();
});
chat.addEventListener('error', ({ detail }) => bar.showError(detail));

/** Tells a screen reader what others see by the colour of a lamp. */
function say(text) {
  byId('announcer').textContent = text;
}

// --- start ---

byId('panes').addEventListener('click', ({ target }) => {
  const button = target.closest('button');
  if (button) goTo(button.dataset.goto);
});
document.addEventListener('visibilitychange', () => {
  if (chat.isWatched()) chat.markRead();
});

initTheme(byId('theme'));
thread.open();
thread.setConnected(false);
people.showConversations();
people.showIdentity('offline');
showPanes();

const invited = new URLSearchParams(location.search).get('user')?.trim();
byId('user').value = invited || sessionStorage.getItem('user') || '';
if (invited) connect(invited, '');
else byId('user').focus();
