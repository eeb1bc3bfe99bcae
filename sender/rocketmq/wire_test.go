package rocketmq

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/sender"
)

const patience = 30 * time.Second

// received returns the next count events, news of the link as "down" and "up".
func received(t *testing.T, b *Broker, count int) (all []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for range count {
		event, err := b.Receive(ctx)
		if err != nil {
			t.Fatalf("after %q: %v", all, err)
		}
		all = append(all, show(event))
	}
	return all
}

func show(e sender.Event) string {
	switch e.Link {
	case sender.LinkDown:
		return "down"
	case sender.LinkUp:
		return "up"
	}
	return string(e.Payload)
}

// eventually waits until ask returns nothing, asking often.
func eventually(t *testing.T, ask func() error) {
	t.Helper()
	deadline := time.After(patience)
	for {
		err := ask()
		if err == nil {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("still, after %s: %v", patience, err)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

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
	messages, err := decode(append(stored(0, []byte("first")), stored(1, []byte("second"))...))
	if err != nil {
		t.Fatal(err)
	}
	r.hand(messages, 0)
	first, _ := r.b.events.pop()
	second, _ := r.b.events.pop()
	_ = append(first.Payload, make([]byte, 1000)...)
	if string(second.Payload) != "second" {
		t.Errorf("it became %q", second.Payload)
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
	event, err := b.Receive(t.Context())
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

// What a broker refuses is an error that says so in a line, and the next publish
// works.
func TestRefusedPublish(t *testing.T) {
	var refuse atomic.Bool
	refuse.Store(true)
	f := startFake(t, func(r asked) *reply {
		if r.Code == codeSendBatch && refuse.Load() {
			return &reply{code: 16, remark: "no permission\nat java.lang.Thread" + strings.Repeat("x", 1000)}
		}
		return nil
	})
	b := startBroker(t, f.config())
	packets := []sender.Packet{{Payload: []byte("x")}}
	err := b.Publish(t.Context(), packets)
	if err == nil || packets[0].Done || !strings.HasSuffix(err.Error(), "refused with code 16: no permission") {
		t.Errorf("got %v, Done: %t", err, packets[0].Done)
	}
	refuse.Store(false)
	if err := b.Publish(t.Context(), packets); err != nil || !packets[0].Done {
		t.Errorf("got %v, Done: %t", err, packets[0].Done)
	}
}

// A broker that has taken some of the batches: the caller is told which.
func TestPartlyPublished(t *testing.T) {
	var sent atomic.Int64
	f := startFake(t, func(r asked) *reply {
		if r.Code == codeSendBatch && sent.Add(1) == 2 {
			return &reply{code: 2, remark: "busy"}
		}
		return nil
	})
	b := startBroker(t, f.config())
	packets := make([]sender.Packet, 3)
	for i := range packets {
		packets[i].Payload = make([]byte, maxBatch/2+1)
	}
	if err := b.Publish(t.Context(), packets); err == nil || !packets[0].Done || packets[1].Done || packets[2].Done {
		t.Errorf("got %v, Done: %t %t %t", err, packets[0].Done, packets[1].Done, packets[2].Done)
	}
}

func TestMissingTopic(t *testing.T) {
	var created, info atomic.Bool
	var f *fake
	answer := func(r asked) *reply {
		switch {
		case r.Code == codeRoute && !created.Load():
			return &reply{code: codeTopicNotExist, remark: "No topic route info"}
		case r.Code == codeClusterInfo && info.Load():
			return &reply{body: fmt.Appendf(nil, `{"brokerAddrTable":{"b":{"brokerAddrs":{0:%q,1:"127.0.0.1:1"},"brokerName":"b"}}}`, f.addr)}
		case r.Code == codeClusterInfo:
			return &reply{body: []byte(`{"brokerAddrTable":{}}`)}
		case r.Code == codeCreateTopic:
			created.Store(true)
			return &reply{}
		}
		return nil
	}
	f = startFake(t, answer)
	c := f.config()
	err := startBroker(t, c).Subscribe(t.Context())
	if !errors.Is(err, errNoTopic) || !strings.Contains(err.Error(), "create-topic is not set") || !strings.Contains(err.Error(), "topic app-websocket") {
		t.Errorf("without create-topic: %v", err)
	}
	c.CreateTopic = true
	if err := startBroker(t, c).Subscribe(t.Context()); err == nil || !strings.Contains(err.Error(), "no broker to create it at") {
		t.Errorf("without a broker: %v", err)
	}
	info.Store(true)
	if err := startBroker(t, c).Subscribe(t.Context()); err != nil {
		t.Fatal(err)
	}
	if all := f.requests(codeCreateTopic); len(all) != 1 || all[0].Fields["topic"] != "app-websocket" || all[0].Fields["writeQueueNums"] != "4" {
		t.Errorf("created with %v", all)
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

// A connection between two calls that are further apart than a broker waits is
// made anew.
func TestIdlePublisher(t *testing.T) {
	f := startFake(t, nil)
	b := startBroker(t, f.config())
	for range 3 {
		if err := b.Publish(t.Context(), []sender.Packet{{Payload: []byte("x")}}); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(f.requests(codeRoute)); got != 1 {
		t.Errorf("three publishes connected %d times", got)
	}
	b.publisher.used = time.Now().Add(-maxIdle - time.Second)
	if err := b.Publish(t.Context(), []sender.Packet{{Payload: []byte("x")}}); err != nil {
		t.Fatal(err)
	}
	if got := len(f.requests(codeRoute)); got != 2 {
		t.Errorf("after a long while it connected %d times", got)
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

// Where its queue is gone a node publishes to another.
func TestLaneIsGone(t *testing.T) {
	f := startFake(t, nil)
	b := startBroker(t, f.config())
	b.publisher.lane = queue{"elsewhere", 3}
	if err := b.Publish(t.Context(), []sender.Packet{{Payload: []byte("x")}}); err != nil {
		t.Fatal(err)
	}
	if want := (queue{"b", 0}); b.publisher.lane != want {
		t.Errorf("it publishes to %v", b.publisher.lane)
	}
}

// A broker that takes nothing holds up a publish until its deadline, or Close.
func TestHungBroker(t *testing.T) {
	release := make(chan struct{})
	var hang atomic.Bool
	f := startFake(t, func(r asked) *reply {
		if r.Code == codeSendBatch && hang.Load() {
			<-release // and so nothing more is read
		}
		return nil
	})
	defer close(release)
	b := startBroker(t, f.config())
	if err := b.Publish(t.Context(), []sender.Packet{{Payload: []byte("x")}}); err != nil {
		t.Fatal(err)
	}
	hang.Store(true)
	large := []sender.Packet{{Payload: make([]byte, maxPayload)}, {Payload: make([]byte, maxPayload)}}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := b.Publish(ctx, large); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Publish to a broker that hangs: %v", err)
	}
	result := make(chan error, 1)
	go func() { result <- b.Publish(t.Context(), large) }()
	eventually(t, func() error {
		if len(f.requests(codeSendBatch)) < 3 { // over a connection of its own
			return errors.New("no third publish")
		}
		return nil
	})
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if err := <-result; !errors.Is(err, sender.ErrClosed) {
		t.Errorf("Publish when the broker was closed: %v", err)
	}
}

// Nothing that a server sends is a panic, or more memory than it sends.
func FuzzRead(f *testing.F) {
	f.Add(command(map[string]any{"code": 0, "opaque": 1, "flag": 1, "extFields": map[string]string{"a": "b"}}, []byte("body")))
	f.Add([]byte{0x03, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0})
	f.Add([]byte{0, 0, 0, 4, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		here, there := net.Pipe()
		defer here.Close()
		defer there.Close()
		c := &conn{Conn: here, in: bufio.NewReader(bytes.NewReader(data))}
		a, err := c.read()
		if err == nil && len(a.body) > len(data) {
			t.Errorf("%d bytes became %d", len(data), len(a.body))
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add(append(stored(5, []byte("one")), stored(6, nil)...))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 4096 {
			_, _ = decode(data)
		}
	})
}

func FuzzParseRoute(f *testing.F) {
	f.Add([]byte(`{"brokerDatas":[{"brokerAddrs":{0:"a:1"},"brokerName":"b"}],"queueDatas":[{"brokerName":"b","perm":6,"readQueueNums":4,"writeQueueNums":4}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if r, err := parseRoute(data); err == nil && len(r.write) > 0 && r.master(r.lane("n1").broker) == "" {
			t.Error("the lane has no address")
		}
	})
}
