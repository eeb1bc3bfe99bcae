package sendertest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/switchboard-go/switchboard/sender"
)

// testSlowNode: a node that swaps, or sits at a breakpoint, does not read. The
// others must not notice; when it goes on it gets all, in order, or is told that
// its link was broken.
func testSlowNode(s *suite) {
	nodes := s.nodes(3)
	slow, others := nodes[2], nodes[:2]
	const count, batch, size = 2000, 50, 1024
	texts := numbered("while one is slow", count)
	for i := range texts {
		texts[i] = fmt.Sprintf("%-*s", size, texts[i])
	}
	for i := 0; i < count; i += batch {
		others[0].say(texts[i : i+batch]...)
		for _, n := range others {
			n.expect(texts[i : i+batch]...)
		}
	}
	others[0].say("the last")
	rest := texts
	for _, got := range slow.until("the last") {
		i := 0
		for i < len(rest) && rest[i] != got {
			i++
		}
		if i == len(rest) {
			s.Fatalf("the slow node received %s twice or out of order", short([]byte(got)))
		}
		if i > 0 && len(slow.news) == 0 {
			s.Fatalf("the slow node missed %d packets and no LinkDown said so", i)
		}
		rest = rest[i+1:]
	}
	if len(rest) > 0 && len(slow.news) == 0 {
		s.Fatalf("the slow node missed the last %d packets and no LinkDown said so", len(rest))
	}
}

// testPublishOnly: an emitter, such as a job in another process, publishes and
// never subscribes. It must not pile up what it does not read.
func testPublishOnly(s *suite) {
	to := s.subscribed("n1")
	from := s.open("emitter")
	from.say("from an emitter")
	to.expect("from an emitter")
	from.close()
	s.fence(to)
}

// testSubscribeContext: the context given to Subscribe bounds the call, as a
// program's start is bounded. A driver that keeps it ends its subscription with
// the start; one that ignores it hangs where the broker is away.
func testSubscribeContext(s *suite) {
	n := s.open("n1")
	ctx, cancel := s.context()
	s.within("Subscribe", func() {
		if err := n.Subscribe(ctx); err != nil {
			s.Errorf("Subscribe: %v", err)
		}
	})
	cancel()
	pause(50 * time.Millisecond) // for a driver that acts on it
	for _, text := range numbered("after the context of Subscribe", 5) {
		n.say(text)
		n.expect(text)
	}
	// Whether it fails is the driver's: it may be done before it looks.
	late := s.open("n2")
	ctx, cancel = context.WithCancel(context.Background())
	cancel()
	s.within("Subscribe with an ended context", func() { _ = late.Subscribe(ctx) })
	late.close()
}

// testSubscribeAgain: a broker is often a little later than its nodes, and a node
// tries until it is there. A driver that a failed try has spoilt never comes up
// and, where a part of that try lives on, hears everything twice.
func testSubscribeAgain(s *suite) {
	from, to := s.subscribed("n1"), s.open("n2")
	deadline := time.Now().Add(s.h.Patience)
	for wait := time.Duration(0); ; wait = min(2*wait+time.Millisecond, s.h.Patience) { // the first try has no chance
		ctx, cancel := context.WithTimeout(context.Background(), wait)
		var err error
		s.within("Subscribe", func() { err = to.Subscribe(ctx) })
		cancel()
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			s.Fatalf("Subscribe, which has failed before, fails still after %s: %v", s.h.Patience, err)
		}
		pause(5 * time.Millisecond)
	}
	const mark = "after all tries"
	from.say(mark)
	to.until(mark) // a try that failed may have heard what came meanwhile
	s.drained(from, to)
	texts := numbered("after the last try", 5)
	from.say(texts...)
	to.expect(texts...)
	from.expect(texts...)
	s.fence(from, to)
}

// testReceiveContext: the receiving goroutine waits with a context, and stops by
// it. What a cancelled Receive had in its hands must come with the next one.
func testReceiveContext(s *suite) {
	n := s.subscribed("n1")
	cause := errors.New("enough")
	wait := func(ctx context.Context) (event sender.Event, err error) {
		s.within("Receive", func() { event, err = n.Receive(ctx) })
		return event, err
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	// It may return news of the link first, but not for ever.
	err := error(nil)
	for range 10 {
		if _, err = wait(ended); err != nil {
			break
		}
	}
	if !errors.Is(err, context.Canceled) {
		s.Fatalf("Receive with a cancelled context returned %v", err)
	}
	running, cancelCause := context.WithCancelCause(context.Background())
	time.AfterFunc(20*time.Millisecond, func() { cancelCause(cause) })
	if _, err := wait(running); !errors.Is(err, context.Canceled) && !errors.Is(err, cause) {
		s.Fatalf("Receive, cancelled while it waited, returned %v", err)
	}

	texts := numbered("between cancellations", 200)
	published := make(chan error, 1)
	go func() {
		for _, text := range texts {
			ctx, cancel := s.context()
			err := n.Publish(ctx, []sender.Packet{{Payload: []byte(text), Nodes: sender.NodesUnknown}})
			cancel()
			if err != nil {
				published <- err
				return
			}
		}
		published <- nil
	}()
	deadline := time.Now().Add(s.h.Patience)
	for i, attempt := 0, 0; i < len(texts); attempt++ {
		if time.Now().After(deadline) {
			s.Fatalf("packet %d has not come: a cancelled Receive lost it", i+1)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(attempt%4)*time.Millisecond)
		event, err := wait(ctx)
		cancel()
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			s.Fatalf("Receive: %v", err)
		}
		if err != nil || event.Link != sender.LinkUnchanged {
			continue
		}
		if string(event.Payload) != texts[i] {
			s.Fatalf("received %s, want %q: a cancelled Receive lost it", short(event.Payload), texts[i])
		}
		i++
	}
	s.within("publishing", func() {
		if err := <-published; err != nil {
			s.Errorf("Publish: %v", err)
		}
	})
}

// testPublishContext: a publish has a deadline, so that a broker that hangs
// costs one batch and not the node. What was given up may come still, but not
// out of order, and the next publish must work.
func testPublishContext(s *suite) {
	nodes := s.nodes(2)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var err error
	packets := []sender.Packet{{Payload: []byte("given up"), Nodes: sender.NodesUnknown}}
	s.within("Publish with an ended context", func() { err = nodes[0].Publish(ctx, packets) })
	if err == nil && !packets[0].Done {
		s.Error("Publish returned nil and left its packet without Done")
	}
	texts := numbered("after that", 10)
	nodes[0].say(texts...)
	for _, n := range nodes {
		before := n.until(texts[0])
		if len(before) > 1 || len(before) == 1 && before[0] != "given up" {
			s.Fatalf("node %s received %q", n.name, before)
		}
		if packets[0].Done && len(before) == 0 {
			s.Fatalf("node %s did not receive a packet with Done", n.name)
		}
		n.expect(texts[1:]...)
	}
	s.fence(nodes...)
}

// testCloseWakesReceive: a shutdown closes the broker and waits for the
// goroutine that receives. Where that sleeps on, the process hangs until it is
// killed.
func testCloseWakesReceive(s *suite) {
	n := s.subscribed("n1")
	result := make(chan error, 1)
	go func() {
		for {
			if _, err := n.Receive(context.Background()); err != nil {
				result <- err
				return
			}
		}
	}()
	n.say("something, so that it has received before")
	n.close()
	s.within("Receive after Close", func() {
		if err := <-result; !errors.Is(err, sender.ErrClosed) {
			s.Errorf("Close woke Receive with %v, want ErrClosed", err)
		}
	})
}

// testCloseTwice: a node is closed by its shutdown and by a defer, by two
// goroutines at a time, and before it has subscribed.
func testCloseTwice(s *suite) {
	fresh := s.open("n1")
	fresh.close()
	fresh.close()
	n := s.subscribed("n2")
	var closing sync.WaitGroup
	for range 4 {
		closing.Go(func() {
			if err := n.Close(); err != nil {
				s.Errorf("Close: %v", err)
			}
		})
	}
	s.within("Close, four times at once", closing.Wait)
	n.close()
}

// testUseAfterClose: sessions end after the sender has, and goroutines are still
// about to publish. They must get an error, not a panic, and not wait.
func testUseAfterClose(s *suite) {
	n := s.subscribed("n1")
	n.close()
	s.within("Publish after Close", func() {
		packets := []sender.Packet{{Payload: []byte("late"), Nodes: sender.NodesUnknown}}
		if err := n.Publish(context.Background(), packets); err == nil || packets[0].Done {
			s.Errorf("Publish after Close returned %v with Done %t", err, packets[0].Done)
		}
	})
	s.within("Receive after Close", func() {
		for {
			_, err := n.Receive(context.Background())
			if err != nil {
				if !errors.Is(err, sender.ErrClosed) {
					s.Errorf("Receive after Close returned %v, want ErrClosed", err)
				}
				return
			}
		}
	})
	if router, ok := n.Broker.(sender.Router); ok && s.can.Routing >= sender.RouteAddresses {
		s.within("Take after Close", func() {
			router.Take("user/2/1024", true)
			router.Take("user/2/1024", false)
		})
	}
	_ = n.Capabilities()
	unused := s.open("n2")
	unused.close()
	s.within("Subscribe after Close", func() {
		if err := unused.Subscribe(context.Background()); err == nil {
			s.Error("Subscribe after Close returned nil")
		}
	})
}

// testConcurrency: sends, receives, takes and a shutdown meet. It proves most
// under the race detector.
func testConcurrency(s *suite) {
	peer := s.subscribed("peer")
	for round := range 5 {
		s.crowd(s.subscribed(fmt.Sprintf("n%d", round)))
	}
	peer.say("still here")
	peer.until("still here")
}

// crowd uses a node from all sides and closes it meanwhile.
func (s *suite) crowd(n *node) {
	s.Helper()
	var (
		running  sync.WaitGroup
		received = make(chan struct{})
		once     sync.Once
		closed   atomic.Bool
	)
	stopped, stop := context.WithCancel(context.Background())
	defer stop() // where the case fails
	running.Go(func() {
		for i := 0; ; i++ {
			err := n.Publish(stopped, []sender.Packet{{Payload: fmt.Appendf(nil, "%d", i), Nodes: sender.NodesUnknown}})
			if err != nil {
				if !closed.Load() && stopped.Err() == nil {
					s.Errorf("Publish: %v", err)
				}
				return
			}
			pause(100 * time.Microsecond)
		}
	})
	running.Go(func() {
		for {
			if _, err := n.Receive(stopped); err != nil {
				if !errors.Is(err, sender.ErrClosed) && stopped.Err() == nil {
					s.Errorf("Receive: %v", err)
				}
				return
			}
			once.Do(func() { close(received) })
		}
	})
	running.Go(func() {
		router, _ := n.Broker.(sender.Router)
		for i := 0; !closed.Load() && stopped.Err() == nil; i++ {
			_ = n.Capabilities()
			if s.can.Routing >= sender.RouteAddresses {
				router.Take(fmt.Sprintf("user/2/%d", i%10), i%20 < 10)
			}
			pause(time.Millisecond)
		}
	})
	s.await("the first Receive", received)
	closed.Store(true)
	n.close()
	s.within("what used a closed broker", running.Wait)
}

// pause lets others work.
func pause(d time.Duration) { <-time.After(d) }

// testLeaveAndRejoin: nodes come and go with each deployment, under their old
// names. The others must not notice, and who comes back must not find what was
// meant for who it was.
func testLeaveAndRejoin(s *suite) {
	stays := s.subscribed("stays")
	for round := range 3 {
		returns := s.subscribed("returns")
		here := fmt.Sprintf("round %d, both are here", round)
		stays.say(here)
		stays.expect(here)
		returns.expect(here)
		unread := fmt.Sprintf("round %d, unread", round)
		stays.say(unread)
		stays.expect(unread)
		returns.close()
		away := numbered(fmt.Sprintf("round %d, one is away", round), 10)
		stays.say(away...)
		stays.expect(away...)
		if s.can.Routing >= sender.RouteNodes {
			// Nobody has that name now, which is not an error.
			packet := stays.publish(sender.Packet{Node: "returns", Payload: []byte("to a node that has left")})[0]
			if packet.Nodes > 0 {
				s.Errorf("%d nodes took a packet to a node that has left", packet.Nodes)
			}
		}
	}
	back := s.subscribed("returns")
	stays.say("both are here again")
	stays.expect("both are here again")
	back.expect("both are here again")
	s.fence(stays, back)
}
