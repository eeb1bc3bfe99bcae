package websocket

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

// inboxProbe is the owner of an inbox under test. It takes each event when the
// test lets it.
type inboxProbe struct {
	inbox   inbox
	running sync.WaitGroup
	begun   chan event
	done    chan struct{}

	mu   sync.Mutex
	seen []string
}

// stopped keeps no dispatcher.
var stopped = func() <-chan struct{} {
	stop := make(chan struct{})
	close(stop)
	return stop
}()

func newInbox(messages, bytes int) *inboxProbe {
	p := &inboxProbe{begun: make(chan event), done: make(chan struct{})}
	p.inbox = inbox{owner: p, limits: &Limits{InboxMessages: messages, InboxBytes: bytes}, dispatchers: newDispatchers(stopped)}
	return p
}

func (p *inboxProbe) began() { p.running.Add(1) }
func (p *inboxProbe) ended() { p.running.Done() }

func (p *inboxProbe) dispatch(e event) {
	p.begun <- e
	<-p.done
	p.mu.Lock()
	defer p.mu.Unlock()
	name := e.message.Type
	switch e.kind {
	case eventOpen:
		name = "open"
	case eventDrained:
		name = "drained"
	case eventClose:
		name = "close"
	}
	p.seen = append(p.seen, name)
}

// finish lets all that waits be dispatched and returns what was, in order.
func (p *inboxProbe) finish() []string {
	idle := make(chan struct{})
	go func() {
		p.running.Wait()
		close(idle)
	}()
	for {
		select {
		case p.done <- struct{}{}:
		case <-p.begun:
		case <-idle:
			return p.seen
		}
	}
}

func typed(name string, size int) Message {
	return Message{Type: name, Content: []byte(strings.Repeat("x", size-len(name)))}
}

func TestInboxDispatchesOneAtATimeInOrder(t *testing.T) {
	p := newInbox(100, 1000)
	p.inbox.tell(eventOpen)
	want := []string{"open"}
	for i := range 50 {
		name := fmt.Sprint("m", i)
		if !p.inbox.message(typed(name, 10)) {
			t.Fatalf("message %d was refused", i)
		}
		want = append(want, name)
	}
	p.inbox.tell(eventClose)
	if got := p.finish(); !slices.Equal(got, append(want, "close")) {
		t.Errorf("dispatched were %v", got)
	}
	if p.inbox.messages != 0 || p.inbox.bytes != 0 || cap(p.inbox.queue.items) > keepCapacity {
		t.Errorf("an empty inbox counts %d messages, %d bytes and has room for %d", p.inbox.messages, p.inbox.bytes, cap(p.inbox.queue.items))
	}
	for _, e := range p.inbox.queue.items[:cap(p.inbox.queue.items)] {
		if e.message.Content != nil {
			t.Error("an empty inbox refers to a message")
		}
	}
}

func TestInboxBounds(t *testing.T) {
	for _, test := range []struct {
		name            string
		messages, bytes int
		sizes           []int // of what comes while the listener has none
		want            []bool
	}{
		{"messages", 2, 1000, []int{10, 10, 10}, []bool{true, true, false}},
		{"bytes", 10, 100, []int{60, 40, 1}, []bool{true, true, false}},
		{"room for a smaller one", 10, 100, []int{60, 41, 40}, []bool{true, false, true}},
		{"a single one is always taken", 1, 100, []int{1000, 1}, []bool{true, false}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newInbox(test.messages, test.bytes)
			p.inbox.tell(eventOpen) // which has always room and takes none
			p.inbox.tell(eventOpen)
			for i, size := range test.sizes {
				if got := p.inbox.message(typed("t", size)); got != test.want[i] {
					t.Errorf("message %d was taken: %t, want %t", i, got, test.want[i])
				}
			}
			p.finish()
			if !p.inbox.message(typed("t", 1)) {
				t.Error("an empty inbox refused a message")
			}
			p.finish()
		})
	}
}

func TestInboxStop(t *testing.T) {
	for _, test := range []struct {
		discard bool
		want    []string
	}{
		{false, []string{"open", "a", "b", "close"}},
		{true, []string{"open", "close"}},
	} {
		p := newInbox(10, 1000)
		p.inbox.tell(eventOpen)
		<-p.begun
		p.inbox.message(typed("a", 10))
		p.inbox.message(typed("b", 10))
		p.inbox.stop(test.discard)
		if !p.inbox.message(typed("late", 10)) {
			t.Error("a stopped inbox says busy")
		}
		p.inbox.tell(eventClose)
		if got := p.finish(); !slices.Equal(got, test.want) {
			t.Errorf("after a stop with discard %t, dispatched were %v, want %v", test.discard, got, test.want)
		}
		if p.inbox.messages != 0 || p.inbox.bytes != 0 {
			t.Errorf("%d messages and %d bytes are counted at the end", p.inbox.messages, p.inbox.bytes)
		}
	}
}
