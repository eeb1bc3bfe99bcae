package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/fetch"
	"github.com/segmentio/kafka-go/protocol/listoffsets"
)

const (
	// fetchWait is how long a broker holds a read that finds nothing. It is well
	// below ioTimeout, after which the link is taken to be broken.
	fetchWait = 500 * time.Millisecond
	// fetchBytes is how much a read takes, and a whole batch where one has more.
	fetchBytes = 1 << 20
)

// The positions, and what they are called in ListOffsets.
const (
	atEnd   int64 = -1
	atStart int64 = -2
)

// partition reads a partition, over one connection after the other.
type partition struct {
	b    *Broker
	id   int32
	conn *conn // nil where there is none
	// next is the offset of what is read next, or atEnd or atStart.
	next int64
}

// run reads until Close, or until the topic has no such partition any more.
func (p *partition) run() {
	open := p.b.open
	for attempt := 0; ; attempt++ {
		err := p.resume(open)
		if err == nil {
			p.b.feed.LinkUp(p.id)
			attempt = 0
			err = p.follow(open)
		}
		p.disconnect()
		switch {
		case open.Err() != nil:
			return
		case errors.Is(err, errGone):
			p.b.reading.remove(p.id)
			p.b.feed.LinkUp(p.id)
			return
		}
		p.b.feed.LinkDown(p.id, fmt.Errorf("%s, partition %d: %w", p.b.where, p.id, err))
		pause(open, attempt)
	}
}

// resume connects to the leader where there is no connection.
func (p *partition) resume(ctx context.Context) error {
	if p.conn != nil {
		return nil
	}
	l, err := p.b.locate(ctx)
	if err != nil {
		return err
	}
	return p.connect(ctx, l)
}

// connect connects to the leader and finds the position to read on from.
func (p *partition) connect(ctx context.Context, l layout) error {
	leader, err := l.leader(p.id)
	if err != nil {
		return err
	}
	if p.conn, err = p.b.dialer.connect(ctx, leader); err != nil {
		return err
	}
	if err = p.place(ctx); err != nil {
		p.disconnect()
	}
	return err
}

func (p *partition) disconnect() {
	if p.conn != nil {
		p.conn.close()
		p.conn = nil
	}
}

// place finds the position. One that the partition does not reach to is that of a
// topic that has been deleted and made again, or of a leader that has lost what
// it had: all that there is may be new, and what is not has numbers that are known.
// Of one that retention has passed, the earliest is what there is.
func (p *partition) place(ctx context.Context) error {
	end, err := p.offset(ctx, atEnd)
	if err != nil {
		return err
	}
	if p.next == atEnd {
		p.next = end
		return nil
	}
	start, err := p.offset(ctx, atStart)
	if err != nil {
		return err
	}
	if p.next < start || p.next > end {
		p.next = start
	}
	return nil
}

// offset returns the offset that is atStart or atEnd.
func (p *partition) offset(ctx context.Context, position int64) (int64, error) {
	answer, err := ask[*listoffsets.Response](ctx, p.conn, &listoffsets.Request{
		ReplicaID: -1,
		Topics: []listoffsets.RequestTopic{{
			Topic:      p.b.config.Topic,
			Partitions: []listoffsets.RequestPartition{{Partition: p.id, CurrentLeaderEpoch: -1, Timestamp: position}},
		}},
	})
	switch {
	case err != nil:
		return 0, err
	case len(answer.Topics) != 1 || len(answer.Topics[0].Partitions) != 1:
		return 0, p.conn.refused(int16(kafkago.UnknownTopicOrPartition), "")
	}
	found := answer.Topics[0].Partitions[0]
	if found.ErrorCode != 0 {
		return 0, p.conn.refused(found.ErrorCode, "")
	}
	return found.Offset, nil
}

// follow reads until something breaks.
func (p *partition) follow(ctx context.Context) error {
	for {
		if err := p.b.feed.AwaitRoom(ctx); err != nil {
			return err
		}
		if !p.conn.usable() { // its time is over, and the link is not
			p.disconnect()
			if err := p.resume(ctx); err != nil {
				return err
			}
		}
		if err := p.fetch(ctx); err != nil {
			return err
		}
	}
}

// fetch reads what comes next, waiting for it for a while.
func (p *partition) fetch(ctx context.Context) error {
	answer, err := ask[*fetch.Response](ctx, p.conn, &fetch.Request{
		ReplicaID:    -1,
		MaxWaitTime:  milliseconds(fetchWait),
		MinBytes:     1,
		MaxBytes:     fetchBytes,
		SessionID:    -1,
		SessionEpoch: -1,
		Topics: []fetch.RequestTopic{{
			Topic: p.b.config.Topic,
			Partitions: []fetch.RequestPartition{{
				Partition:          p.id,
				CurrentLeaderEpoch: -1,
				FetchOffset:        p.next,
				LogStartOffset:     -1,
				PartitionMaxBytes:  fetchBytes,
			}},
		}},
	})
	if err != nil {
		return err
	}
	p.conn.throttle(answer.ThrottleTimeMs)
	switch {
	case answer.ErrorCode != 0:
		return p.conn.refused(answer.ErrorCode, "")
	case len(answer.Topics) == 0 && answer.ThrottleTimeMs > 0:
		return nil // a quota is used up: it is to be asked again
	case len(answer.Topics) != 1 || len(answer.Topics[0].Partitions) != 1:
		return p.conn.refused(int16(kafkago.UnknownTopicOrPartition), "")
	}
	read := answer.Topics[0].Partitions[0]
	if read.ErrorCode != 0 {
		return p.conn.refused(read.ErrorCode, "")
	}
	stream, ok := read.RecordSet.Records.(*protocol.RecordStream)
	if !ok {
		return nil // there is nothing
	}
	for _, batch := range stream.Records {
		if err := p.take(batch); err != nil {
			return fmt.Errorf("offset %d: %w", p.next, err)
		}
	}
	return nil
}

// take hands the records of a batch on. A batch may begin before the position.
func (p *partition) take(batch protocol.RecordReader) error {
	_, control := batch.(*protocol.ControlBatch) // the end of a transaction: not ours
	var payloads [][]byte
	defer func() { p.b.feed.Push(payloads...) }()
	for {
		record, err := batch.ReadRecord()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		payload, err := content(record)
		if err != nil {
			return err
		}
		if record.Offset < p.next {
			continue
		}
		p.next = record.Offset + 1
		if !control {
			payloads = append(payloads, payload)
		}
	}
	// A batch that compaction has emptied.
	if b, ok := batch.(interface{ Offset() int64 }); ok && p.next <= b.Offset() {
		p.next = b.Offset() + 1
	}
	return nil
}

// content returns a copy of a record's value. No value is an empty one.
func content(record *protocol.Record) ([]byte, error) {
	if record.Key != nil {
		defer record.Key.Close() //nolint:errcheck // it gives memory back
	}
	if record.Value == nil {
		return []byte{}, nil
	}
	defer record.Value.Close() //nolint:errcheck // it gives memory back
	return protocol.ReadAll(record.Value)
}
