package sender

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/websocket"
)

// benchTargets are the targets of the benchmarks.
var benchTargets = []struct {
	name   string
	target websocket.Target
}{
	{"user", websocket.ToUser(websocket.Admin, "1024")},
	{"escaped", websocket.ToKey("room/小明")},
	{"all", websocket.ToAll()},
	{"tenant", websocket.ToAll().InTenant("7").Except("node1-abcdefghijklmnopqrstuvwxyz")},
}

var benchContent = []byte(`{"fromUserId":1024,"text":"Hello, how are you? \u4f60\u597d","single":true,"padding":"to about one hundred and twenty bytes"}`)

func benchEnvelope(t websocket.Target) envelope {
	return envelope{
		kind:    kindMessage,
		origin:  origin{"node1", 1_700_000_000_000_000_000},
		time:    time.UnixMilli(1_700_000_000_123),
		target:  t,
		message: websocket.Message{Type: "demo-message-receive", Content: benchContent},
	}
}

func BenchmarkEnvelope(b *testing.B) {
	for _, to := range benchTargets {
		b.Run("encode/"+to.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				e := benchEnvelope(to.target)
				if size := e.size(); size < len(e.append(nil)) {
					b.Fatal("too small")
				}
			}
		})
	}
	for _, to := range benchTargets {
		b.Run("decode/"+to.name, func(b *testing.B) {
			e := benchEnvelope(to.target)
			wire := e.append(nil)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := decodeEnvelope(wire); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// each calls do so many times in all, from many goroutines at once.
func each(b *testing.B, goroutines int, do func()) {
	var (
		next    atomic.Int64
		running sync.WaitGroup
	)
	b.ReportAllocs()
	b.ResetTimer()
	for range goroutines {
		running.Go(func() {
			for next.Add(1) <= int64(b.N) {
				do()
			}
		})
	}
	running.Wait()
}

// BenchmarkGroup is what gathering costs, on a broker that takes a batch when all
// who can send have sent. The context is one that can end, as that of most sends.
func BenchmarkGroup(b *testing.B) {
	for _, goroutines := range []int{1, 16, 256} {
		b.Run(fmt.Sprint("senders=", goroutines), func(b *testing.B) {
			batches := 0
			g := group{
				begin: func(context.Context, []Packet) func() error {
					batches++
					return func() error { runtime.Gosched(); return nil }
				},
				few:        1,
				timeout:    time.Minute,
				maxPackets: 1024,
				maxBytes:   4 << 20,
				next:       newBatch(),
			}
			ctx := b.Context()
			each(b, goroutines, func() {
				if _, err := g.send(ctx, len(benchContent), func(payloads []byte) (Packet, []byte) { return Packet{}, append(payloads, benchContent...) }); err != nil {
					b.Error(err)
				}
			})
			g.close()
			b.ReportMetric(float64(b.N)/float64(batches), "packets/batch")
		})
	}
}

// instant is a broker that takes a batch when all who can send have sent, and
// brings nothing.
type instant struct{ closed chan struct{} }

func (*instant) Capabilities() Capabilities {
	return Capabilities{Routing: RouteAddresses, MaxPayload: 1 << 20}
}
func (*instant) Subscribe(context.Context) error         { return nil }
func (*instant) Publish(context.Context, []Packet) error { runtime.Gosched(); return nil }
func (*instant) Take(string, bool)                       {}
func (i *instant) Close() error                          { close(i.closed); return nil }

func (i *instant) Receive(ctx context.Context) (Event, error) {
	select {
	case <-i.closed:
		return Event{}, ErrClosed
	case <-ctx.Done():
		return Event{}, ctx.Err()
	}
}

func benchCluster(b *testing.B) *Cluster {
	b.Helper()
	manager, err := websocket.NewSessionManager("node2")
	if err != nil {
		b.Fatal(err)
	}
	c, err := NewCluster(b.Context(), &instant{make(chan struct{})}, manager, "", ClusterOptions{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := c.Shutdown(context.Background()); err != nil {
			b.Error(err)
		}
	})
	return c
}

// BenchmarkClusterSend is what a send to other nodes costs without a broker.
func BenchmarkClusterSend(b *testing.B) {
	for _, to := range benchTargets {
		for _, goroutines := range []int{1, 256} {
			b.Run(to.name+"/senders="+strconv.Itoa(goroutines), func(b *testing.B) {
				c := benchCluster(b)
				ctx := b.Context()
				message := websocket.Message{Type: "demo-message-receive", Content: benchContent}
				each(b, goroutines, func() {
					if _, err := c.Send(ctx, to.target, message); err != nil {
						b.Error(err)
					}
				})
			})
		}
	}
}

// BenchmarkClusterReceive is what an envelope costs a node that has none of the
// sessions that it is for.
func BenchmarkClusterReceive(b *testing.B) {
	for _, to := range benchTargets {
		b.Run(to.name, func(b *testing.B) {
			c := benchCluster(b)
			e := benchEnvelope(to.target)
			wire := e.append(nil)
			b.ReportAllocs()
			for b.Loop() {
				c.deliver(wire, time.Now())
			}
			if c.counts.foreign.Load() != 0 || c.counts.received.Load() == 0 {
				b.Error("nothing was received")
			}
		})
	}
}
