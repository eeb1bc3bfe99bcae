package websocket

import (
	"slices"
	"sync"
)

// shard is one part of a SessionManager's indexes under a lock of its own. No
// method calls anything that can block while it holds the lock: frames are
// pushed by the caller, to the sessions that appendSessions has copied.
//
// Locks are taken in this order: Session.mu, shard.mu, what a Watch callback
// takes. Nobody holds two shards' locks at once.
type shard struct {
	mu sync.RWMutex
	// sessions are the shard's sessions by id.
	sessions map[string]*Session
	// scopes are the shard's sessions by user type and tenant, so that a
	// broadcast touches no session outside its audience; types are the user
	// types that it has sessions of, which are few.
	scopes map[scope]set
	types  []UserType
	// groups are all sessions of the users and keys that hash to this shard.
	groups map[address]set
}

// scope is a user type in a tenant, or in all of them where tenant is empty.
type scope struct {
	userType UserType
	tenant   string
}

// address is a user or a key: the part of a Target that a group is found by.
type address struct {
	kind     targetKind
	userType UserType
	name     string
}

func (t Target) address() address { return address{t.kind, t.userType, t.name} }

func (sh *shard) init() {
	sh.sessions = make(map[string]*Session)
	sh.scopes = make(map[scope]set)
	sh.groups = make(map[address]set)
}

func (sh *shard) session(id string) *Session {
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	return sh.sessions[id]
}

func (sh *shard) add(s *Session) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.sessions[s.id] = s
	if insert(sh.scopes, scope{s.user.Type, ""}, s) {
		sh.types = append(sh.types, s.user.Type)
	}
	if s.user.Tenant != "" {
		insert(sh.scopes, scope{s.user.Type, s.user.Tenant}, s)
	}
}

func (sh *shard) remove(s *Session) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	delete(sh.sessions, s.id)
	if erase(sh.scopes, scope{s.user.Type, ""}, s) {
		i := slices.Index(sh.types, s.user.Type)
		sh.types = slices.Delete(sh.types, i, i+1)
	}
	if s.user.Tenant != "" {
		erase(sh.scopes, scope{s.user.Type, s.user.Tenant}, s)
	}
}

// join and leave call notify under the lock, which orders its calls.
func (sh *shard) join(t Target, s *Session, limit int, notify func(Target, bool)) bool {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	a := t.address()
	if limit > 0 && sh.groups[a].len() >= limit {
		return false
	}
	if insert(sh.groups, a, s) {
		notify(t, true)
	}
	return true
}

func (sh *shard) leave(t Target, s *Session, notify func(Target, bool)) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if erase(sh.groups, t.address(), s) {
		notify(t, false)
	}
}

// sets calls visit with the sets that t selects from, before its filters except
// for a tenant that is a scope's. The caller holds the lock.
func (sh *shard) sets(t Target, visit func(set)) {
	switch t.kind {
	case targetSession:
		visit(set{one: sh.sessions[t.name]})
	case targetUser, targetKey:
		visit(sh.groups[t.address()])
	case targetUserType:
		visit(sh.scopes[scope{t.userType, t.tenant}])
	case targetAll:
		for _, userType := range sh.types {
			visit(sh.scopes[scope{userType, t.tenant}])
		}
	}
}

// appendSessions appends the sessions of this shard that t selects.
func (sh *shard) appendSessions(to []*Session, t Target) []*Session {
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	sh.sets(t, func(members set) {
		if members.one != nil && t.admits(members.one) {
			to = append(to, members.one)
		}
		for s := range members.more {
			if t.admits(s) {
				to = append(to, s)
			}
		}
	})
	return to
}

// admits reports whether the filters of t let s through.
func (t Target) admits(s *Session) bool {
	return (t.tenant == "" || t.tenant == s.user.Tenant) && (t.except == "" || t.except != s.id)
}

// size returns how many sessions of this shard t selects, where the sets know:
// t must not except a session, nor narrow one, a user or a key to a tenant.
func (sh *shard) size(t Target) (n int) {
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	sh.sets(t, func(members set) { n += members.len() })
	return n
}

func (sh *shard) countTypes(counts map[UserType]int) {
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	for _, userType := range sh.types {
		counts[userType] += sh.scopes[scope{userType, ""}].len()
	}
}
