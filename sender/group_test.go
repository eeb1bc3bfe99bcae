package sender

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// gate is a broker that takes what it is let take.
type gate struct {
	open    chan error // any batch takes one
	writes  chan bool  // a batch that begins takes one; nil: it need not
	mu      sync.Mutex
	batches [][]string
	own     []chan error // of each batch
}

func (g *gate) begin(ctx context.Context, packets []Packet) func() error {
	var batch []string
	for i := range packets {
		batch = append(batch, string(packets[i].Payload))
	}
	own := make(chan error)
	g.mu.Lock()
	g.batches = append(g.batches, batch)
	g.own = append(g.own, own)
	g.mu.Unlock()
	if g.writes != nil {
		<-g.writes
	}
	return func() (err error) {
		select {
		case err = <-own:
		case err = <-g.open:
		case <-ctx.Done():
			return ctx.Err()
		}
		for i := range packets {
			packets[i].Done = err == nil || i == 0 // the first of a failed batch went out
			packets[i].Nodes = 1
		}
		return err
	}
}

// answer lets a batch that has begun go, and what follows from that happen.
func (g *gate) answer(batch int, err error) {
	g.mu.Lock()
	own := g.own[batch]
	g.mu.Unlock()
	own <- err
	synctest.Wait()
}

// begun checks the batches that have begun.
func (g *gate) begun(t *testing.T, want ...[]string) {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	if diff := cmp.Diff(want, g.batches); diff != "" {
		t.Fatalf("the batches that have begun: %s", diff)
	}
}

func (g *gate) all() (all []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Concat(g.batches...)
}

func newGroup(g *gate, packets, bytes int) *group {
	g.open = make(chan error)
	return &group{begin: g.begin, few: 1, timeout: time.Second, maxPackets: packets, maxBytes: bytes, next: newBatch()}
}

func send(ctx context.Context, g *group, text string) (Packet, error) {
	return g.send(ctx, len(text), func(payloads []byte) (Packet, []byte) {
		return Packet{Nodes: NodesUnknown}, append(payloads, text...)
	})
}

// sending sends in the background, after what was sent before has been taken in.
func sending(ctx context.Context, g *group, texts ...string) <-chan error {
	results := make(chan error, len(texts))
	for _, text := range texts {
		synctest.Wait()
		go func() {
			_, err := send(ctx, g, text)
			results <- err
		}()
	}
	synctest.Wait()
	return results
}

func TestGroupGathersWhileItPublishes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broker := &gate{}
		g := newGroup(broker, 100, 1000)
		results := sending(t.Context(), g, "1", "2", "3", "4")
		if got := broker.all(); !slices.Equal(got, []string{"1"}) {
			t.Fatalf("published %q; the first goes out at once and alone", got)
		}
		select {
		case err := <-results:
			t.Fatalf("a send returned %v before the broker had it", err)
		default:
		}
		broker.open <- nil
		broker.open <- nil
		for range 4 {
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
		if len(broker.batches) != 2 || !slices.Equal(broker.all(), []string{"1", "2", "3", "4"}) {
			t.Errorf("published %q, want two batches in the order of the sends", broker.batches)
		}
		synctest.Wait()
		if g.beginning || g.underWay != 0 {
			t.Errorf("beginning %t, with %d packets under way, when all is published", g.beginning, g.underWay)
		}
	})
}

// A message does not wait for the confirmation of a few others, and many gather.
func TestGroupBeginsBesideAFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broker := &gate{}
		g := newGroup(broker, 100, 1000)
		g.few = 3
		alone := sending(t.Context(), g, "1")
		broker.begun(t, []string{"1"})
		rest := sending(t.Context(), g, "2", "3", "4", "5", "6")
		broker.begun(t, []string{"1"}, []string{"2"}, []string{"3"})
		broker.answer(1, nil)
		if err := <-rest; err != nil {
			t.Errorf("the batch that was confirmed first: %v", err)
		}
		broker.begun(t, []string{"1"}, []string{"2"}, []string{"3"}, []string{"4", "5", "6"})
		select {
		case err := <-alone:
			t.Fatalf("a send returned %v before the broker had it", err)
		default:
		}
		last := sending(t.Context(), g, "7", "8")
		broker.answer(0, nil) // four are under way now
		broker.answer(2, nil) // three
		if err := errors.Join(<-alone, <-rest); err != nil {
			t.Error(err)
		}
		broker.begun(t, []string{"1"}, []string{"2"}, []string{"3"}, []string{"4", "5", "6"})
		broker.answer(3, nil)
		broker.begun(t, []string{"1"}, []string{"2"}, []string{"3"}, []string{"4", "5", "6"}, []string{"7", "8"})
		broker.answer(4, nil)
		if err := errors.Join(<-rest, <-rest, <-rest, <-last, <-last); err != nil {
			t.Error(err)
		}
		g.close()
	})
}

// While a batch is written the next gathers, and follows before the word on it.
func TestGroupBeginsInTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broker := &gate{writes: make(chan bool)}
		g := newGroup(broker, 100, 1000)
		g.few = 3
		results := sending(t.Context(), g, "1", "2", "3")
		broker.begun(t, []string{"1"})
		broker.writes <- true
		synctest.Wait()
		broker.begun(t, []string{"1"}, []string{"2", "3"})
		broker.writes <- true
		broker.answer(1, nil)
		broker.answer(0, nil)
		if err := errors.Join(<-results, <-results, <-results); err != nil {
			t.Error(err)
		}
		g.close()
	})
}

// Of several batches under way one fails, and another hangs: each costs its own
// senders, and each has the whole of its time.
func TestGroupOneOfSeveralFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broker := &gate{}
		g := newGroup(broker, 100, 1000)
		g.few = 100
		refused := errors.New("refused")
		began := time.Now()
		hangs := sending(t.Context(), g, "1")
		fails := sending(t.Context(), g, "2")
		works := sending(t.Context(), g, "3")
		<-time.After(500 * time.Millisecond)
		late := sending(t.Context(), g, "4")
		broker.answer(2, nil)
		broker.answer(1, refused)
		if err := <-works; err != nil {
			t.Errorf("a batch between those that fail: %v", err)
		}
		if err := <-fails; err != nil { // the first packet of a batch, which the broker has
			t.Errorf("a packet that is done: %v", err)
		}
		for _, test := range []struct {
			result <-chan error
			after  time.Duration
		}{{hangs, time.Second}, {late, 1500 * time.Millisecond}} {
			err := <-test.result
			if !errors.Is(err, ErrNotPublished) || !errors.Is(err, errPublishTimeout) || time.Since(began) != test.after {
				t.Errorf("a batch that hangs: %v after %s, want %s", err, time.Since(began), test.after)
			}
		}
		broker.begun(t, []string{"1"}, []string{"2"}, []string{"3"}, []string{"4"})
		next := sending(t.Context(), g, "5")
		broker.answer(4, nil)
		if err := <-next; err != nil {
			t.Error(err)
		}
		g.close()
	})
}

func TestGroupBounds(t *testing.T) {
	for name, test := range map[string]struct {
		packets, bytes int
		size           int
		gathers        int
	}{
		"messages":              {3, 1000, 1, 3},
		"bytes":                 {100, 10, 4, 2},
		"larger than the bound": {100, 10, 50, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				broker := &gate{}
				g := newGroup(broker, test.packets, test.bytes)
				g.timeout = time.Hour
				text := func(i int) string { return fmt.Sprintf("%-*d", test.size, i) }
				under := sending(t.Context(), g, text(0))
				for i := range test.gathers {
					sending(t.Context(), g, text(i+1))
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				for i := range 20 {
					begun := time.Now()
					short, cancel := context.WithTimeout(ctx, time.Second)
					called := false
					_, err := g.send(short, test.size, func(payloads []byte) (Packet, []byte) {
						called = true
						return Packet{}, append(payloads, text(100+i)...)
					})
					cancel()
					if !errors.Is(err, ErrBusy) || !errors.Is(err, context.DeadlineExceeded) {
						t.Fatalf("send into a full group returned %v", err)
					}
					if called {
						t.Error("the packet was made, and took a number, though there was no room")
					}
					if waited := time.Since(begun); waited != time.Second {
						t.Errorf("send waited %s for room, its context had a second", waited)
					}
				}
				if got := len(g.next.packets); got != test.gathers {
					t.Errorf("%d packets have gathered, the bound is %d", got, test.gathers)
				}
				late := sending(t.Context(), g, text(50)) // waits for room
				broker.open <- nil
				broker.open <- nil
				broker.open <- nil
				if err := errors.Join(<-under, <-late); err != nil {
					t.Error(err)
				}
				g.close()
			})
		})
	}
}

func TestGroupErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broker := &gate{}
		g := newGroup(broker, 100, 1000)
		first := sending(t.Context(), g, "1")
		rest := sending(t.Context(), g, "2", "3")
		broker.open <- nil
		refused := errors.New("refused")
		broker.open <- refused
		if err := <-first; err != nil {
			t.Errorf("the first batch: %v", err)
		}
		// The broker has packet 2 and says so.
		failures := 0
		for range 2 {
			if err := <-rest; err != nil {
				failures++
				if !errors.Is(err, ErrNotPublished) || !errors.Is(err, refused) {
					t.Errorf("the error is %v", err)
				}
			}
		}
		if failures != 1 {
			t.Errorf("%d of 2 sends failed; the broker had one of them", failures)
		}

		// A broker that hangs costs one publish its time.
		begun := time.Now()
		_, err := send(t.Context(), g, "4")
		if !errors.Is(err, ErrNotPublished) || !errors.Is(err, errPublishTimeout) || time.Since(begun) != time.Second {
			t.Errorf("a publish that hangs: %v after %s", err, time.Since(begun))
		}

		// A caller that goes away does not wait; what it sent goes out.
		ctx, cancel := context.WithCancel(t.Context())
		left := sending(ctx, g, "5")
		cancel()
		if err := <-left; !errors.Is(err, ErrNotPublished) || !errors.Is(err, context.Canceled) {
			t.Errorf("a caller that goes away: %v", err)
		}
		next := sending(t.Context(), g, "6")
		broker.open <- nil
		broker.open <- nil
		if err := <-next; err != nil {
			t.Error(err)
		}
		if got := broker.all(); !slices.Equal(got, []string{"1", "2", "3", "4", "5", "6"}) {
			t.Errorf("published %q", got)
		}
		g.close()
	})
}

func TestGroupCloseDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broker := &gate{}
		g := newGroup(broker, 2, 1000)
		g.timeout = time.Hour
		taken := sending(t.Context(), g, "1", "2", "3")
		waits := sending(t.Context(), g, "4") // for room
		closed := make(chan struct{})
		go func() {
			defer close(closed)
			g.close()
		}()
		synctest.Wait()
		select {
		case <-closed:
			t.Fatal("close returned before what had gathered was published")
		default:
		}
		if _, err := send(t.Context(), g, "5"); !errors.Is(err, ErrClosed) {
			t.Errorf("send after close: %v", err)
		}
		broker.open <- nil
		broker.open <- nil
		<-closed
		for range 3 {
			if err := <-taken; err != nil {
				t.Error(err)
			}
		}
		if err := <-waits; !errors.Is(err, ErrClosed) {
			t.Errorf("a send that waited for room: %v", err)
		}
		if got := broker.all(); !slices.Equal(got, []string{"1", "2", "3"}) {
			t.Errorf("published %q", got)
		}
		g.close()
	})
}

// What is under way and what has gathered is drained, though nothing takes its
// turn for as long as many are under way.
func TestGroupCloseDrainsSeveral(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broker := &gate{}
		g := newGroup(broker, 100, 1000)
		g.few = 2
		taken := sending(t.Context(), g, "1", "2", "3", "4")
		closed := make(chan struct{})
		go func() {
			defer close(closed)
			g.close()
		}()
		synctest.Wait()
		broker.answer(1, nil)
		broker.begun(t, []string{"1"}, []string{"2"}, []string{"3", "4"})
		broker.answer(2, nil)
		select {
		case <-closed:
			t.Fatal("close returned while a batch was under way")
		default:
		}
		broker.answer(0, nil)
		<-closed
		for range 4 {
			if err := <-taken; err != nil {
				t.Error(err)
			}
		}
	})
}

// Under the race detector.
func TestGroupConcurrently(t *testing.T) {
	for _, few := range []int{1, fewPackets} {
		t.Run(fmt.Sprint("few=", few), func(t *testing.T) { testGroupConcurrently(t, few) })
	}
}

func testGroupConcurrently(t *testing.T, few int) {
	var (
		during, underWay atomic.Int32
		published        []string
	)
	g := newGroup(&gate{}, 7, 100)
	g.few = few
	g.begin = func(ctx context.Context, packets []Packet) func() error {
		if during.Add(1) > 1 {
			t.Error("two batches begin at a time")
		}
		defer during.Add(-1)
		if n := underWay.Add(1); n > int32(few) {
			t.Errorf("%d batches are under way", n)
		}
		if len(packets) == 0 || len(packets) > 7 {
			t.Errorf("a batch of %d", len(packets))
		}
		for i := range packets {
			published = append(published, string(packets[i].Payload))
		}
		return func() error {
			runtime.Gosched()
			for i := range packets {
				packets[i].Done, packets[i].Nodes = true, 1
			}
			underWay.Add(-1)
			return nil
		}
	}
	const senders, count = 16, 200
	var running sync.WaitGroup
	for s := range senders {
		running.Go(func() {
			for i := range count {
				packet, err := send(t.Context(), g, fmt.Sprintf("%d %d", s, i))
				if err != nil || packet.Nodes < 1 {
					t.Errorf("send: %+v, %v", packet, err)
				}
			}
		})
	}
	running.Wait()
	g.close()
	next := make([]int, senders)
	for _, text := range published {
		var s, i int
		if _, err := fmt.Sscanf(text, "%d %d", &s, &i); err != nil {
			t.Fatal(err)
		}
		if i != next[s] {
			t.Fatalf("sender %d: packet %d came as %d", s, i, next[s])
		}
		next[s]++
	}
	if len(published) != senders*count {
		t.Errorf("published %d, want %d", len(published), senders*count)
	}
}
