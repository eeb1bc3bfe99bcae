package websocket

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestFifoKeepsOrder(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 0))
		var q fifo[int]
		var model []int
		// Phases that fill and phases that empty, so that it wraps at many sizes.
		for step := range 2000 {
			filling := step/100%2 == 0
			switch n := random.IntN(10); {
			case n == 0 && len(model) > 0:
				keep := random.IntN(len(model) + 1)
				q.cut(keep)
				model = model[:keep]
			case n < 8 == filling || len(model) == 0:
				q.push(step)
				model = append(model, step)
			default:
				if got := q.pop(); got != model[0] {
					t.Fatalf("seed %d, step %d: pop is %d, want %d", seed, step, got, model[0])
				}
				model = model[1:]
			}
			if q.len() != len(model) || !slices.Equal(q.waiting(), model) {
				t.Fatalf("seed %d, step %d: %v waits, want %v", seed, step, q.waiting(), model)
			}
		}
	}
}

func TestFifoKeepsNothingThatLeft(t *testing.T) {
	var q fifo[*int]
	for range 20 {
		for range 10 {
			q.push(new(int))
		}
		q.cut(8)
		for range 7 {
			q.pop()
		}
		held := 0
		for _, item := range q.items[:cap(q.items)] {
			if item != nil {
				held++
			}
		}
		if held != q.len() {
			t.Fatalf("%d items are referred to, and %d wait", held, q.len())
		}
	}
}

// A queue whose consumer keeps up must stay small however much passes through
// it, and one that falls behind must not move all that waits for each push.
func TestFifoStaysSmall(t *testing.T) {
	var q fifo[int]
	for range 100 {
		q.push(0)
	}
	for range 100_000 {
		q.push(0)
		q.pop()
	}
	if c := cap(q.items); c > 400 {
		t.Errorf("for 100 waiting items the queue holds room for %d", c)
	}
	for q.len() > 0 {
		q.pop()
	}
	if q.trim(); cap(q.items) > keepCapacity {
		t.Errorf("an empty queue keeps room for %d items", cap(q.items))
	}
}
