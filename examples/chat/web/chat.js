// What the page knows: who we are, the conversations and their messages, who is
// online, and the notices. No DOM and no network in here.
//
// Events (each a CustomEvent):
//   message        {conversation, row}  a row was added to a conversation
//   conversations                       the list, the active one or a badge changed
//   online                              the list of who is online changed
//   notice         notice               a notice came in
//   error          text                 something that the person should read

/** The key of the conversation with everybody. */
export const everyone = '*';

/** How many rows a conversation keeps. */
export const rowLimit = 500;
const conversationLimit = 200;
const noticeLimit = 50;

export class Chat extends EventTarget {
  me = '';
  conversations = new Map();
  activeKey = everyone;
  notices = [];
  online = { node: '', total: 0, users: [] };

  /** Whether the person is looking at the messages now; the view knows. */
  isWatched = () => true;

  constructor() {
    super();
    this.#conversation(everyone);
  }

  get active() {
    return this.conversations.get(this.activeKey);
  }

  get unread() {
    let sum = 0;
    for (const { unread } of this.conversations.values()) sum += unread;
    return sum;
  }

  /** Takes on an identity. Another person's conversations are not kept. */
  become(userId) {
    this.me = userId;
    this.conversations.clear();
    this.notices = [];
    this.#conversation(everyone);
    this.open(everyone);
  }

  open(key) {
    this.#conversation(key).unread = 0;
    this.activeKey = key;
    this.#emit('conversations');
  }

  markRead() {
    if (!this.active.unread) return;
    this.active.unread = 0;
    this.#emit('conversations');
  }

  /** Notes in every conversation that messages may be missing from here on. */
  noteGap(text) {
    for (const conversation of this.conversations.values()) {
      const last = conversation.rows.at(-1);
      if (last && last.kind !== 'gap') this.#append(conversation, { kind: 'gap', text, at: Date.now() });
    }
  }

  /** Shows a private message of our own: the server sends us no copy of it. */
  sentPrivately(toUserId, text) {
    if (toUserId === this.me) return; // this one does come back, as sent to us
    this.#addMessage(this.#conversation(toUserId), { from: this.me, own: true, single: true, text });
  }

  isOnline(userId) {
    return this.online.users.some((user) => user.userId === userId);
  }

  /** Takes a frame from the server. */
  receive({ type, content }) {
    switch (type) {
      case 'demo-message-receive':
        return this.#receiveMessage(content);
      case 'notice-push':
        return this.#receiveNotice(content);
      case 'online-users':
        return this.#receiveOnline(content);
      case 'error':
        return this.#emit('error', describeError(content));
      default:
        return this.#emit('error', `The server sent a message of a type this page does not know: “${type}”.`);
    }
  }

  #receiveMessage(content) {
    // Ids are text to us: beyond 2^53 the server sends them so, and numbers would not hold them.
    const from = String(content.fromUserId);
    const single = content.single === true;
    const own = this.me !== '' && from === this.me;
    this.#addMessage(this.#conversation(single ? from : everyone), { from, own, single, text: String(content.text ?? '') });
  }

  #receiveNotice({ title, content }) {
    const notice = { title: String(title ?? ''), content: String(content ?? ''), at: Date.now() };
    this.notices.unshift(notice);
    this.notices.length = Math.min(this.notices.length, noticeLimit);
    this.#emit('notice', notice);
  }

  #receiveOnline({ node, total, users }) {
    const list = (Array.isArray(users) ? users : []).map((user) => ({
      userId: String(user.userId),
      userType: user.userType,
      sessions: Number(user.sessions) || 1,
    }));
    this.online = { node: String(node ?? ''), total: Number(total) || list.length, users: list };
    this.#emit('online');
  }

  #addMessage(conversation, message) {
    const seen = message.own || (conversation.key === this.activeKey && this.isWatched());
    if (!seen) conversation.unread += 1;
    this.#append(conversation, { kind: 'message', at: Date.now(), ...message });
    this.#emit('conversations');
  }

  #append(conversation, row) {
    conversation.rows.push(row);
    if (conversation.rows.length > rowLimit) conversation.rows.shift();
    conversation.touchedAt = row.at;
    this.#emit('message', { conversation, row });
  }

  #conversation(key) {
    let conversation = this.conversations.get(key);
    if (!conversation) {
      this.#makeRoom();
      conversation = { key, rows: [], unread: 0, draft: '', touchedAt: Date.now() };
      this.conversations.set(key, conversation);
    }
    return conversation;
  }

  /** Strangers can open conversations with us, so their number is bounded like that of rows. */
  #makeRoom() {
    if (this.conversations.size < conversationLimit) return;
    const spare = [...this.conversations.values()]
      .filter(({ key }) => key !== everyone && key !== this.activeKey)
      .reduce((a, b) => (b.touchedAt < a.touchedAt ? b : a));
    this.conversations.delete(spare.key);
  }

  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

function describeError({ code, type, detail }) {
  const about = type ? ` to “${type}”` : '';
  return `The server objects${about}: ${detail || 'no detail given'}${code ? ` (${code})` : ''}`;
}
