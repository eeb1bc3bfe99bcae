package sender_test

import (
	"encoding/binary"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/sendertest/memory"
)

func TestForeignPayloads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus(false, sender.RouteNothing, "")
		m, from := join(t, b, "node1", sender.ClusterOptions{}, nil), join(t, b, "node2", sender.ClusterOptions{}, nil)
		stranger := b.Open("app", "stranger")
		for _, text := range []string{"", "x", `{"type":"notice"}`, "\x01\x01", "\x02\x01\x01n", "\x01\x09\x01n12345678\x00\x00"} {
			if err := stranger.Publish(t.Context(), []sender.Packet{{Payload: []byte(text)}}); err != nil {
				t.Fatal(err)
			}
		}
		m.node.Inject(sender.Event{})
		from.say(1)
		m.received(1)
		if stats := m.Stats(); stats.Foreign != 7 || stats.Gaps != 0 {
			t.Errorf("the counters are %+v, want 7 foreign", stats)
		}
		m.ready()
	})
}

func TestGapHookThatPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus(false, sender.RouteNothing, memory.HidesBreaks)
		m := join(t, b, "node1", sender.ClusterOptions{OnGap: func(sender.Gap) { panic("in the hook") }}, nil)
		from := join(t, b, "node2", sender.ClusterOptions{}, nil)
		from.say(1)
		for range 2 {
			m.node.Cut(errBroken)
			from.say(1)
			m.node.Mend()
			from.say(1)
		}
		m.received(3)
		if m.log.count("gap hook panicked") != 2 || m.log.count("in the hook") != 2 {
			t.Error("the log does not tell of the panics")
		}
	})
}

func TestProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus(false, sender.RouteNothing, "")
		listener := spy(t, b)
		m := join(t, b, "node1", sender.ClusterOptions{}, nil)
		pass(10*probeInterval + time.Second)
		payloads := heard(t, listener)
		if len(payloads) != 11 {
			t.Errorf("%d probes in ten intervals, want one at once and one for each", len(payloads))
		}
		for _, payload := range payloads {
			if kind(payload) != kindProbe {
				t.Errorf("an idle node sent kind %d", kind(payload))
			}
		}
		if stats := m.Stats(); stats.Published != 11 || stats.Received != 0 || stats.Foreign != 0 || stats.ProbeRoundTrip < 0 || stats.ProbeRoundTrip > time.Millisecond {
			t.Errorf("the counters are %+v", stats)
		}
	})
}

func TestPeersTellTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus(false, sender.RouteNothing, "")
		m := join(t, b, "node1", sender.ClusterOptions{}, nil)
		pass(time.Second)
		started := time.Now()
		from := join(t, b, "node2", sender.ClusterOptions{}, nil)
		pass(time.Second)
		from.say(1)
		peers := m.Peers()
		if len(peers) != 1 || peers[0].Node != "node2" || !peers[0].Started.Equal(started) || !peers[0].Seen.Equal(time.Now()) {
			t.Errorf("peers are %+v, want node2, started %s, seen %s", peers, started, time.Now())
		}
	})
}

// During a deployment a node's next life begins before its last one ends. They
// are two nodes of one name.
func TestTwoLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus(false, sender.RouteNothing, "")
		old := join(t, b, "node1", sender.ClusterOptions{}, nil)
		pass(time.Second)
		next := join(t, b, "node1", sender.ClusterOptions{}, nil)
		old.say(2)
		next.say(1)
		old.received(1)
		next.received(2)
	})
}

// Whoever can write to the topic can invent nodes.
func TestTooManyOrigins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus(false, sender.RouteNothing, "")
		m := join(t, b, "node1", sender.ClusterOptions{}, nil)
		const most = 4096
		for i := range most + 10 {
			payload := []byte{1, kindMessage, 1, 'n'}
			payload = binary.BigEndian.AppendUint64(payload, uint64(i))
			payload = append(payload, 1, 0)                     // number, time
			payload = append(payload, "\x03all\x00\x00\x00"...) // target, type, key, trace
			m.node.Inject(sender.Event{Payload: payload})
		}
		synctest.Wait()
		m.received(most)
		if stats := m.Stats(); stats.Foreign != 10 || len(m.Peers()) != most {
			t.Errorf("%d peers and %+v, want %d and 10 foreign", len(m.Peers()), stats, most)
		}
	})
}

// A driver that gives up, against its contract, must be seen.
func TestReceiveThatEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := join(t, bus(false, sender.RouteNothing, memory.WrongCloseError), "node1", sender.ClusterOptions{}, nil)
		m.ready()
		if err := m.node.Close(); err != nil {
			t.Fatal(err)
		}
		pass(silence + probeInterval)
		if m.log.count("receiving has ended") != 1 {
			t.Error("the log does not say that receiving has ended")
		}
		m.unready("nothing has come back")
	})
}
