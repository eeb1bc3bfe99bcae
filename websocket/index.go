package websocket

import "sync"

// shard is one part of a SessionManager's indexes under a lock of its own. No
// method calls anything that can block.
type shard struct {
	mu sync.RWMutex
	// sessions are the shard's sessions by id.
	sessions map[string]*Session
	// scopes are the shard's sessions by user type and tenant, so that a
	// broadcast touches no session outside its audience.
	scopes map[scope]set
	// groups are all sessions of the users and keys that hash to this shard.
	groups map[address]set
}

// set is a set of sessions.
type set map[*Session]struct{}

// scope is a user type, a tenant or both.
type scope struct {
	typed    bool
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

// scopesOf returns the scopes that a user's sessions are in.
func scopesOf(u *LoginUser) []scope {
	scopes := []scope{{typed: true, userType: u.Type}}
	if u.Tenant != "" {
		scopes = append(scopes, scope{tenant: u.Tenant}, scope{true, u.Type, u.Tenant})
	}
	return scopes
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
	for _, in := range scopesOf(&s.user) {
		insert(sh.scopes, in, s)
	}
}

func (sh *shard) remove(s *Session) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	delete(sh.sessions, s.id)
	for _, in := range scopesOf(&s.user) {
		erase(sh.scopes, in, s)
	}
}

func (sh *shard) join(t Target, s *Session, limit int, notify func(Target, bool)) bool {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	a := t.address()
	if limit > 0 && len(sh.groups[a]) >= limit {
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

// insert adds s to the set at key and reports whether it is the first there.
func insert[K comparable](sets map[K]set, key K, s *Session) bool {
	members, ok := sets[key]
	if !ok {
		members = make(set, 1)
		sets[key] = members
	}
	members[s] = struct{}{}
	return !ok
}

// erase removes s from the set at key and reports whether it was the last there.
func erase[K comparable](sets map[K]set, key K, s *Session) bool {
	members, ok := sets[key]
	if !ok {
		return false
	}
	delete(members, s)
	if len(members) > 0 {
		return false
	}
	delete(sets, key)
	return true
}

// appendSessions appends the sessions of this shard that t selects.
func (sh *shard) appendSessions(to []*Session, t Target) []*Session {
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	var members set
	switch t.kind {
	case targetSession:
		if s := sh.sessions[t.name]; s != nil && t.admits(s) {
			to = append(to, s)
		}
		return to
	case targetUser, targetKey:
		members = sh.groups[t.address()]
	case targetUserType:
		members = sh.scopes[scope{true, t.userType, t.tenant}]
	case targetAll:
		if t.tenant == "" {
			for _, s := range sh.sessions {
				if t.admits(s) {
					to = append(to, s)
				}
			}
			return to
		}
		members = sh.scopes[scope{tenant: t.tenant}]
	}
	for s := range members {
		if t.admits(s) {
			to = append(to, s)
		}
	}
	return to
}

// admits reports whether the filters of t let s through.
func (t Target) admits(s *Session) bool {
	return (t.tenant == "" || t.tenant == s.user.Tenant) && (t.except == "" || t.except != s.id)
}

func (sh *shard) countTypes(counts map[UserType]int) {
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	for in, members := range sh.scopes {
		if in.typed && in.tenant == "" {
			counts[in.userType] += len(members)
		}
	}
}
