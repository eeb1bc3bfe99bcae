package memory_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/sendertest/memory"
)

// A node whose link is cut misses what is published, and is told.
func Example() {
	ctx := context.Background()
	bus := memory.New(memory.Options{})
	a, b := bus.Open("chat", "a"), bus.Open("chat", "b")
	defer a.Close()
	defer b.Close()
	if err := errors.Join(a.Subscribe(ctx), b.Subscribe(ctx)); err != nil {
		panic(err)
	}
	say := func(text string) {
		if err := a.Publish(ctx, []sender.Packet{{Payload: []byte(text)}}); err != nil {
			panic(err)
		}
	}
	say("one")
	b.Cut(errors.New("pulled"))
	say("two")
	b.Mend()
	say("three")
	for b.Waiting() > 0 {
		event, err := b.Receive(ctx)
		if err != nil {
			panic(err)
		}
		fmt.Printf("%q %d %v\n", event.Payload, event.Link, event.Err)
	}
	// Output:
	// "one" 0 <nil>
	// "" 1 pulled
	// "" 2 <nil>
	// "three" 0 <nil>
}
