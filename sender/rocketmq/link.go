package rocketmq

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync/atomic"
	"time"
)

const (
	// pullTime is how long a broker holds a pull that finds nothing.
	pullTime = 15 * time.Second
	// pullMessages is how many a pull asks for. A broker gives 32 by default.
	pullMessages = 256
	// pingInterval is how long nothing may come before the broker is asked for a
	// sign of life, maxSilence how often it may give none.
	pingInterval = time.Second
	maxSilence   = 3

	firstRetry = 50 * time.Millisecond
	lastRetry  = time.Second
)

// link reads the queues of a broker.
type link struct {
	r      *reader
	broker string
	addr   string // where the broker was found last
	conn   *conn
	// next is, by queue, the offset to read from; negative where it is not known
	// yet.
	next []int64
	// queues is how many there are to read, which can come to be more.
	queues atomic.Int32
	runs   atomic.Bool
}

// begin connects and finds out where the queues end. A queue that can be written
// to gets a mark: what is before it was published before.
func (l *link) begin(ctx context.Context, writable int) (err error) {
	if l.conn, err = l.r.b.client.dial(ctx, l.addr); err != nil {
		return err
	}
	l.next = make([]int64, l.queues.Load())
	for id := range l.next {
		if id < writable {
			if l.next[id], err = l.r.b.client.put(ctx, l.conn, id, [][]byte{{kindMark}}); err != nil {
				return err
			}
			l.next[id]++
		}
	}
	// The broker's own word is some milliseconds late. Until it has reached the
	// mark, a pull from there would be sent back to what was before.
	for id := range l.next {
		for {
			end, err := l.end(ctx, id)
			if err != nil {
				return err
			}
			if end >= l.next[id] {
				if id >= writable {
					l.next[id] = end
				}
				break
			}
			<-time.After(time.Millisecond)
		}
	}
	return nil
}

// end asks the broker for the end of a queue.
func (l *link) end(ctx context.Context, id int) (int64, error) {
	a, err := l.conn.call(ctx, l.maxOffset(id))
	if err != nil {
		return 0, err
	}
	if a.Code != codeSuccess {
		return 0, a.refusal()
	}
	return a.integer("offset")
}

func (l *link) maxOffset(id int) request {
	return request{code: codeMaxOffset, fields: map[string]string{"topic": l.r.b.client.Topic, "queueId": strconv.Itoa(id)}}
}

// start has the link work, from where it was.
func (l *link) start() {
	l.runs.Store(true)
	l.r.b.receiving.Go(l.run)
}

// run reads until Close, or until the broker is down and the topic has others.
func (l *link) run() {
	defer l.runs.Store(false)
	defer l.disconnect()
	feed, open := l.r.b.feed, l.r.b.open
	for {
		err := errors.New("not connected yet")
		if l.conn != nil {
			err = l.follow(open)
		}
		if open.Err() != nil {
			return
		}
		feed.LinkDown(l, fmt.Errorf("%s: broker %s at %s: %w", l.r.b.client.where(), l.broker, l.addr, err))
		for attempt := 0; err != nil; attempt++ {
			l.disconnect()
			pause(open, attempt)
			if open.Err() != nil {
				return
			}
			if !l.locate(open) {
				feed.LinkUp(l) // nothing is published there
				return
			}
			err = l.connect(open)
		}
		feed.LinkUp(l)
	}
}

// locate finds out where the broker is now. It reports false where the topic has
// gone to other brokers.
func (l *link) locate(ctx context.Context) bool {
	route, err := l.r.b.client.route(ctx, l.r.b.client.Topic)
	if err != nil {
		return true
	}
	if addr := route.reader(l.broker); addr != "" {
		l.addr = addr
		return true
	}
	return len(route.read) == 0
}

// connect makes a connection on which the broker answers.
func (l *link) connect(ctx context.Context) (err error) {
	if l.conn, err = l.r.b.client.dial(ctx, l.addr); err != nil {
		return err
	}
	_, err = l.end(ctx, 0)
	return err
}

func (l *link) disconnect() {
	if l.conn != nil {
		_ = l.conn.Close()
		l.conn = nil
	}
}

// The requests of follow go by these ids: those of pulls are their queues', and
// those of searches are the negative ones below pingID.
const pingID = -1

func searchID(queue int) int32 { return pingID - 1 - int32(queue) }

// follow reads until something breaks. There is one pull for each queue at the
// broker all the time.
func (l *link) follow(open context.Context) error {
	connection := l.conn
	stop := context.AfterFunc(open, func() { _ = connection.Close() })
	defer stop()
	for id, next := range l.next {
		if next < 0 {
			l.next = l.next[:id] // and grow searches again
			break
		}
		if err := l.pull(id); err != nil {
			return err
		}
	}
	for silence := 0; ; {
		if err := l.grow(); err != nil {
			return err
		}
		a, err := connection.await(pingInterval)
		switch {
		case err == nil:
			silence = 0
			if err := l.take(open, a); err != nil {
				return err
			}
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return err
		case silence == maxSilence:
			return fmt.Errorf("it has been silent for %s", maxSilence*pingInterval)
		default:
			silence++
			if err := connection.send(pingID, l.maxOffset(0)); err != nil {
				return err
			}
		}
	}
}

// grow searches for the beginning of new queues: they are read from when the
// node began to receive.
func (l *link) grow() error {
	for id := len(l.next); id < int(l.queues.Load()); id++ {
		if err := l.conn.send(searchID(id), request{code: codeSearchOffset, fields: map[string]string{
			"topic": l.r.b.client.Topic, "queueId": strconv.Itoa(id), "timestamp": strconv.FormatInt(l.r.began.UnixMilli(), 10),
		}}); err != nil {
			return err
		}
		l.next = append(l.next, -1)
	}
	return nil
}

// pull asks the broker for what a queue has, or will have soon.
func (l *link) pull(id int) error {
	const suspend, subscription = 1 << 1, 1 << 2 // wait for messages; what is wanted is in here
	return l.conn.send(int32(id), request{code: codePull, fields: map[string]string{
		"consumerGroup":        l.r.b.client.ConsumerGroup,
		"topic":                l.r.b.client.Topic,
		"queueId":              strconv.Itoa(id),
		"queueOffset":          strconv.FormatInt(l.next[id], 10),
		"maxMsgNums":           strconv.Itoa(pullMessages),
		"sysFlag":              strconv.Itoa(suspend | subscription),
		"commitOffset":         "0",
		"suspendTimeoutMillis": strconv.FormatInt(pullTime.Milliseconds(), 10),
		"subscription":         "*",
		"subVersion":           "0",
		"expressionType":       "TAG",
	}})
}

// take handles an answer and asks for more.
func (l *link) take(open context.Context, a *answer) error {
	if a.Flag&1 == 0 || a.ID == pingID {
		return nil // what a broker asks its clients is not for us
	}
	id := int(a.ID)
	if a.ID < pingID {
		id = int(pingID - 1 - a.ID)
	}
	if id < 0 || id >= len(l.next) {
		return fmt.Errorf("an answer to nothing that was asked, %d", a.ID)
	}
	var err error
	if a.ID < 0 {
		err = l.found(id, a)
	} else {
		err = l.pulled(id, a)
	}
	if err != nil {
		return fmt.Errorf("queue %d: %w", id, err)
	}
	if err := l.r.b.feed.AwaitRoom(open); err != nil {
		return err
	}
	return l.pull(id)
}

// found handles the answer to a search.
func (l *link) found(id int, a *answer) (err error) {
	if a.Code != codeSuccess {
		return a.refusal()
	}
	l.next[id], err = a.integer("offset")
	l.next[id] = max(l.next[id], 0)
	return err
}

// pulled handles the answer to a pull.
func (l *link) pulled(id int, a *answer) error {
	switch a.Code {
	case codeSuccess:
		messages, err := decode(a.body)
		if err != nil {
			return err
		}
		l.r.hand(messages, l.next[id])
	case codePullNotFound, codePullAgain:
	case codePullOffsetMoved:
	default:
		return a.refusal()
	}
	next, err := a.integer("nextBeginOffset")
	if err != nil {
		return err
	}
	if a.Code == codePullOffsetMoved {
		// What was to come has been deleted, or all of the queue has, or a copy
		// that lagged behind has taken over: going on there loses the least.
		l.r.b.feed.LinkDown(l, fmt.Errorf("%s: broker %s: queue %d has no offset %d any more", l.r.b.client.where(), l.broker, id, l.next[id]))
		l.r.b.feed.LinkUp(l)
	}
	l.next[id] = next
	return nil
}

// pause waits before the next try, with jitter, so that the nodes of a cluster do
// not come back all at a time. It returns early when ctx ends.
func pause(ctx context.Context, attempt int) {
	d := min(firstRetry<<min(attempt, 16), lastRetry)
	timer := time.NewTimer(d/2 + rand.N(d/2+1))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
