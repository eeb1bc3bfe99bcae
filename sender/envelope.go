package sender

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/switchboard-go/switchboard/websocket"
)

// envelopeVersion is the first byte of every envelope.
const envelopeVersion = 1

// envelopeKind says what an envelope is for.
type envelopeKind uint8

const (
	// kindMessage carries a message to sessions.
	kindMessage envelopeKind = 1
	// kindProbe tells that its origin lives, and how far its numbers are.
	kindProbe envelopeKind = 2
	// kindLeave tells that its origin shuts down.
	kindLeave envelopeKind = 3
	// kindPack carries several envelopes, see publishPacked.
	kindPack envelopeKind = 4
)

// envelope is what one node tells others. On the wire:
//
//	version  1 byte, 1
//	kind     1 byte
//	origin   node name, text
//	start    when the origin started, unix nanoseconds, 8 bytes big-endian
//	number   uvarint; 0 where the envelope does not go to all nodes
//	time     when it was made, unix microseconds, uvarint
//	target   Target's text form, text; kindMessage only, like what follows
//	type     text
//	key      text
//	trace    text; the traceparent of the W3C Trace Context, or empty
//	content  the rest
//
// where text is its length as a uvarint and its bytes, and uvarint is that of
// encoding/binary. The number of a probe is that of its origin's last numbered
// envelope, so that a loss at the end is noticed too.
type envelope struct {
	kind    envelopeKind
	origin  origin
	number  uint64
	time    time.Time
	target  websocket.Target
	message websocket.Message
	// traceParent is empty where the send makes no span.
	traceParent string

	text string // what targetText has made
}

// origin is one life of a node: a node that starts again is another origin.
type origin struct {
	node  string
	start int64
}

// Errors of decoding an envelope.
var (
	errForeign        = errors.New("not an envelope")
	errUnknownVersion = errors.New("envelope of another version")
)

// maxNodeName is the longest node name in bytes, as websocket.NewSessionManager has it.
const maxNodeName = 64

// headerSize is the most that an envelope needs beside its texts and content.
const headerSize = 2 + 8 + 2*binary.MaxVarintLen64 + 5*binary.MaxVarintLen32

// targetText returns the target's text form, which it makes once.
func (e *envelope) targetText() string {
	if e.text == "" {
		e.text = e.target.String()
	}
	return e.text
}

// size returns the most that the wire form takes, in bytes.
func (e *envelope) size() int {
	return headerSize + len(e.origin.node) + len(e.targetText()) + len(e.message.Type) + len(e.message.Key) + len(e.traceParent) + len(e.message.Content)
}

// append appends the wire form.
func (e *envelope) append(b []byte) []byte {
	b = append(b, envelopeVersion, byte(e.kind))
	b = appendText(b, e.origin.node)
	b = binary.BigEndian.AppendUint64(b, uint64(e.origin.start))
	b = binary.AppendUvarint(b, e.number)
	b = binary.AppendUvarint(b, uint64(e.time.UnixMicro()))
	if e.kind != kindMessage {
		return b
	}
	b = appendText(b, e.targetText())
	b = appendText(b, e.message.Type)
	b = appendText(b, e.message.Key)
	b = appendText(b, e.traceParent)
	return append(b, e.message.Content...)
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// decodeEnvelope reads the wire form. The message's content is a part of b.
func decodeEnvelope(b []byte) (envelope, error) {
	if len(b) < 2 {
		return envelope{}, errForeign
	}
	if b[0] != envelopeVersion {
		return envelope{}, errUnknownVersion
	}
	e := envelope{kind: envelopeKind(b[1])}
	d := decoder{all: b, rest: b[2:]}
	var target, messageType, key, trace text
	node := d.text()
	e.origin.start = int64(d.uint64())
	e.number = d.uvarint()
	e.time = time.UnixMicro(int64(d.uvarint()))
	switch e.kind {
	case kindProbe, kindLeave:
	case kindMessage:
		target, messageType, key, trace = d.text(), d.text(), d.text(), d.text()
	default:
		return envelope{}, errUnknownVersion
	}
	if d.failed {
		return envelope{}, errForeign
	}
	head := string(b[:len(b)-len(d.rest)]) // has all texts: one allocation instead of five
	e.origin.node = node.in(head)
	if e.origin.node == "" || len(e.origin.node) > maxNodeName {
		return envelope{}, errForeign
	}
	if e.kind == kindMessage {
		var err error
		if e.target, err = websocket.ParseTarget(target.in(head)); err != nil {
			return envelope{}, fmt.Errorf("%w: %w", errForeign, err)
		}
		e.message = websocket.Message{Type: messageType.in(head), Key: key.in(head), Content: d.rest}
		e.traceParent = trace.in(head)
	}
	return e, nil
}

// text is where a text is in an envelope.
type text struct{ begin, end int }

func (t text) in(head string) string { return head[t.begin:t.end] }

// decoder reads fields; after the first that is cut short all are zero.
type decoder struct {
	all, rest []byte
	failed    bool
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.rest)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) uint64() uint64 {
	if len(d.rest) < 8 {
		d.fail()
		return 0
	}
	v := binary.BigEndian.Uint64(d.rest)
	d.rest = d.rest[8:]
	return v
}

// text skips a text and returns where it is.
func (d *decoder) text() text {
	n := d.uvarint()
	if n > uint64(len(d.rest)) {
		d.fail()
		return text{}
	}
	begin := len(d.all) - len(d.rest)
	d.rest = d.rest[n:]
	return text{begin, begin + int(n)}
}

func (d *decoder) fail() { d.rest, d.failed = nil, true }
