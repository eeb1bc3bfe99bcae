package sender_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/websocket"
)

// moody is a broker that is away for a number of tries, and can hang.
type moody struct {
	sender.Broker
	away  atomic.Int64 // tries of Subscribe that fail
	tries atomic.Int64
	// stuck has Publish hang, whatever its context, until Close. So has Subscribe,
	// which keeps to its context.
	stuck  atomic.Bool
	closed chan struct{}
	ended  atomic.Bool
}

func newMoody(b sender.Broker) *moody { return &moody{Broker: b, closed: make(chan struct{})} }

func (m *moody) Subscribe(ctx context.Context) error {
	m.tries.Add(1)
	if m.stuck.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	if m.away.Add(-1) >= 0 {
		return errBroken
	}
	return m.Broker.Subscribe(ctx)
}

func (m *moody) Publish(ctx context.Context, packets []sender.Packet) error {
	if m.stuck.Load() {
		<-m.closed
		return sender.ErrClosed
	}
	return m.Broker.Publish(ctx, packets)
}

func (m *moody) Close() error {
	if m.ended.CompareAndSwap(false, true) {
		close(m.closed)
	}
	return m.Broker.Close()
}

func (m *moody) Take(address string, on bool) { m.Broker.(sender.Router).Take(address, on) }

func newManager(t *testing.T, name string) *websocket.SessionManager {
	t.Helper()
	manager, err := websocket.NewSessionManager(name)
	if err != nil {
		t.Fatal(err)
	}
	return manager
}

func TestNewClusterTriesAgain(t *testing.T) {
	for name, emitter := range map[string]bool{"node": false, "emitter": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := bus(false, sender.RouteNothing, "")
				b.Stop()
				opened := func() (*sender.Cluster, error) {
					if emitter {
						return sender.NewCluster(t.Context(), b.Open("app", "job"), nil, "job", sender.ClusterOptions{})
					}
					return sender.NewCluster(t.Context(), b.Open("app", "node1"), newManager(t, "node1"), "", sender.ClusterOptions{})
				}
				begun := time.Now()
				if c, err := opened(); c != nil || err == nil || time.Since(begun) != 9*time.Second {
					t.Errorf("NewCluster without a broker returned %v after %s", err, time.Since(begun))
				}
				time.AfterFunc(4*time.Second, b.Start)
				c, err := opened()
				if err != nil {
					t.Fatal(err)
				}
				if err := c.Ready(); err != nil {
					t.Errorf("Ready returns %v", err)
				}
				if err := c.Shutdown(t.Context()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// The error is the driver's, of a try that was not cut short.
func TestNewClusterFailsWithTheLastError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMoody(bus(false, sender.RouteNothing, "").Open("app", "node1"))
		m.away.Store(3)
		time.AfterFunc(300*time.Millisecond, func() { m.stuck.Store(true) })
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if _, err := sender.NewCluster(ctx, m, newManager(t, "node1"), "", sender.ClusterOptions{}); !errors.Is(err, errBroken) {
			t.Errorf("the error is %v, want the driver's", err)
		}
		if !m.ended.Load() {
			t.Error("the broker, which it owns, is open still")
		}
	})
}

// An emitter's first probe hangs in the broker, which must not outlast ctx.
func TestEmitterGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMoody(bus(false, sender.RouteNothing, "").Open("app", "job"))
		m.stuck.Store(true)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun := time.Now()
		if _, err := sender.NewCluster(ctx, m, nil, "job", sender.ClusterOptions{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the error is %v", err)
		}
		if took := time.Since(begun); took != time.Second {
			t.Errorf("it took %s, its context had a second", took)
		}
	})
}

func TestBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus(false, sender.RouteAddresses, "")
		other := join(t, b, "node2", sender.ClusterOptions{}, nil)
		var broker *moody
		begun := time.Now()
		m := join(t, b, "node1", sender.ClusterOptions{Background: true}, func(b sender.Broker) sender.Broker {
			broker = newMoody(b)
			broker.away.Store(20)
			return broker
		})
		if time.Since(begun) != 0 {
			t.Errorf("NewCluster took %s", time.Since(begun))
		}
		m.unready("has not been reached since the start")
		m.unready(errBroken.Error())
		// It sends before it hears, where the broker lets it.
		if receipt := m.sendTo(websocket.ToAll()); !receipt.Published {
			t.Errorf("%+v", receipt)
		}
		synctest.Wait()
		other.received(1)
		other.say(1)
		m.received(0)

		pass(3 * time.Second)
		if early := broker.tries.Load(); early < 3 || early > 10 {
			t.Errorf("%d tries in three seconds, want some, with longer and longer waits between", early)
		}
		pass(2 * time.Minute)
		m.ready()
		other.say(1)
		m.received(1)
		m.say(1)
		other.received(2)
		if m.Stats().Gaps+other.Stats().Gaps > 0 || m.Stats().Reconnects > 0 {
			t.Errorf("%+v and %+v, and nothing was lost since it is linked", m.Stats(), other.Stats())
		}
		if m.log.count(`msg="link to the broker is not proven"`) != 1 || m.log.count(`msg="link to the broker is proven again"`) != 1 {
			t.Error("the log does not tell of the link, or more than once")
		}

		broker.Broker.(interface{ Cut(error) }).Cut(errBroken)
		synctest.Wait()
		m.unready("down since")
		broker.Broker.(interface{ Mend() }).Mend()
		pass(probeInterval)
		m.ready()
		if m.Stats().Reconnects != 1 {
			t.Errorf("%d reconnects, want one", m.Stats().Reconnects)
		}
	})
}

// A try that hangs is ended, and is not the last.
func TestBackgroundBoundsATry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var broker *moody
		m := join(t, bus(false, sender.RouteNothing, ""), "node1", sender.ClusterOptions{Background: true}, func(b sender.Broker) sender.Broker {
			broker = newMoody(b)
			broker.stuck.Store(true)
			return broker
		})
		m.unready("the first try is under way")
		pass(5 * time.Second)
		broker.stuck.Store(false)
		pass(20 * time.Second)
		m.ready()
		if got := broker.tries.Load(); got != 2 {
			t.Errorf("%d tries, want two", got)
		}
	})
}

// A broker that has not been reached is not waited for, whatever hangs in it.
func TestShutdownWhileConnecting(t *testing.T) {
	for name, test := range map[string]struct{ refuses, emitter, sends bool }{
		"refused":             {true, false, false},
		"hanging":             {false, false, false},
		"hanging with a send": {false, false, true},
		"emitter":             {false, true, false},
		"emitter with a send": {false, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				broker := newMoody(bus(false, sender.RouteNothing, "").Open("app", "node1"))
				broker.stuck.Store(!test.refuses)
				broker.away.Store(1000)
				manager, node := newManager(t, "node1"), ""
				if test.emitter {
					manager, node = nil, "job"
				}
				c, err := sender.NewCluster(t.Context(), broker, manager, node, sender.ClusterOptions{Background: true})
				if err != nil {
					t.Fatal(err)
				}
				pass(time.Second)
				sent := make(chan error, 1)
				if test.sends {
					go func() {
						_, err := c.Send(t.Context(), websocket.ToAll(), websocket.Message{Type: "text"})
						sent <- err
					}()
					synctest.Wait()
				}
				begun := time.Now()
				if err := c.Shutdown(t.Context()); err != nil {
					t.Errorf("Shutdown: %v", err)
				}
				if took := time.Since(begun); took != 0 {
					t.Errorf("Shutdown took %s", took)
				}
				if test.sends {
					if err := <-sent; !errors.Is(err, sender.ErrNotPublished) {
						t.Errorf("the send under way: %v", err)
					}
				}
				if !broker.ended.Load() {
					t.Error("the broker is open still")
				}
				if err := c.Ready(); !errors.Is(err, sender.ErrClosed) {
					t.Errorf("Ready returns %v", err)
				}
			})
		})
	}
}

// A Publish that hangs past its time, against its contract, costs what it has.
func TestShutdownOfABrokerThatHangs(t *testing.T) {
	for name, sends := range map[string]bool{"in a publish": true, "in the goodbye": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var broker *moody
				m := join(t, bus(false, sender.RouteNothing, ""), "node1", sender.ClusterOptions{}, func(b sender.Broker) sender.Broker {
					broker = newMoody(b)
					return broker
				})
				broker.stuck.Store(true)
				sent := make(chan error, 2)
				if sends {
					for range 2 {
						go func() {
							_, err := m.Send(t.Context(), websocket.ToAll(), websocket.Message{Type: "text"})
							sent <- err
						}()
					}
					pass(time.Minute)
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				begun := time.Now()
				if err := m.Shutdown(ctx); !errors.Is(err, sender.ErrNotPublished) || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Shutdown: %v", err)
				}
				if took := time.Since(begun); took != time.Second {
					t.Errorf("Shutdown took %s, its context had a second", took)
				}
				if sends {
					for range 2 {
						if err := <-sent; !errors.Is(err, sender.ErrNotPublished) {
							t.Errorf("a send under way: %v", err)
						}
					}
				}
			})
		})
	}
}

// What is sent while a publish is under way goes in one batch.
func TestSlowBrokerGetsBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus(false, sender.RouteNothing, "")
		other := join(t, b, "node2", sender.ClusterOptions{}, nil)
		g := &gated{}
		m := join(t, b, "node1", sender.ClusterOptions{}, func(b sender.Broker) sender.Broker { g.Broker = b; return g })
		g.let = make(chan struct{})
		before := m.Stats()
		results := make(chan error, 300)
		for range cap(results) {
			go func() {
				_, err := m.Send(t.Context(), websocket.ToAll(), websocket.Message{Type: "text"})
				results <- err
			}()
		}
		synctest.Wait()
		g.let <- struct{}{} // the first message
		g.let <- struct{}{} // the others
		for range cap(results) {
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
		synctest.Wait()
		after := m.Stats()
		if batches, published := after.Batches-before.Batches, after.Published-before.Published; batches != 2 || published != 300 {
			t.Errorf("%d messages in %d batches, want 300 in 2", published, batches)
		}
		other.received(300)
		if gaps := other.reported(); len(gaps) > 0 {
			t.Errorf("gaps %v", gaps)
		}
		close(g.let)
	})
}
