package websocket

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"
)

func newManager(t testing.TB) *SessionManager {
	t.Helper()
	m, err := NewSessionManager("node1")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// leave takes a session that has no server out of the manager, as Session.end does.
func leave(m *SessionManager, s *Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ending = true
	m.remove(s, s.keys)
}

// bind does what Session.Bind does, for a session that has no server.
func bind(m *SessionManager, s *Session, key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keys == nil {
		s.keys = make(map[string]struct{})
	}
	s.keys[key] = struct{}{}
	m.join(ToKey(key), s, 0)
}

// selects says what Target means, in the plainest words.
func selects(t Target, s *Session) bool {
	if t.tenant != "" && t.tenant != s.user.Tenant || t.except != "" && t.except == s.id {
		return false
	}
	switch t.kind {
	case targetSession:
		return s.id == t.name
	case targetUser:
		return s.user.Type == t.userType && s.user.ID == t.name
	case targetUserType:
		return s.user.Type == t.userType
	case targetKey:
		_, bound := s.keys[t.name]
		return bound
	}
	return t.kind == targetAll
}

// The indexes must say the same as a look at every session, after any history
// and for any target, and the watchers as well.
func TestIndexesAgreeWithAModel(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 0))
		m := newManager(t)
		watched := make(map[Target]bool)
		m.Watch(func(address Target, present bool) {
			if watched[address] == present {
				t.Errorf("seed %d: %s was told %t twice", seed, address, present)
			}
			watched[address] = present
		})
		var model, gone []*Session
		name := func(prefix string, n int) string { return fmt.Sprint(prefix, random.IntN(n)) }
		anyTarget := func() Target {
			id := "node1-none"
			if all := append(append([]*Session{}, model...), gone...); len(all) > 0 {
				id = all[random.IntN(len(all))].id
			}
			target := []Target{
				ToSession(id), ToUser(UserType(random.IntN(3)), name("u", 6)),
				ToUserType(UserType(random.IntN(3))), ToKey(name("k", 5)), ToAll(), {},
			}[random.IntN(6)]
			if random.IntN(2) == 0 {
				target = target.InTenant(name("t", 4))
			}
			if random.IntN(2) == 0 {
				target = target.Except(id)
			}
			return target
		}
		for step := range 400 {
			switch n := random.IntN(4); {
			case n == 0 || len(model) == 0:
				s := &Session{id: m.newID(), user: LoginUser{ID: name("u", 6), Type: UserType(random.IntN(3))}}
				if random.IntN(3) > 0 {
					s.user.Tenant = name("t", 3)
				}
				if err := m.add(s, &Limits{}); err != nil {
					t.Fatal(err)
				}
				model = append(model, s)
			case n == 1:
				i := random.IntN(len(model))
				leave(m, model[i])
				gone = append(gone, model[i])
				model = append(model[:i], model[i+1:]...)
			case n == 2:
				bind(m, model[random.IntN(len(model))], name("k", 5))
			default:
				s := model[random.IntN(len(model))]
				for key := range s.keys {
					delete(s.keys, key)
					m.leave(ToKey(key), s)
					break
				}
			}
			target := anyTarget()
			want := make(map[*Session]bool)
			types := make(map[UserType]int)
			present := make(map[Target]bool)
			for _, s := range model {
				if selects(target, s) {
					want[s] = true
				}
				types[s.user.Type]++
				present[ToUser(s.user.Type, s.user.ID)] = true
				for key := range s.keys {
					present[ToKey(key)] = true
				}
			}
			got := make(map[*Session]bool)
			for s := range m.Sessions(target) {
				if got[s] {
					t.Fatalf("seed %d, step %d: %s selects a session twice", seed, step, target)
				}
				got[s] = true
			}
			if !maps.Equal(got, want) || m.Count(target) != len(want) {
				t.Fatalf("seed %d, step %d: %s selects %d sessions and counts %d, want %d", seed, step, target, len(got), m.Count(target), len(want))
			}
			if got := m.CountByType(); !maps.Equal(got, types) {
				t.Fatalf("seed %d, step %d: sessions by type are %v, want %v", seed, step, got, types)
			}
			for address, is := range watched {
				if is != present[address] {
					t.Fatalf("seed %d, step %d: watchers believe %t of %s", seed, step, is, address)
				}
			}
			for address := range present {
				if !watched[address] {
					t.Fatalf("seed %d, step %d: no watcher was told of %s", seed, step, address)
				}
			}
		}
		for _, s := range model {
			leave(m, s)
		}
		checkEmpty(t, m)
	}
}

// checkEmpty checks that no index holds anything.
func checkEmpty(t testing.TB, m *SessionManager) {
	t.Helper()
	if sessions, scopes, groups := m.Leftovers(); sessions+scopes+groups != 0 || m.count.Load() != 0 {
		t.Errorf("the count is %d; left in the indexes are %d sessions, %d scopes, %d groups", m.count.Load(), sessions, scopes, groups)
	}
}

// The slices that sessions are copied to for a send do not keep them alive
// after it.
func TestSnapshotsAreForgotten(t *testing.T) {
	m := newManager(t)
	for i := range 1000 {
		_ = m.add(&Session{id: m.newID(), user: LoginUser{ID: fmt.Sprint(i)}}, &Limits{})
	}
	var last []*Session
	m.chunks(ToAll(), func(sessions []*Session) bool {
		last = sessions
		return true
	})
	for _, s := range last[:cap(last)] {
		if s != nil {
			t.Fatal("a session is left in the slice of a send that is over")
		}
	}
}

// What the index takes for each session, beside the session itself, is bounded:
// the heap grows by so much while sessions are added.
func TestIndexMemory(t *testing.T) {
	for _, tenants := range []bool{false, true} {
		if _, _, bytes := indexed(t, 100_000, tenants); bytes > 400 {
			t.Errorf("with tenants %t the index takes %.0f bytes for each session, want at most 400", tenants, bytes)
		}
	}
}

func TestSessionsCanBeLeftEarlyAndNested(t *testing.T) {
	m := newManager(t)
	for i := range 1000 {
		_ = m.add(&Session{id: m.newID(), user: LoginUser{ID: fmt.Sprint(i % 100)}}, &Limits{})
	}
	pairs := 0
	for s := range m.Sessions(ToAll()) {
		for other := range m.Sessions(ToUser(0, s.user.ID)) {
			if other.user.ID != s.user.ID {
				t.Fatalf("user %s has a session of user %s", s.user.ID, other.user.ID)
			}
			pairs++
		}
		if pairs >= 500 {
			break
		}
	}
	if pairs != 500 {
		t.Errorf("%d pairs were seen, want 500", pairs)
	}
}

func TestSessionLimits(t *testing.T) {
	m := newManager(t)
	user := func(id string) *Session { return &Session{id: m.newID(), user: LoginUser{ID: id}} }
	limits := &Limits{MaxSessions: 3, MaxSessionsPerUser: 2}
	first := user("a")
	for _, step := range []struct {
		s    *Session
		want error
	}{
		{first, nil}, {user("a"), nil}, {user("a"), errTooManyUserSessions}, {user("b"), nil}, {user("c"), errTooManySessions},
	} {
		if err := m.add(step.s, limits); !errors.Is(err, step.want) {
			t.Errorf("a session of user %s was answered %v, want %v", step.s.user.ID, err, step.want)
		}
	}
	leave(m, first)
	if err := m.add(user("a"), limits); err != nil {
		t.Errorf("once one has left, another is answered %v", err)
	}
	if got := m.Count(ToAll()); got != 3 {
		t.Errorf("%d sessions are counted, want 3", got)
	}
}

// For one target the transitions alternate, however many sessions of it come
// and go at once: each is told once, and in order.
func TestWatchUnderConcurrency(t *testing.T) {
	m := newManager(t)
	type history struct {
		present bool
		calls   int
	}
	var histories [2]sync.Map // Target to *history; the calls for one are ordered
	for i := range histories {
		m.Watch(func(address Target, present bool) {
			value, _ := histories[i].LoadOrStore(address, new(history))
			h := value.(*history)
			if h.present == present {
				t.Errorf("watcher %d was told %t of %s twice", i, present, address)
			}
			h.present = present
			h.calls++
		})
	}
	var running sync.WaitGroup
	for worker := range 8 {
		running.Go(func() {
			random := rand.New(rand.NewPCG(uint64(worker), 2))
			for range 3000 {
				s := &Session{id: m.newID(), user: LoginUser{ID: fmt.Sprint(random.IntN(3)), Type: Member}}
				_ = m.add(s, &Limits{})
				bind(m, s, fmt.Sprint(random.IntN(3)))
				leave(m, s)
			}
		})
	}
	running.Wait()
	for i := range histories {
		addresses := 0
		histories[i].Range(func(address, value any) bool {
			addresses++
			if h := value.(*history); h.present || h.calls%2 != 0 {
				t.Errorf("watcher %d heard last that %s is present, after %d calls", i, address, h.calls)
			}
			return true
		})
		if addresses != 6 {
			t.Errorf("watcher %d heard of %d addresses, want 6", i, addresses)
		}
	}
	checkEmpty(t, m)
}

func TestNodeNames(t *testing.T) {
	long := "0123456789012345678901234567890123456789012345678901234567890123"
	for _, name := range []string{"a", "A-1_b.c", "-", long} {
		m, err := NewSessionManager(name)
		if err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		if got := NodeOf(m.newID()); got != name || m.Node() != name {
			t.Errorf("an id of node %q is of node %q", name, got)
		}
	}
	for _, name := range []string{long + "4", " ", "a b", "a/b", "a\n", "ä", "a*", "a#", "\x00", "[", "`", "{", "@"} {
		if _, err := NewSessionManager(name); err == nil {
			t.Errorf("%q was accepted", name)
		}
	}
	a, errA := NewSessionManager("")
	b, errB := NewSessionManager("")
	if errA != nil || errB != nil || a.Node() == b.Node() || len(a.Node()) < 10 {
		t.Errorf("random names are %q and %q (%v, %v)", a.Node(), b.Node(), errA, errB)
	}
}

func TestNodeOfWhatIsNoID(t *testing.T) {
	secret := "abcdefghijklmnopqrstuvwxyz"
	if got := NodeOf("n-" + secret); got != "n" {
		t.Errorf("the node is %q, want n", got)
	}
	for _, id := range []string{"", "-", "n", "n-", "n-short", "-" + secret, secret, "a b-" + secret, "n-" + secret + "x", "*-" + secret} {
		if got := NodeOf(id); got != "" {
			t.Errorf("%q is of node %q", id, got)
		}
	}
}

func TestSessionIDsDiffer(t *testing.T) {
	m := newManager(t)
	seen := make(map[string]bool)
	for range 10_000 {
		seen[m.newID()] = true
	}
	if len(seen) != 10_000 {
		t.Errorf("of 10,000 ids %d differ", len(seen))
	}
}
