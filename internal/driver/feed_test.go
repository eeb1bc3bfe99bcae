package driver_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/switchboard-go/switchboard/internal/driver"
	"github.com/switchboard-go/switchboard/internal/drivertest"
	"github.com/switchboard-go/switchboard/sender"
)

var errBroken = errors.New("broken")

// received returns all that waits, news of the links as "down" and "up".
func received(t *testing.T, f *driver.Feed) (all []string) {
	t.Helper()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for {
		event, err := f.Receive(ended)
		if errors.Is(err, context.Canceled) {
			if _, bytes := f.Depth(); bytes != 0 {
				t.Errorf("%d bytes are counted in an empty feed", bytes)
			}
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, drivertest.Text(event))
	}
}

func expect(t *testing.T, f *driver.Feed, want ...string) {
	t.Helper()
	if got := received(t, f); !slices.Equal(got, want) {
		t.Errorf("received %.200q, want %.200q", got, want)
	}
}

func TestReceiveWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		open, end := context.WithCancel(t.Context())
		f := driver.NewFeed(open)
		results := make(chan error, 1)
		receive := func(ctx context.Context) {
			go func() {
				_, err := f.Receive(ctx)
				results <- err
			}()
			synctest.Wait()
		}
		receive(t.Context())
		f.Push([]byte("x"))
		if err := <-results; err != nil {
			t.Errorf("of a packet Receive returned %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		receive(ctx)
		cancel()
		if err := <-results; !errors.Is(err, context.Canceled) {
			t.Errorf("of its context's end Receive returned %v", err)
		}
		receive(t.Context())
		end()
		if err := <-results; !errors.Is(err, sender.ErrClosed) {
			t.Errorf("of the driver's end Receive returned %v", err)
		}
		f.Push([]byte("x"))
		if _, err := f.Receive(t.Context()); !errors.Is(err, sender.ErrClosed) {
			t.Errorf("after the driver's end Receive returned %v", err)
		}
	})
}

func TestAwaitRoom(t *testing.T) {
	for name, fill := range map[string]func(*driver.Feed){
		"packets": func(f *driver.Feed) { f.Push(make([][]byte, driver.MaxPackets)...) },
		"bytes":   func(f *driver.Feed) { f.Push(make([]byte, driver.MaxBytes)) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := driver.NewFeed(t.Context())
				if err := f.AwaitRoom(t.Context()); err != nil {
					t.Fatal(err)
				}
				fill(f)
				ended, cancel := context.WithCancel(t.Context())
				cancel()
				if err := f.AwaitRoom(ended); !errors.Is(err, context.Canceled) {
					t.Fatalf("of a full feed AwaitRoom returned %v", err)
				}
				waited := make(chan error, 2)
				for range 2 { // each reader of a driver
					go func() { waited <- f.AwaitRoom(t.Context()) }()
				}
				synctest.Wait()
				if len(waited) > 0 {
					t.Fatal("AwaitRoom returned before there was room")
				}
				if _, err := f.Receive(t.Context()); err != nil {
					t.Fatal(err)
				}
				for range 2 {
					if err := <-waited; err != nil {
						t.Error(err)
					}
				}
			})
		})
	}
}

// What is received of is up when all links are.
func TestSeveralLinks(t *testing.T) {
	f := driver.NewFeed(t.Context())
	f.LinkUp(0) // which was not down
	f.LinkDown(0, errBroken)
	f.LinkDown(1, errBroken)
	f.LinkDown(0, errBroken)
	f.Push([]byte("of the third"))
	f.LinkUp(0)
	f.LinkUp(0)
	f.Push([]byte("still down"))
	f.LinkUp(1)
	f.Push([]byte("up again"))
	expect(t, f, "down", "of the third", "still down", "up", "up again")
}

func TestALinkThatComesAndGoesFillsNothing(t *testing.T) {
	f := driver.NewFeed(t.Context())
	f.Push([]byte("a"))
	for range 1000 {
		f.LinkDown(0, errBroken)
		f.LinkUp(0)
	}
	f.Push([]byte("b"))
	expect(t, f, "a", "down", "up", "b")
	f.LinkDown(0, errBroken)
	expect(t, f, "down")
	f.LinkUp(0)
	f.LinkDown(0, errBroken) // LinkDown was received, so it cannot be taken back
	expect(t, f, "up", "down")
}

func TestOverflowIsAGap(t *testing.T) {
	f := driver.NewFeed(t.Context())
	for i := range driver.MaxPackets + 10 {
		f.Offer([]byte(strconv.Itoa(i)))
	}
	got := received(t, f)
	if len(got) != driver.MaxPackets+2 || got[0] != "0" || got[driver.MaxPackets-1] != strconv.Itoa(driver.MaxPackets-1) ||
		!slices.Equal(got[driver.MaxPackets:], []string{"down", "up"}) {
		t.Fatalf("received %d events, the last %q", len(got), got[max(0, len(got)-3):])
	}
	f.Offer([]byte("after"))
	expect(t, f, "after")
}

// Once something is lost, what comes is lost until the receiver has been told:
// otherwise the gap would be reported behind what came after it.
func TestNothingIsLostAfterTheReport(t *testing.T) {
	f := driver.NewFeed(t.Context())
	large := []byte(strings.Repeat("x", driver.MaxBytes/2))
	f.Offer(large)
	f.Offer(large)
	f.Offer([]byte("lost"))
	if _, err := f.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.Offer([]byte("lost too"))
	expect(t, f, string(large), "down", "up")
}

func TestOverflowWhileALinkBreaks(t *testing.T) {
	fill := func(f *driver.Feed) {
		for range driver.MaxPackets + 1 {
			f.Offer([]byte("x"))
		}
	}
	t.Run("down before it is read", func(t *testing.T) {
		f := driver.NewFeed(t.Context())
		fill(f)
		f.LinkDown(0, errBroken)
		if got := received(t, f)[driver.MaxPackets:]; !slices.Equal(got, []string{"down"}) {
			t.Fatalf("received %q, want down", got)
		}
		f.LinkUp(0)
		f.Offer([]byte("after"))
		expect(t, f, "up", "after")
	})
	t.Run("down and up before it is read", func(t *testing.T) {
		f := driver.NewFeed(t.Context())
		fill(f)
		f.LinkDown(0, errBroken)
		f.LinkUp(0)
		if got := received(t, f)[driver.MaxPackets:]; !slices.Equal(got, []string{"down", "up"}) {
			t.Fatalf("received %q, want down and up", got)
		}
	})
	t.Run("down before it overflows", func(t *testing.T) {
		f := driver.NewFeed(t.Context())
		f.LinkDown(0, errBroken)
		fill(f)
		f.LinkUp(0)
		if got := received(t, f); got[0] != "down" || !slices.Equal(got[driver.MaxPackets:], []string{"down", "up"}) {
			t.Fatalf("received %q first and %q last", got[0], got[driver.MaxPackets:])
		}
	})
}
