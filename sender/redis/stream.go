package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

const (
	// blockTime is how long the server holds a read that finds nothing. It is
	// well below ioTimeout, after which the link is taken to be broken.
	blockTime = time.Second
	// A read takes at most twice as many entries as the one before, or fewEntries,
	// and no more than have readBytes where they are like those: Redis bounds a
	// read by its entries only, of which each can have maxPayload.
	maxEntries = 1000
	fewEntries = 16
	readBytes  = 2 << 20

	// beginning is the position before the first entry.
	beginning = "0-0"
)

// reader reads the stream, from its last position on, over one connection after
// the other.
type reader struct {
	b      *Broker
	client *goredis.Client // nil where there is none
	keep   func() bool     // of context.AfterFunc: Close no longer ends the client
	// last is the id of the last entry that was read.
	last string
	// seen: the entry at last was in the stream. While it still is, nothing
	// after it has been trimmed.
	seen bool
	// entries is how many the next read takes at most.
	entries int64
}

// Why entries can be missing.
var (
	errTrimmed  = errors.New("the stream has dropped entries that were not read yet")
	errMadeAnew = errors.New("the stream has been made anew, or has lost its last entries")
)

// read begins to receive in mode stream, with what is published from now on.
func (b *Broker) read(ctx context.Context) error {
	r := &reader{b: b, entries: fewEntries}
	err := r.connect(ctx)
	if err != nil {
		return err
	}
	client := r.client
	stop := context.AfterFunc(ctx, func() { _ = client.Close() })
	r.last, r.seen, err = r.end(ctx)
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		r.disconnect()
		return err
	}
	b.receiving.Go(r.run)
	return nil
}

// run reads until Close.
func (r *reader) run() {
	defer r.disconnect()
	open := r.b.open
	for {
		err := r.follow()
		if open.Err() != nil {
			return
		}
		r.down(err)
		r.entries = 1 // if there were too many to come in time
		for attempt := 0; err != nil; attempt++ {
			r.disconnect()
			r.b.lost()
			pause(open, attempt)
			if open.Err() != nil {
				return
			}
			if err = r.connect(open); err == nil {
				err = r.resume(open)
			}
		}
		r.b.feed.LinkUp(r.b.mode)
	}
}

// connect makes a connection. It is cut off when the broker is closed.
func (r *reader) connect(ctx context.Context) error {
	client, err := r.b.connect(ctx)
	if err != nil {
		return err
	}
	r.client = client
	r.keep = context.AfterFunc(r.b.open, func() { _ = client.Close() })
	return nil
}

func (r *reader) disconnect() {
	if r.client != nil {
		r.keep()
		_ = r.client.Close()
		r.client = nil
	}
}

// follow reads until something breaks.
func (r *reader) follow() error {
	for {
		if err := r.b.feed.AwaitRoom(r.b.open); err != nil {
			return err
		}
		if err := r.next(r.b.open); err != nil {
			return err
		}
	}
}

// next reads the next entries, waiting for some. In the same trip, after it, it
// looks whether the entry before them is there yet: the oldest are dropped first,
// so that then none is missing in between. Redis sends that entry once more.
func (r *reader) next(ctx context.Context) error {
	pipeline := r.client.Pipeline()
	read := pipeline.XRead(ctx, &goredis.XReadArgs{
		Streams: []string{r.b.names.stream(), r.last},
		Count:   r.entries,
		Block:   blockTime,
	})
	previous := pipeline.XRangeN(ctx, r.b.names.stream(), r.last, r.last, 1)
	_, _ = pipeline.Exec(ctx) // the error is one of these
	streams, err := read.Result()
	if err != nil && !errors.Is(err, goredis.Nil) {
		return err
	}
	if previous.Err() != nil {
		return previous.Err()
	}
	gone := r.seen && len(previous.Val()) == 0
	if gone {
		r.down(errTrimmed)
	}
	if gone || !r.seen && len(streams) == 0 { // where the stream went back, nothing would ever come
		if err := r.relocate(ctx); err != nil {
			return err
		}
		r.b.feed.LinkUp(r.b.mode)
		return nil // and read again, from where that has led
	}
	for _, stream := range streams {
		r.take(stream.Messages)
	}
	return nil
}

// down reports that entries can be missing from here on.
func (r *reader) down(err error) {
	r.b.feed.LinkDown(r.b.mode, fmt.Errorf("%s: stream %s: %w", r.b.where, r.b.names.stream(), err))
}

// take hands entries on. One without a packet is not ours; it is handed on as an
// empty packet, which those above count as foreign.
func (r *reader) take(entries []goredis.XMessage) {
	if len(entries) == 0 {
		return
	}
	payloads := make([][]byte, len(entries))
	size := 0
	for i, entry := range entries {
		packet, _ := entry.Values[streamField].(string)
		payloads[i] = []byte(packet)
		size += len(packet)
	}
	r.b.feed.Push(payloads...)
	r.last, r.seen = entries[len(entries)-1].ID, true
	average := size/len(entries) + 1
	r.entries = int64(min(max(2*len(entries), fewEntries), max(readBytes/average, 1), maxEntries))
}

// resume finds the position to read on from after the link was broken.
func (r *reader) resume(ctx context.Context) error {
	if r.seen {
		entries, err := r.client.XRangeN(ctx, r.b.names.stream(), r.last, r.last, 1).Result()
		if err != nil || len(entries) == 1 {
			return err
		}
	}
	return r.relocate(ctx)
}

// relocate finds the position to read on from when the entry at the last one is
// gone. After it there may be entries yet, all those that are left; but in a
// stream that has not come as far, because it was made anew or its server was
// replaced by a copy that lagged behind, all that there are is old.
func (r *reader) relocate(ctx context.Context) error {
	end, there, err := r.end(ctx)
	if err != nil {
		return err
	}
	r.seen = false
	if before(end, r.last) {
		r.down(errMadeAnew)
		r.last, r.seen = end, there
	}
	return nil
}

// end returns the last id that the stream has given to an entry, and whether
// that entry is there.
func (r *reader) end(ctx context.Context) (id string, there bool, err error) {
	info, err := r.client.XInfoStream(ctx, r.b.names.stream()).Result()
	if err == nil {
		return info.LastGeneratedID, info.LastEntry.ID == info.LastGeneratedID, nil
	}
	if strings.Contains(err.Error(), "no such key") {
		return beginning, false, nil
	}
	return "", false, err
}

// before reports whether one id of an entry is before another.
func before(one, other string) bool {
	time1, number1 := parseID(one)
	time2, number2 := parseID(other)
	return time1 < time2 || time1 == time2 && number1 < number2
}

func parseID(id string) (milliseconds, number uint64) {
	first, second, _ := strings.Cut(id, "-")
	milliseconds, _ = strconv.ParseUint(first, 10, 64)
	number, _ = strconv.ParseUint(second, 10, 64)
	return milliseconds, number
}
