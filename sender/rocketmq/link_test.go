package rocketmq

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/internal/drivertest"
	"github.com/switchboard-go/switchboard/sender"
)

// The end of a queue by the broker's word is late. What is before the mark is
// not read, and nothing is pulled until the broker has come as far.
func TestReadingBeginsAtTheMark(t *testing.T) {
	var asks atomic.Int64
	f := startFake(t, func(r asked) *reply {
		if r.Code != codeMaxOffset {
			return nil
		}
		return &reply{fields: map[string]string{"offset": strconv.FormatInt(3+asks.Add(1), 10)}}
	})
	b := startBroker(t, f.config())
	if err := b.Subscribe(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := asks.Load(); got != 5 {
		t.Errorf("the broker's end was asked for %d times, want until it was 8", got)
	}
	eventually(t, func() error {
		if len(f.requests(codePull)) == 0 {
			return errors.New("no pull")
		}
		return nil
	})
	if got := f.requests(codePull)[0].Fields["queueOffset"]; got != "8" {
		t.Errorf("reading begins at %s, and the mark is 7", got)
	}
}

// pulls has a fake answer the pulls with these, one after the other.
func pulls(answers ...*reply) func(asked) *reply {
	var n atomic.Int64
	return func(r asked) *reply {
		if r.Code != codePull {
			return nil
		}
		i := n.Add(1) - 1
		if i >= int64(len(answers)) {
			return nil
		}
		return answers[i]
	}
}

func found(next int64, messages ...[]byte) *reply {
	return &reply{body: slices.Concat(messages...), fields: map[string]string{"nextBeginOffset": strconv.FormatInt(next, 10)}}
}

// What comes again, late, as a mark or by others.
func TestWhatIsHandedOn(t *testing.T) {
	packet := func(publisher, number uint64, text string) []byte { return stamp{publisher, number}.body([]byte(text)) }
	f := startFake(t, pulls(
		found(14,
			stored(7, packet(1, 1, "before the mark")),
			stored(8, packet(1, 5, "first")),
			stored(9, packet(1, 4, "late")),
			stored(10, packet(1, 5, "first")),
			stored(11, []byte{kindMark}),
			stored(12, packet(2, 1, "")),
			stored(13, []byte("foreign")),
		),
		&reply{code: codePullNotFound, fields: map[string]string{"nextBeginOffset": "14"}},
		found(15, stored(14, packet(1, 6, "second"))),
	))
	b := startBroker(t, f.config())
	if err := b.Subscribe(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := received(t, b, 4), []string{"first", "", "foreign", "second"}; !slices.Equal(got, want) {
		t.Errorf("received %q, want %q", got, want)
	}
	eventually(t, func() error {
		var offsets []string
		for _, r := range f.requests(codePull) {
			offsets = append(offsets, r.Fields["queueOffset"])
		}
		if want := []string{"8", "14", "14", "15"}; !slices.Equal(offsets, want) {
			return fmt.Errorf("pulled from %s, want %s", offsets, want)
		}
		return nil
	})
}

// What comes together is not kept together: who appends to a payload, or keeps
// it, has no other in his hands.
func TestPayloadsAreApart(t *testing.T) {
	r := &reader{b: startBroker(t, Defaults()), heard: publishers{heard: make(map[uint64]heard)}}
	long := strings.Repeat("s", 1000)
	messages, err := decode(append(stored(0, []byte("first")), stored(1, []byte(long))...))
	if err != nil {
		t.Fatal(err)
	}
	r.hand(messages, 0)
	first, second := drivertest.Next(t, r.b), drivertest.Next(t, r.b)
	_ = append(first.Payload, make([]byte, 500)...)
	if string(second.Payload) != long {
		t.Errorf("the second became %q", second.Payload)
	}
}

// A broker that gives no sign of life on a connection that stands is a broken
// link, until it answers.
func TestSilentBroker(t *testing.T) {
	var silent atomic.Bool
	f := startFake(t, func(r asked) *reply {
		if silent.Load() && r.Code != codeRoute {
			return &reply{silent: true}
		}
		return nil
	})
	b := startBroker(t, f.config())
	if err := b.Subscribe(t.Context()); err != nil {
		t.Fatal(err)
	}
	silent.Store(true)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	event, err := b.Receive(ctx)
	if err != nil || event.Link != sender.LinkDown || !strings.Contains(event.Err.Error(), "broker b at "+f.addr+": it has been silent") {
		t.Fatalf("received %+v, %v", event, err)
	}
	silent.Store(false)
	if got := received(t, b, 1); got[0] != "up" {
		t.Errorf("received %q", got)
	}
}

// Messages that were deleted before they were read are a broken link.
func TestOffsetMoved(t *testing.T) {
	f := startFake(t, pulls(
		&reply{code: codePullOffsetMoved, fields: map[string]string{"nextBeginOffset": "100"}},
		found(101, stored(100, []byte("after"))),
	))
	b := startBroker(t, f.config())
	if err := b.Subscribe(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := received(t, b, 3), []string{"down", "up", "after"}; !slices.Equal(got, want) {
		t.Errorf("received %q, want %q", got, want)
	}
	if got := f.requests(codePull)[1].Fields["queueOffset"]; got != "100" {
		t.Errorf("reading goes on at %s", got)
	}
}

// A broker that refuses pulls is a broken link, and is tried again.
func TestRefusedPulls(t *testing.T) {
	for name, answer := range map[string]*reply{
		"refused":     {code: 26, remark: "subscription group not exist"},
		"nonsense":    {fields: map[string]string{"nextBeginOffset": "x"}},
		"no messages": {body: bytes.Repeat([]byte{0xFF}, 200), fields: map[string]string{"nextBeginOffset": "9"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := startFake(t, pulls(answer, found(9, stored(8, []byte("after")))))
			b := startBroker(t, f.config())
			if err := b.Subscribe(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got, want := received(t, b, 3), []string{"down", "up", "after"}; !slices.Equal(got, want) {
				t.Errorf("received %q, want %q", got, want)
			}
		})
	}
}

// New queues are read from when the node began to receive.
func TestGrow(t *testing.T) {
	f := startFake(t, func(r asked) *reply {
		switch {
		case r.Code == codeSearchOffset:
			return &reply{fields: map[string]string{"offset": "20"}}
		case r.Code == codePull && r.Fields["queueId"] == "1" && r.Fields["queueOffset"] == "20":
			return found(21, stored(20, []byte("in the new queue")))
		}
		return nil
	})
	b := startBroker(t, f.config())
	r := &reader{b: b, began: time.Now(), links: make(map[string]*link)}
	r.heard.heard = make(map[uint64]heard)
	l := &link{r: r, broker: "b", addr: f.addr}
	l.queues.Store(1)
	if err := l.begin(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	r.links["b"] = l
	l.start()
	r.refresh(&route{read: map[string]int{"b": 2}, addrs: map[string]map[int]string{"b": {0: f.addr}}})
	if got := received(t, b, 1); got[0] != "in the new queue" {
		t.Errorf("received %q", got)
	}
	asked := f.requests(codeSearchOffset)
	if len(asked) != 1 || asked[0].Fields["timestamp"] != strconv.FormatInt(r.began.UnixMilli(), 10) || asked[0].Fields["queueId"] != "1" {
		t.Errorf("searched with %v", asked)
	}
}

// A broker whose name servers no longer know it is not waited for, and read on
// from where it was when it is back.
func TestBrokerLeavesAndReturns(t *testing.T) {
	var listed atomic.Pointer[fake] // the broker c, once it is back
	stays := startFake(t, func(r asked) *reply {
		if c := listed.Load(); r.Code == codeRoute && c != nil {
			return &reply{body: fmt.Appendf(nil, `{"brokerDatas":[{"brokerAddrs":{0:%q},"brokerName":"c"}],"queueDatas":[{"brokerName":"c","perm":6,"readQueueNums":1,"writeQueueNums":1}]}`, c.addr)}
		}
		return nil
	})
	leaves := startFake(t, pulls(found(20, stored(19, []byte("before"))), &reply{code: 14, remark: "goodbye"}))
	returns := startFake(t, pulls(found(21, stored(20, []byte("after")))))
	b := startBroker(t, stays.config()) // the name server knows b only
	r := &reader{b: b, began: time.Now(), links: make(map[string]*link)}
	r.heard.heard = make(map[uint64]heard)
	for broker, f := range map[string]*fake{"b": stays, "c": leaves} {
		l := &link{r: r, broker: broker, addr: f.addr}
		l.queues.Store(1)
		if err := l.begin(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		r.links[broker] = l
		l.start()
	}
	if got, want := received(t, b, 3), []string{"before", "down", "up"}; !slices.Equal(got, want) {
		t.Errorf("received %q, want %q", got, want)
	}
	eventually(t, func() error {
		if r.links["c"].runs.Load() {
			return errors.New("the link to a broker that has left goes on")
		}
		return nil
	})
	listed.Store(returns)
	r.refresh(&route{read: map[string]int{"b": 1, "c": 1}, addrs: map[string]map[int]string{"b": {0: stays.addr}, "c": {0: returns.addr}}})
	if got, want := received(t, b, 3), []string{"down", "up", "after"}; !slices.Equal(got, want) {
		t.Errorf("received %q, want %q", got, want)
	}
	if got := returns.requests(codePull)[0].Fields["queueOffset"]; got != "20" {
		t.Errorf("reading goes on at %s", got)
	}
}
