package websocket

// set is a set of sessions. Most have one member, as most users have one
// session, and that one needs no map.
type set struct {
	one  *Session              // the only member
	more map[*Session]struct{} // the members where there are two or more
}

func (m set) len() int {
	if m.one != nil {
		return 1
	}
	return len(m.more)
}

// insert adds s to the set at key and reports whether it is the first there.
func insert[K comparable](sets map[K]set, key K, s *Session) bool {
	members := sets[key]
	switch {
	case members.more != nil:
		members.more[s] = struct{}{}
	case members.one == nil:
		sets[key] = set{one: s}
		return true
	case members.one != s:
		sets[key] = set{more: map[*Session]struct{}{members.one: {}, s: {}}}
	}
	return false
}

// erase removes s from the set at key and reports whether it was the last there.
func erase[K comparable](sets map[K]set, key K, s *Session) bool {
	members := sets[key]
	if members.one == s {
		delete(sets, key)
		return true
	}
	delete(members.more, s)
	if len(members.more) == 1 {
		for last := range members.more {
			sets[key] = set{one: last}
		}
	}
	return false
}
