package drivertest

import (
	"context"
	"fmt"
	"testing"

	"github.com/switchboard-go/switchboard/sender"
)

// Subscribe has a node receive.
func Subscribe(t testing.TB, b sender.Broker) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	if err := b.Subscribe(ctx); err != nil {
		t.Fatal(err)
	}
}

// Packets returns packets to all.
func Packets(payloads ...string) []sender.Packet { return PacketsTo("", payloads...) }

// PacketsTo returns packets to a node, or to all where it is empty.
func PacketsTo(node string, payloads ...string) []sender.Packet {
	packets := make([]sender.Packet, len(payloads))
	for i, payload := range payloads {
		packets[i] = sender.Packet{Node: node, Payload: []byte(payload), Nodes: sender.NodesUnknown}
	}
	return packets
}

// Publish publishes payloads to all, and returns the packets.
func Publish(t testing.TB, b sender.Broker, payloads ...string) []sender.Packet {
	t.Helper()
	return PublishTo(t, b, "", payloads...)
}

// PublishTo publishes payloads to a node, or to all where it is empty.
func PublishTo(t testing.TB, b sender.Broker, node string, payloads ...string) []sender.Packet {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	packets := PacketsTo(node, payloads...)
	if err := b.Publish(ctx, packets); err != nil {
		t.Fatal(err)
	}
	return packets
}

// Insist publishes a payload to all until the broker takes it.
func Insist(t testing.TB, b sender.Broker, payload string) {
	t.Helper()
	Eventually(t, func() error {
		ctx, cancel := context.WithTimeout(t.Context(), Patience)
		defer cancel()
		return b.Publish(ctx, Packets(payload))
	})
}

// Next returns the next event.
func Next(t testing.TB, b sender.Broker) sender.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	event, err := b.Receive(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return event
}

// Text shows an event: "down", "up" or its payload.
func Text(e sender.Event) string {
	switch e.Link {
	case sender.LinkDown:
		return "down"
	case sender.LinkUp:
		return "up"
	}
	return string(e.Payload)
}

// Expect receives exactly these events next, as Text shows them.
func Expect(t testing.TB, b sender.Broker, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if event := Next(t, b); Text(event) != want {
			t.Fatalf("received %.80q, want %.80q (%v)", Text(event), want, event.Err)
		}
	}
}

// ExpectPayloads receives exactly these payloads next, whatever the link does meanwhile.
func ExpectPayloads(t testing.TB, b sender.Broker, wants ...string) {
	t.Helper()
	for _, want := range wants {
		event := Hear(t, b, func(e sender.Event) bool { return e.Link == sender.LinkUnchanged })
		if string(event.Payload) != want {
			t.Fatalf("received %.80q, want %.80q", event.Payload, want)
		}
	}
}

// Hear receives until a wanted event comes, and returns that.
func Hear(t testing.TB, b sender.Broker, wanted func(sender.Event) bool) sender.Event {
	t.Helper()
	for {
		if event := Next(t, b); wanted(event) {
			return event
		}
	}
}

// Numbered returns so many texts: "what 0", "what 1" and on.
func Numbered(what string, count int) []string {
	texts := make([]string, count)
	for i := range texts {
		texts[i] = fmt.Sprintf("%s %d", what, i)
	}
	return texts
}
