package rocketmq

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/sender"
)

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
