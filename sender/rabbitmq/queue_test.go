package rabbitmq_test

import (
	"strings"
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/sender"
)

// What a node had taken when its link broke and not acknowledged yet comes again.
func TestRedeliveredIsDropped(t *testing.T) {
	link := proxied(t, server.Address)
	name := app(t)
	near := open(t, configured(server.Address, name), "near")
	far := subscribe(t, configured(link.Address, name), "far")
	all, one := many("to all", 200), many("to one", 200)
	say(t, near, "", all[:100]...)
	// The others are with it then, more of them than wait for Receive, so that it
	// does not acknowledge the last.
	expect(t, far, all[:20]...)
	must(t, link.Cut())
	say(t, near, "", all[100:]...)
	say(t, near, "far", one...)
	must(t, link.Heal())
	expect(t, far, all[20:]...)
	expect(t, far, one...)
	say(t, near, "", "last")
	expect(t, far, "last")
	if s := far.Stats(); s.Duplicates == 0 || s.Missed != 0 || s.QueuesLost != 0 {
		t.Errorf("got %+v, want duplicates and no loss", s)
	}
}

// The broker does not know that a connection is dead, and sends packets to it
// until a heartbeat is missed. The next connection must not read on before that,
// or those packets come after later ones.
func TestStrandedConsumer(t *testing.T) {
	t.Parallel()
	between := forward(t)
	name := app(t)
	config := configured(between.address, name)
	config.Heartbeat = time.Second // so that the broker notices soon
	near, far := open(t, configured(server.Address, name), "near"), subscribe(t, config, "far")
	texts := many("to all", 600)
	say(t, near, "", texts[:100]...)
	expect(t, far, texts[:50]...)
	between.strand()
	say(t, near, "", texts[100:300]...)
	expect(t, far, texts[50:100]...)
	say(t, near, "", texts[300:]...)
	expect(t, far, texts[100:]...)
	if s := far.Stats(); s.Reconnects == 0 || s.QueuesLost != 0 {
		t.Errorf("got %+v, want another connection to the same queue", s)
	}
}

// RabbitMQ drops the oldest of a full queue and tells nobody. Packets to all are
// numbered above the driver; those to one node are not.
func TestOverflowIsReported(t *testing.T) {
	config := configured(server.Address, app(t))
	config.QueueMaxLength = 1000
	config.Prefetch = 10
	near, slow := open(t, config, "near"), subscribe(t, config, "slow")
	say(t, near, "slow", "first")
	expect(t, slow, "first")
	texts := many("to one", 3000)
	for i := 0; i < len(texts); i += 100 {
		say(t, near, "slow", texts[i:i+100]...)
	}
	before := 0
	down := hear(t, slow, func(e sender.Event) bool {
		if e.Link == sender.LinkUnchanged {
			before++
		}
		return e.Link != sender.LinkUnchanged
	})
	if down.Link != sender.LinkDown || down.Err == nil || before > 100 {
		t.Errorf("after %d packets came %+v", before, down)
	}
	hear(t, slow, change(sender.LinkUp))
	last := hear(t, slow, func(e sender.Event) bool { return string(e.Payload) == texts[2999] })
	if s := slow.Stats(); s.Missed != 1 || last.Err != nil {
		t.Errorf("got %+v, want that one gap was noticed", s)
	}
}

func TestExpiredQueueIsMadeAgain(t *testing.T) {
	t.Parallel()
	link := proxied(t, server.Address)
	name := app(t)
	config := configured(link.Address, name)
	config.QueueExpiry = time.Second
	near, far := open(t, configured(server.Address, name), "near"), subscribe(t, config, "far")
	say(t, near, "", "before")
	expect(t, far, "before")
	must(t, link.Cut())
	down := hear(t, far, change(sender.LinkDown))
	if down.Err == nil || !strings.Contains(down.Err.Error(), link.Address) {
		t.Errorf("the link is down for %v", down.Err)
	}
	<-time.After(3 * time.Second)
	say(t, near, "", "lost")
	must(t, link.Heal())
	hear(t, far, change(sender.LinkUp))
	say(t, near, "", "after")
	say(t, near, "far", "after, to one")
	expect(t, far, "after", "after, to one")
	if s := far.Stats(); s.QueuesLost != 1 {
		t.Errorf("got %+v, want that a queue was lost", s)
	}
}

// Operators delete queues. RabbitMQ tells the consumer, whose connection stands.
func TestDeletedQueueIsMadeAgain(t *testing.T) {
	config := configured(server.Address, app(t))
	near, far := open(t, config, "near"), subscribe(t, config, "far")
	say(t, near, "", "before")
	expect(t, far, "before")
	names := queues(t, config)
	if len(names) != 1 {
		t.Fatalf("the queues are %q, want one", names)
	}
	control(t, server, "delete_queue", names[0])
	down := hear(t, far, change(sender.LinkDown))
	if down.Err == nil || !strings.Contains(down.Err.Error(), "queue is deleted") {
		t.Errorf("the link is down for %v", down.Err)
	}
	hear(t, far, change(sender.LinkUp))
	say(t, near, "", "after")
	say(t, near, "far", "after, to one")
	expect(t, far, "after", "after, to one")
	if s := far.Stats(); s.QueuesLost != 1 {
		t.Errorf("got %+v, want that a queue was lost", s)
	}
}

// A node is killed, and its connection stands for a while. Its next life must
// not read what was meant for it, nor share a queue with it.
func TestNextLifeReadsNothingOld(t *testing.T) {
	link := proxied(t, server.Address)
	name := app(t)
	config := configured(server.Address, name)
	near, first := open(t, config, "near"), subscribe(t, configured(link.Address, name), "far")
	say(t, near, "", "for both")
	expect(t, first, "for both")
	must(t, link.Blackhole())
	say(t, near, "far", many("for the dead", 10)...)
	second := subscribe(t, config, "far")
	say(t, near, "", "for the living")
	say(t, near, "far", many("for the living", 10)...)
	expect(t, second, "for the living")
	expect(t, second, many("for the living", 10)...)
	began := time.Now()
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("Close took %s on a dead link", took)
	}
}
