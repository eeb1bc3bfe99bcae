package rabbitmq_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"go.uber.org/goleak"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/rabbitmq"
	"github.com/switchboard-go/switchboard/websocket"
)

// What a node had taken when its link broke and not acknowledged yet comes again.
func TestRedeliveredIsDropped(t *testing.T) {
	link := proxied(t, server.Address)
	name := app(t)
	near := open(t, configured(server.Address, name), "near")
	far := subscribe(t, configured(link.Address, name), "far")
	all, one := many("to all", 200), many("to one", 200)
	say(t, near, "", all[:100]...)
	expect(t, far, all[:50]...) // and so the others are with it
	must(t, link.Cut())
	say(t, near, "", all[100:]...)
	say(t, near, "far", one...)
	must(t, link.Heal())
	expect(t, far, all[50:]...)
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

// A cluster calls Subscribe until it succeeds, and publishes meanwhile.
func TestSubscribeAgain(t *testing.T) {
	link := proxied(t, server.Address)
	b := open(t, configured(link.Address, app(t)), "n1")
	must(t, link.Cut())
	for range 2 {
		if err := b.Subscribe(bounded(t)); err == nil || !strings.Contains(err.Error(), link.Address) {
			t.Errorf("Subscribe returned %v", err)
		}
		if err := b.Publish(bounded(t), []sender.Packet{{Payload: []byte("lost")}}); err == nil {
			t.Error("Publish succeeded")
		}
	}
	must(t, link.Heal())
	await(t, "publishing", func() bool {
		return b.Publish(bounded(t), []sender.Packet{{Payload: []byte("too early")}}) == nil
	})
	if err := b.Subscribe(bounded(t)); err != nil {
		t.Fatal(err)
	}
	say(t, b, "", "at once")
	expect(t, b, "at once")
	if err := b.Subscribe(bounded(t)); err == nil {
		t.Error("a second subscription was made")
	}
}

// Connecting takes a dozen round trips, here of 0.4 s.
func TestFarAwayBroker(t *testing.T) {
	t.Parallel()
	link := proxied(t, server.Address)
	must(t, link.Latency(200*time.Millisecond))
	subscribe(t, configured(link.Address, app(t)), "n1")
}

// The channel of a batch is closed in the middle of it: what is not confirmed is
// told as lost, and comes neither twice nor late.
func TestExchangeIsDeleted(t *testing.T) {
	config := configured(server.Address, app(t))
	b := open(t, config, "n1")
	say(t, b, "", "before")
	conn, channel := client(t, config)
	defer conn.Close()
	must(t, channel.ExchangeDelete(config.Exchange, false, false))
	packets := []sender.Packet{{Payload: []byte("1")}, {Payload: []byte("2")}}
	err := b.Publish(bounded(t), packets)
	if err == nil || !strings.Contains(err.Error(), config.Exchange) || packets[0].Done || packets[1].Done {
		t.Errorf("Publish returned %v, %+v", err, packets)
	}
	// It is made again with the next line.
	to := subscribe(t, config, "n2")
	await(t, "publishing", func() bool {
		return b.Publish(bounded(t), []sender.Packet{{Payload: []byte("3")}}) == nil
	})
	expect(t, to, "3")
	if s := b.Stats(); s.Reconnects == 0 {
		t.Errorf("got %+v, want another connection", s)
	}
}

// Where the sender was told that a packet may be lost, its receiver does not
// report it again.
func TestUnconfirmedIsNotMissed(t *testing.T) {
	link := proxied(t, server.Address)
	name := app(t)
	near, far := open(t, configured(link.Address, name), "near"), subscribe(t, configured(server.Address, name), "far")
	say(t, near, "far", "before")
	expect(t, far, "before")
	must(t, link.Blackhole())
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	packets := []sender.Packet{{Payload: []byte("lost")}, {Node: "far", Payload: []byte("lost, to one")}}
	if err := near.Publish(ctx, packets); !errors.Is(err, context.DeadlineExceeded) || packets[0].Done || packets[1].Done {
		t.Errorf("Publish returned %v, %+v", err, packets)
	}
	must(t, link.Heal())
	await(t, "publishing", func() bool {
		return near.Publish(bounded(t), []sender.Packet{{Node: "far", Payload: []byte("after")}}) == nil
	})
	event := hear(t, far, func(sender.Event) bool { return true })
	if s := far.Stats(); string(event.Payload) != "after" || s.Missed != 0 {
		t.Errorf("received %+v and got %+v", event, s)
	}
}

// A node whose queue is bound no more hears nothing, and its load balancer knows.
func TestUnboundNodeIsNotReady(t *testing.T) {
	config := configured(server.Address, app(t))
	manager, err := websocket.NewSessionManager("n1")
	must(t, err)
	cluster, err := sender.NewCluster(t.Context(), open(t, config, "n1"), manager, "", sender.ClusterOptions{ProbeInterval: 200 * time.Millisecond})
	must(t, err)
	defer cluster.Shutdown(bounded(t))
	conn, channel := client(t, config)
	defer conn.Close()
	must(t, channel.ExchangeDelete(config.Exchange, false, false))
	await(t, "the end of readiness", func() bool { return cluster.Ready() != nil })
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

// Other programs may publish to the exchange: by mistake, or as the Java
// original's nodes do while an application moves.
func TestForeignMessages(t *testing.T) {
	name := app(t)
	config := configured(server.Address, name)
	m, other := join(t, config, "near"), join(t, config, "far")
	m.other, other.other = other, m
	conn, channel := client(t, config)
	defer conn.Close()
	for i, id := range []string{"", "550e8400-e29b-41d4-a716-446655440000", "a.1", "a.1", "a.zzzzzzzz.0"} {
		for _, key := range []string{"all", "node.near", "", "node.near.x"} {
			body := fmt.Appendf(nil, `{"sessionId":null,"userType":%d}`, i)
			if err := channel.PublishWithContext(bounded(t), config.Exchange, key, false, false, amqp.Publishing{MessageId: id, Body: body, Headers: amqp.Table{"tenant-id": 1}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	// Those that claim to be the same one count once.
	await(t, "foreign messages", func() bool { return m.Stats().Foreign == 6 && other.Stats().Foreign == 4 })
	m.work(t)
	await(t, "ours", func() bool { return other.received() > 20 })
	m.stop()
}

func TestExchangeOfAnotherKind(t *testing.T) {
	config := configured(server.Address, app(t))
	config.Exchange = app(t)
	conn, channel := client(t, config)
	defer conn.Close()
	if err := channel.ExchangeDeclare(config.Exchange, "fanout", true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	b := open(t, config, "n1")
	err := b.Subscribe(bounded(t))
	if err == nil || !strings.Contains(err.Error(), config.Exchange) || !strings.Contains(err.Error(), "topic") {
		t.Errorf("Subscribe returned %v", err)
	}
	err = b.Publish(bounded(t), []sender.Packet{{Payload: []byte("x")}})
	if err == nil || !strings.Contains(err.Error(), config.Exchange) {
		t.Errorf("Publish returned %v", err)
	}
}

// A failure says what was tried, and keeps the password to itself.
func TestFailures(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	var trying sync.WaitGroup
	for want, url := range map[string]string{
		"amqp://127.0.0.1:1/: dial":             "amqp://guest:hunter2@127.0.0.1:1/",
		"amqp://" + server.Address + "/":        "amqp://guest:hunter2@" + server.Address + "/",
		"amqp://" + server.Address + "/nowhere": "amqp://guest:guest@" + server.Address + "/nowhere",
		"no answer in time":                     "amqp://guest:hunter2@" + silent.Addr().String() + "/",
		"tls:":                                  "amqps://guest:hunter2@" + server.Address + "/",
	} {
		config := rabbitmq.Defaults()
		config.URL = rabbitmq.URL(url)
		b := open(t, config, "n1")
		for what, try := range map[string]func() error{
			"Subscribe": func() error { return b.Subscribe(bounded(t)) },
			"Publish":   func() error { return b.Publish(bounded(t), []sender.Packet{{Payload: []byte("x")}}) },
		} {
			trying.Go(func() {
				if err := try(); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
					t.Errorf("%s returned %v, want %s", what, err, want)
				}
			})
		}
	}
	trying.Wait()
}

func TestTooLarge(t *testing.T) {
	config := configured(server.Address, app(t))
	config.MaxPayload = 64 << 10
	b := open(t, config, "n1")
	packets := []sender.Packet{{Payload: []byte("x")}, {Payload: make([]byte, 64<<10+1)}}
	if err := b.Publish(bounded(t), packets); !errors.Is(err, sender.ErrTooLarge) || packets[0].Done {
		t.Errorf("Publish returned %v", err)
	}
}

// A session's id comes from a client, and names any node.
func TestNodeThatCannotBe(t *testing.T) {
	b := open(t, configured(server.Address, app(t)), "n1")
	packets := []sender.Packet{{Node: strings.Repeat("x", 300)}, {Node: "*"}, {Node: "#"}, {Node: "\x00\xff"}}
	if err := b.Publish(bounded(t), packets); err != nil {
		t.Error(err)
	}
	for i, p := range packets {
		if !p.Done {
			t.Errorf("packet %d is not done", i)
		}
	}
}

// A broker that reads nothing must not hold Publish past its context, wherever
// the client library hangs.
func TestPublishEndsWithItsContext(t *testing.T) {
	b := subscribe(t, configured(server.Address, app(t)), "n1")
	say(t, b, "", "before")
	expect(t, b, "before")
	if err := server.Pause(); err != nil {
		t.Fatal(err)
	}
	large := make([]sender.Packet, 16)
	for i := range large {
		large[i].Payload = make([]byte, 4<<20)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	began := time.Now()
	err := b.Publish(ctx, large)
	cancel()
	if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took > 2*time.Second {
		t.Errorf("Publish returned %v after %s", err, took)
	}
	if err := server.Resume(); err != nil {
		t.Fatal(err)
	}
	await(t, "publishing", func() bool {
		return b.Publish(bounded(t), []sender.Packet{{Payload: []byte("after")}}) == nil
	})
	hear(t, b, func(e sender.Event) bool { return string(e.Payload) == "after" })
}

func TestNothingIsLeftRunning(t *testing.T) {
	before := goleak.IgnoreCurrent()
	link := proxied(t, server.Address)
	config := configured(link.Address, app(t))
	for range 3 {
		b, err := rabbitmq.New(config, "n1")
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Subscribe(bounded(t)); err != nil {
			t.Fatal(err)
		}
		say(t, b, "", "x")
		must(t, link.Cut())
		hear(t, b, change(sender.LinkDown))
		must(t, link.Heal())
		hear(t, b, change(sender.LinkUp))
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
	must(t, link.Close())
	goleak.VerifyNone(t, before)
}
