package websocket

import (
	"crypto/rand"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"strings"
	"sync"
	"sync/atomic"
)

// Errors of the SessionManager and of sessions.
var (
	// ErrSessionClosed: the session has ended or is ending.
	ErrSessionClosed = errors.New("session is closed")
	// ErrSlowConsumer: the session's outbox is full. With SlowConsumerClose the
	// session has been closed for it, with SlowConsumerDrop only this message is lost.
	ErrSlowConsumer = errors.New("session takes messages too slowly")
	// ErrMessageTooLarge: the message's frame is larger than Limits.OutboxBytes,
	// so no session can take it.
	ErrMessageTooLarge = errors.New("message is larger than an outbox")
	// ErrTooManyKeys: the session is bound to Limits.MaxKeys keys.
	ErrTooManyKeys = errors.New("session is bound to too many keys")
)

// SessionManager holds the sessions of one node and finds them by id, user,
// user type, bound key and tenant. Servers put their sessions in it; several
// Servers may share one. All methods are safe for concurrent use, and none does
// network I/O. Adding, removing, binding and finding a session cost the same
// however many there are.
type SessionManager struct {
	node  string
	seed  maphash.Seed
	count atomic.Int64
	// shards is sharded by session id for sessions and scopes, and by the user's
	// id or the key for groups.
	shards [shardCount]shard

	delivered *typeCounts

	watching sync.Mutex
	watchers atomic.Pointer[[]func(Target, bool)]
}

// shardCount is a power of two well above the cores that connect at once.
const shardCount = 64

// NewSessionManager returns an empty manager for the node with the given name,
// which begins the ids of its sessions and must be unique in a cluster: 1 to 64
// letters, digits, dots, underscores and hyphens. Empty means a random one.
func NewSessionManager(node string) (*SessionManager, error) {
	if node == "" {
		node = secret()[:10]
	}
	if !validNode(node) {
		return nil, fmt.Errorf("node name %q is not 1 to 64 letters, digits, dots, underscores and hyphens", node)
	}
	m := &SessionManager{node: node, seed: maphash.MakeSeed(), delivered: newTypeCounts()}
	for i := range m.shards {
		m.shards[i].init()
	}
	m.watchers.Store(new([]func(Target, bool)))
	return m, nil
}

// Node returns the node's name.
func (m *SessionManager) Node() string { return m.node }

// NodeOf returns the name of the node that a session id belongs to; empty where
// the text is no session id.
func NodeOf(sessionID string) string {
	i := strings.LastIndexByte(sessionID, '-')
	if i < 0 || len(sessionID)-i-1 != secretLength || !validNode(sessionID[:i]) {
		return ""
	}
	return sessionID[:i]
}

// newID returns a session id: the node's name and a secret.
func (m *SessionManager) newID() string { return m.node + "-" + secret() }

// secret returns secretLength lower-case letters and digits, 130 random bits.
func secret() string { return strings.ToLower(rand.Text()) }

const secretLength = 26

func validNode(name string) bool {
	for _, c := range []byte(name) {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return name != "" && len(name) <= 64
}

// Watch has f called when the first session of a user or of a key comes
// (present is true) and when the last one has gone (false); the target is the
// user or the key. The calls for one target are in order. f runs under a lock
// of the index: it must return at once and must not call the manager or a
// session. Watch before the first session comes; there is no way to stop.
func (m *SessionManager) Watch(f func(address Target, present bool)) {
	m.watching.Lock()
	defer m.watching.Unlock()
	watchers := append([]func(Target, bool){}, *m.watchers.Load()...)
	watchers = append(watchers, f)
	m.watchers.Store(&watchers)
}

func (m *SessionManager) notify(address Target, present bool) {
	for _, watcher := range *m.watchers.Load() {
		watcher(address, present)
	}
}

// Session returns the session with the given id, nil where this node has none.
func (m *SessionManager) Session(id string) *Session {
	return m.shardOf(id).session(id)
}

// Sessions returns the sessions that t selects. Those that come or go meanwhile
// may or may not be among them; no lock is held while the caller's loop runs.
func (m *SessionManager) Sessions(t Target) iter.Seq[*Session] {
	return func(yield func(*Session) bool) {
		m.chunks(t, func(sessions []*Session) bool {
			for _, s := range sessions {
				if !yield(s) {
					return false
				}
			}
			return true
		})
	}
}

// Count returns how many sessions t selects.
func (m *SessionManager) Count(t Target) int {
	if t == ToAll() {
		return int(m.count.Load())
	}
	n := 0
	if t.except != "" || t.tenant != "" && t.kind != targetUserType && t.kind != targetAll {
		for range m.Sessions(t) {
			n++
		}
		return n
	}
	shards := m.shardsOf(t)
	for i := range shards {
		n += shards[i].size(t)
	}
	return n
}

// CountByType returns the number of sessions of each user type that has any.
func (m *SessionManager) CountByType() map[UserType]int {
	counts := make(map[UserType]int)
	for i := range m.shards {
		m.shards[i].countTypes(counts)
	}
	return counts
}

// Deliver queues msg for every session that t selects, at once and without
// waiting for any of them, and returns how many took it. The message is encoded
// once for all sessions that share a protocol and its compression. The error is
// about the message and not about a session's state: t is invalid, a protocol
// cannot encode msg, or its frame is too large for an outbox
// (ErrMessageTooLarge). Sessions with other protocols or limits may have taken
// it then. A session that is closing or slow is no error.
func (m *SessionManager) Deliver(t Target, msg Message) (int, error) {
	if err := t.Validate(); err != nil {
		return 0, err
	}
	var (
		encoded encodings
		taken   int
		failure error
	)
	m.chunks(t, func(sessions []*Session) bool {
		for _, s := range sessions {
			frame, err := encoded.frame(s, msg)
			if err == nil {
				if frame == nil {
					continue
				}
				err = s.push(frame)
			}
			switch {
			case err == nil:
				taken++
			case !errors.Is(err, ErrSessionClosed) && !errors.Is(err, ErrSlowConsumer):
				failure = err
			}
		}
		return true
	})
	if failure == nil {
		m.delivered.count(msg.Type, true)
	}
	return taken, failure
}

// DeliveredByType counts, since the manager was made, the messages that were
// given to Deliver and to Session.Send and could be encoded, by type: one for each
// call, however many sessions took it. Types beyond the first MaxCountedTypes
// are counted under OtherTypes.
func (m *SessionManager) DeliveredByType() map[string]uint64 { return m.delivered.stats() }

// Queued returns how many messages wait to be sent, over all sessions, and the
// bytes of their frames. It looks at every session.
func (m *SessionManager) Queued() (messages, bytes int) {
	for s := range m.Sessions(ToAll()) {
		waiting, size := s.outbox.depth()
		messages += waiting
		bytes += size
	}
	return messages, bytes
}

// encodings are the frames of one message, made as sessions need them.
type encodings struct {
	first encoding // the only one, for most
	more  []encoding
}

type encoding struct {
	format *format // nil in one that is not made yet
	frame  []byte
	err    error
}

// is reports whether the frame is that of sessions with a format. Servers that
// share a manager have formats of their own.
func (e *encoding) is(of *format) bool {
	return e.format == of || e.format != nil && *e.format == *of
}

// frame returns the frame of msg for s; nil where s is not to get it.
func (e *encodings) frame(s *Session, msg Message) ([]byte, error) {
	if !s.format.shared {
		return s.encode(msg)
	}
	if e.first.is(s.format) {
		return e.first.frame, e.first.err
	}
	for i := range e.more {
		if e.more[i].is(s.format) {
			return e.more[i].frame, e.more[i].err
		}
	}
	frame, err := s.encode(msg)
	if made := (encoding{s.format, frame, err}); e.first.format == nil {
		e.first = made
	} else {
		e.more = append(e.more, made)
	}
	return frame, err
}

// chunks calls yield with the sessions that t selects, a shard's worth at a
// time and under no lock, until it returns false. The slice is reused.
func (m *SessionManager) chunks(t Target, yield func([]*Session) bool) {
	buffer := snapshots.Get().(*[]*Session)
	defer func() {
		clear(*buffer)
		*buffer = (*buffer)[:0]
		snapshots.Put(buffer)
	}()
	shards := m.shardsOf(t)
	for i := range shards {
		sessions := shards[i].appendSessions((*buffer)[:0], t)
		*buffer = sessions[:max(len(sessions), len(*buffer))] // as much as has been used
		if len(sessions) > 0 && !yield(sessions) {
			return
		}
	}
}

// snapshots holds the slices that sessions are copied to under an index lock,
// to be used after it.
var snapshots = sync.Pool{New: func() any { return new([]*Session) }}

// add puts s into the indexes of its id and its user. It fails where a limit
// on sessions is reached. A session that its protocol has ended in Open stays
// out of them.
func (m *SessionManager) add(s *Session, limits *Limits) error {
	// Who finds s in one index meanwhile must not end it before it is in all.
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ending {
		return nil
	}
	if n := m.count.Add(1); limits.MaxSessions > 0 && n > int64(limits.MaxSessions) {
		m.count.Add(-1)
		return errTooManySessions
	}
	if !m.join(ToUser(s.user.Type, s.user.ID), s, limits.MaxSessionsPerUser) {
		m.count.Add(-1)
		return errTooManyUserSessions
	}
	m.shardOf(s.id).add(s)
	s.indexed = true
	return nil
}

// remove takes s out of all indexes. The caller holds the session's lock.
func (m *SessionManager) remove(s *Session, keys map[string]struct{}) {
	for key := range keys {
		m.leave(ToKey(key), s)
	}
	if s.indexed {
		m.shardOf(s.id).remove(s)
		m.leave(ToUser(s.user.Type, s.user.ID), s)
		m.count.Add(-1)
	}
}

// join adds s to the sessions of a user or key, unless that has limit already;
// a limit of zero is none.
func (m *SessionManager) join(address Target, s *Session, limit int) bool {
	sh := m.shardOf(address.name)
	return sh.join(address, s, limit, m.notify)
}

// leave removes s from the sessions of a user or key.
func (m *SessionManager) leave(address Target, s *Session) {
	sh := m.shardOf(address.name)
	sh.leave(address, s, m.notify)
}

// shardOf returns the shard of a session's id, a user's id or a key. That users
// of several types with one id, and a key like it, share a shard does no harm.
func (m *SessionManager) shardOf(name string) *shard {
	return &m.shards[maphash.String(m.seed, name)%shardCount]
}

// shardsOf returns the shards that sessions are in which t selects.
func (m *SessionManager) shardsOf(t Target) []shard {
	switch t.kind {
	case targetSession, targetUser, targetKey:
		i := maphash.String(m.seed, t.name) % shardCount
		return m.shards[i : i+1]
	case targetUserType, targetAll:
		return m.shards[:]
	}
	return nil
}
