package sender

import (
	"log/slog"
	"testing"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"

	"github.com/switchboard-go/switchboard/websocket"
)

// Whoever can write to the topic chooses these bytes, and no node may fall over
// them, whichever node they say that they come from.
func FuzzDeliver(f *testing.F) {
	manager, err := websocket.NewSessionManager("node1")
	if err != nil {
		f.Fatal(err)
	}
	e := message(websocket.ToAll().InTenant("t").Except("n-1"), "content")
	f.Add(e.append(nil))
	e.traceParent = "00-not a trace-01"
	f.Add(e.append(nil))
	for _, kind := range []envelopeKind{kindMessage, kindProbe, kindLeave} {
		for _, from := range []origin{{"node1", 1}, {"node1", 2}, {"node2", 1 << 62}, {"node2", -1}} {
			e := message(websocket.ToUser(2, "1024"), "")
			e.kind, e.origin, e.time = kind, from, time.UnixMicro(1<<62)
			e.number = 1<<64 - 1
			f.Add(e.append(nil))
		}
	}
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, payload []byte) {
		c := &Cluster{
			manager: manager,
			log:     slog.New(slog.DiscardHandler),
			started: time.Unix(0, 1),
			self:    origin{"node1", 1},
			peers:   peers{silence: time.Second, last: make(map[origin]*peer)},
			tracing: newTracing(sdk.NewTracerProvider()),
		}
		for range 2 {
			c.deliver(payload, time.Now())
		}
		_ = c.Ready()
		c.Peers()
		c.peers.expire(time.Now(), time.Time{})
		if n := c.counts.foreign.Load(); n != 0 && n != 2 {
			t.Errorf("the same payload was foreign %d of 2 times", n)
		}
	})
}
