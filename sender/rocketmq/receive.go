package rocketmq

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/apache/rocketmq-client-go/v2/primitive"
)

// refreshInterval is how often the name servers are asked for new queues.
const refreshInterval = 10 * time.Second

// reader reads all queues of the topic, over a link to each broker.
type reader struct {
	b     *Broker
	began time.Time
	heard publishers
	links map[string]*link // by the broker's name; belongs to run after the start
}

// read begins to receive what is published from now on.
func (b *Broker) read(ctx context.Context) (err error) {
	r := &reader{b: b, began: time.Now(), links: make(map[string]*link)}
	r.heard.heard = make(map[uint64]heard)
	route, err := b.client.ensure(ctx)
	if err != nil {
		return err
	}
	if len(route.read) == 0 {
		return errors.New("no queue of the topic can be read")
	}
	defer func() {
		if err != nil {
			for _, l := range r.links {
				l.disconnect()
			}
		}
	}()
	for broker, queues := range route.read {
		l := &link{r: r, broker: broker, addr: route.reader(broker)}
		l.queues.Store(int32(queues))
		r.links[broker] = l
		if err := l.begin(ctx, route.writable(broker)); err != nil {
			return fmt.Errorf("broker %s at %s: %w", broker, l.addr, err)
		}
	}
	for _, l := range r.links {
		l.start()
	}
	b.receiving.Go(r.run)
	return nil
}

// run looks for new queues and brokers until Close.
func (r *reader) run() {
	ticker := time.NewTicker(refreshInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-r.b.open.Done():
			return
		}
		if route, err := r.b.client.route(r.b.open, r.b.client.Topic); err == nil {
			r.refresh(route)
		}
	}
}

// refresh reads what is new in a route.
func (r *reader) refresh(route *route) {
	for broker, queues := range route.read {
		l := r.links[broker]
		if l == nil {
			l = &link{r: r, broker: broker}
			r.links[broker] = l
		}
		if int32(queues) > l.queues.Load() {
			l.queues.Store(int32(queues))
		}
		if !l.runs.Load() {
			l.addr = route.reader(broker)
			l.start()
		}
	}
}

// hand hands on the packets of messages from an offset on. What others write to
// the topic is handed on as it is.
func (r *reader) hand(messages []*primitive.MessageExt, from int64) {
	now := time.Now()
	payloads := make([][]byte, 0, len(messages))
	for _, m := range messages {
		if m.QueueOffset < from || len(m.Body) == 1 && m.Body[0] == kindMark {
			continue
		}
		s, payload, ok := parseBody(m.Body)
		if !ok {
			payload = m.Body
		} else if !r.heard.isNew(s, now) {
			continue
		}
		// Cloned, as they are parts of what has come together, which one of them
		// would keep, and into which who appends to one would write.
		payloads = append(payloads, append(make([]byte, 0, len(payload)), payload...))
	}
	r.b.feed.Push(payloads...)
}

// decode decodes the messages of a pull. Compressed ones, which are others', stay
// as they are: nobody knows how large they would become.
func decode(body []byte) (messages []*primitive.MessageExt, err error) {
	const flags, compressed = 36, 1
	for rest := body; len(rest) > 0; {
		if len(rest) < flags+4 {
			return nil, errBroken
		}
		size := binary.BigEndian.Uint32(rest)
		if size < flags+4 || uint64(size) > uint64(len(rest)) {
			return nil, errBroken
		}
		rest[flags+3] &^= compressed
		rest = rest[size:]
	}
	// The client's decoder panics on what is broken further in.
	defer func() {
		if recover() != nil {
			messages, err = nil, errBroken
		}
	}()
	return primitive.DecodeMessage(body), nil
}

var errBroken = errors.New("messages that cannot be decoded")
