package websocket

// Leftovers counts what the indexes hold, for tests that expect nothing.
func (m *SessionManager) Leftovers() (sessions, scopes, groups int) {
	for i := range m.shards {
		sh := &m.shards[i]
		sh.mu.RLock()
		sessions += len(sh.sessions)
		scopes += len(sh.scopes)
		groups += len(sh.groups)
		sh.mu.RUnlock()
	}
	return sessions, scopes, groups
}
