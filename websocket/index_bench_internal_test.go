package websocket

import (
	"fmt"
	"runtime"
	"testing"
)

// tenantSize is how many sessions a tenant of the index benchmarks has, however
// many sessions there are in all.
const tenantSize = 100

// indexed returns a manager with sessions of as many users, which have no
// server, and what the index takes for each: the growth of the heap while they
// are added. Each is bound to a key of its own afterwards.
func indexed(t testing.TB, count int, tenants bool) (m *SessionManager, sessions []*Session, bytes float64) {
	t.Helper()
	m = newManager(t)
	sessions = make([]*Session, count)
	for i := range sessions {
		sessions[i] = &Session{id: m.newID(), user: LoginUser{ID: fmt.Sprint(i), Type: Member}}
		if tenants {
			sessions[i].user.Tenant = fmt.Sprint("tenant", i/tenantSize)
		}
	}
	before := heap()
	for _, s := range sessions {
		if err := m.add(s, &Limits{}); err != nil {
			t.Fatal(err)
		}
	}
	bytes = float64(heap()-before) / float64(count)
	for _, s := range sessions {
		bind(m, s, "key"+s.user.ID)
	}
	return m, sessions, bytes
}

// heap returns the bytes of the heap that are in use.
func heap() uint64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// BenchmarkIndex is what each operation of the index costs. "hot" works on the
// same thousand sessions over and over, which a processor's cache holds: the
// steps that the operation takes. "all" goes through all sessions: with many,
// each step waits for memory as well.
func BenchmarkIndex(b *testing.B) {
	const hot = 1000
	for _, count := range []int{1000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint("sessions=", count), func(b *testing.B) {
			m, sessions, bytes := indexed(b, count, true)
			b.Run("memory", func(b *testing.B) {
				for b.Loop() {
				}
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(bytes, "B/session")
			})
			operations := []struct {
				name string
				do   func(s *Session)
			}{
				{"add and remove", func(s *Session) {
					m.remove(s, nil)
					_ = m.add(s, &Limits{})
				}},
				{"bind and unbind", func(s *Session) {
					m.join(ToKey("another"), s, 0)
					m.leave(ToKey("another"), s)
				}},
				{"find by id", func(s *Session) {
					if m.Session(s.id) != s {
						b.Error("not found")
					}
				}},
				{"find by user", func(s *Session) {
					for range m.Sessions(ToUser(Member, s.user.ID)) {
						return
					}
					b.Error("not found")
				}},
				{"find by key", func(s *Session) {
					for key := range s.keys {
						for range m.Sessions(ToKey(key)) {
							return
						}
					}
					b.Error("not found")
				}},
				{"count a user", func(s *Session) {
					if m.Count(ToUser(Member, s.user.ID)) != 1 {
						b.Error("wrong")
					}
				}},
				{"count a tenant", func(s *Session) {
					if m.Count(ToAll().InTenant(s.user.Tenant)) != tenantSize {
						b.Error("wrong")
					}
				}},
				{"count all", func(*Session) {
					if m.Count(ToAll()) != count {
						b.Error("wrong")
					}
				}},
				{"iterate a tenant", func(s *Session) {
					n := 0
					for range m.Sessions(ToAll().InTenant(s.user.Tenant)) {
						n++
					}
					if n != tenantSize {
						b.Error("wrong")
					}
				}},
			}
			b.Run("iterate all", func(b *testing.B) {
				b.ReportAllocs()
				n := 0
				for b.Loop() {
					for range m.Sessions(ToAll()) {
						n++
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/session")
			})
			for _, op := range operations {
				b.Run(op.name+"/hot", func(b *testing.B) {
					b.ReportAllocs()
					for i := 0; b.Loop(); i++ {
						op.do(sessions[i%hot])
					}
				})
				if count > hot {
					b.Run(op.name+"/all", func(b *testing.B) {
						b.ReportAllocs()
						for i := 0; b.Loop(); i++ {
							op.do(sessions[i*7919%count]) // a prime: one far from the last
						}
					})
				}
			}
		})
	}
	b.Run("without tenants", func(b *testing.B) {
		_, _, bytes := indexed(b, 1_000_000, false)
		for b.Loop() {
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(bytes, "B/session")
	})
}
