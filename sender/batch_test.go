package sender

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

// The memory of a batch is used again, but not while the driver may be at it
// still: one that has failed can have left it to a write that goes on.
func TestGroupLeavesWhatFailed(t *testing.T) {
	g := newGroup(&gate{}, 100, 1000)
	var lost [][]byte
	fail := true
	g.begin = func(_ context.Context, packets []Packet) func() error {
		return func() error {
			if !fail {
				return nil
			}
			lost = append(lost, packets[0].Payload)
			return errors.New("lost")
		}
	}
	for i := range 50 {
		fail = true
		if _, err := send(t.Context(), g, fmt.Sprint("failed ", i)); !errors.Is(err, ErrNotPublished) {
			t.Fatal(err)
		}
		fail = false
		if _, err := send(t.Context(), g, "published"); err != nil {
			t.Fatal(err)
		}
	}
	g.close()
	for i, payload := range lost {
		if want := fmt.Sprint("failed ", i); string(payload) != want {
			t.Fatalf("a batch that was lost has become %q, was %q", payload, want)
		}
	}
}
