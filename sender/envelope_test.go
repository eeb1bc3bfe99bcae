package sender

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/websocket"
)

func message(to websocket.Target, content string) envelope {
	return envelope{
		kind:    kindMessage,
		origin:  origin{"node1", 1_700_000_000_000_000_000},
		number:  300,
		time:    time.UnixMilli(1_700_000_000_123),
		target:  to,
		message: websocket.Message{Type: "notice", Key: "k", Content: []byte(content)},

		traceParent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
	}
}

func TestEnvelopeRoundTrip(t *testing.T) {
	longest := strings.Repeat("é", websocket.MaxNameLength/2)
	tests := map[string]envelope{
		"all":      message(websocket.ToAll(), `{"a":1}`),
		"session":  message(websocket.ToSession("node2-abc"), "1"),
		"user":     message(websocket.ToUser(websocket.Admin, "a/b c"), "1"),
		"type":     message(websocket.ToUserType(-1), "1"),
		"key":      message(websocket.ToKey("ключ"), "1"),
		"filters":  message(websocket.ToAll().InTenant("t&x=?").Except("node1-x"), "1"),
		"longest":  message(websocket.ToKey(longest).InTenant(longest).Except(longest), "1"),
		"empty":    message(websocket.ToAll(), ""),
		"binary":   message(websocket.ToAll(), "\x00\xff\xfe"),
		"large":    message(websocket.ToAll(), strings.Repeat("x", 1<<20)),
		"untraced": func() envelope { e := message(websocket.ToAll(), "1"); e.traceParent = ""; return e }(),
		"routed":   func() envelope { e := message(websocket.ToAll(), "1"); e.number = 0; return e }(),
		"highest": func() envelope {
			e := message(websocket.ToAll(), "1")
			e.number, e.origin.start = 1<<64-1, -1
			e.origin.node = strings.Repeat("n", maxNodeName)
			return e
		}(),
		"probe": {kind: kindProbe, origin: origin{"n", 1}, number: 7, time: time.UnixMilli(5)},
		"leave": {kind: kindLeave, origin: origin{"n", 1}, number: 7, time: time.UnixMilli(5)},
	}
	for name, e := range tests {
		t.Run(name, func(t *testing.T) {
			wire := e.append(nil)
			if len(wire) > e.size() {
				t.Errorf("the wire form takes %d bytes, size says at most %d", len(wire), e.size())
			}
			got, err := decodeEnvelope(wire)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.message.Content, e.message.Content) {
				t.Error("the content changed")
			}
			got.message.Content, e.message.Content = nil, nil
			if got.kind != e.kind || got.origin != e.origin || got.number != e.number || !got.time.Equal(e.time) ||
				got.target != e.target || got.message.Type != e.message.Type || got.message.Key != e.message.Key || got.traceParent != e.traceParent {
				t.Errorf("got %+v, want %+v", got, e)
			}
		})
	}
}

// Nodes of different builds run side by side during a deployment, so the bytes
// must not change under a version.
func TestEnvelopeWireForm(t *testing.T) {
	e := message(websocket.ToUser(websocket.Admin, "1024"), `{"a":1}`)
	want := "01" + "01" + // version, kind
		"05" + hex.EncodeToString([]byte("node1")) +
		"17979cfe362a0000" + // start
		"ac02" + // number 300
		"f8c080c1c1c48203" + // time
		"0b" + hex.EncodeToString([]byte("user/2/1024")) +
		"06" + hex.EncodeToString([]byte("notice")) +
		"01" + hex.EncodeToString([]byte("k")) +
		"37" + hex.EncodeToString([]byte(e.traceParent)) +
		hex.EncodeToString([]byte(`{"a":1}`))
	if got := hex.EncodeToString(e.append(nil)); got != want {
		t.Errorf("the wire form is\n%s, want\n%s", got, want)
	}
}

func TestDecodeDoesNotCopyContent(t *testing.T) {
	e := message(websocket.ToAll(), "content")
	wire := e.append(nil)
	got, err := decodeEnvelope(wire)
	if err != nil {
		t.Fatal(err)
	}
	wire[len(wire)-1] = 'X'
	if string(got.message.Content) != "contenX" {
		t.Error("the content was copied")
	}
}

func TestDecodeForeign(t *testing.T) {
	e := message(websocket.ToAll(), "")
	wire := e.append(nil)
	for n := range len(wire) {
		if _, err := decodeEnvelope(wire[:n]); !errors.Is(err, errForeign) {
			t.Errorf("cut to %d of %d bytes: %v", n, len(wire), err)
		}
	}
	probe := (&envelope{kind: kindProbe, origin: origin{"node1", 1}, time: time.UnixMilli(1)}).append(nil)
	with := func(e envelope) []byte { return e.append(nil) }
	tests := map[string]struct {
		wire []byte
		err  error
	}{
		"next version":   {append([]byte{envelopeVersion + 1}, wire[1:]...), errUnknownVersion},
		"version zero":   {append([]byte{0}, wire[1:]...), errUnknownVersion},
		"unknown kind":   {[]byte{envelopeVersion, 9, 1, 'n', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, errUnknownVersion},
		"json":           {[]byte(`{"type":"notice"}`), errUnknownVersion},
		"no origin":      {with(envelope{kind: kindProbe, time: time.UnixMilli(1)}), errForeign},
		"long origin":    {with(envelope{kind: kindProbe, origin: origin{strings.Repeat("n", maxNodeName+1), 1}, time: time.UnixMilli(1)}), errForeign},
		"zero target":    {with(envelope{kind: kindMessage, origin: origin{"n", 1}, time: time.UnixMilli(1)}), errForeign},
		"bad target":     {bytes.Replace(wire, []byte("all"), []byte("alL"), 1), errForeign},
		"long uvarint":   {append([]byte{envelopeVersion, 1}, bytes.Repeat([]byte{0xff}, 11)...), errForeign},
		"length too big": {binary.AppendUvarint([]byte{envelopeVersion, 1}, 1<<63), errForeign},
		"text too long":  {[]byte{envelopeVersion, 1, 5, 'n'}, errForeign},
	}
	for name, test := range tests {
		if e, err := decodeEnvelope(test.wire); !errors.Is(err, test.err) {
			t.Errorf("%s: %v, want %v", name, err, test.err)
		} else if e.kind != 0 || e.message.Content != nil {
			t.Errorf("%s: an envelope came with the error", name)
		}
	}
	// A later build may append to what is not a message.
	if _, err := decodeEnvelope(append(probe, "more"...)); err != nil {
		t.Errorf("a probe with more behind it: %v", err)
	}
}

// Anybody who can write to the topic chooses these bytes.
func FuzzDecodeEnvelope(f *testing.F) {
	for _, e := range []envelope{
		message(websocket.ToAll().InTenant("t").Except("n-1"), "content"),
		message(websocket.ToUser(2, "1024"), ""),
		{kind: kindProbe, origin: origin{"n", 1}, time: time.UnixMilli(1)},
		{kind: kindLeave, origin: origin{"n", 1}, time: time.UnixMilli(1)},
	} {
		wire := e.append(nil)
		f.Add(wire)
		f.Add(wire[:len(wire)-1])
	}
	f.Add([]byte{})
	f.Add([]byte{envelopeVersion, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f})
	f.Fuzz(func(t *testing.T, wire []byte) {
		before := bytes.Clone(wire)
		e, err := decodeEnvelope(wire)
		if !bytes.Equal(wire, before) {
			t.Fatal("decoding changed its input")
		}
		if err != nil {
			if !errors.Is(err, errForeign) && !errors.Is(err, errUnknownVersion) {
				t.Fatalf("the error is %v", err)
			}
			return
		}
		if e.kind == kindMessage {
			if err := e.target.Validate(); err != nil {
				t.Fatalf("a decoded target is invalid: %v", err)
			}
		}
		again, err := decodeEnvelope(e.append(nil))
		if err != nil {
			t.Fatalf("its own encoding is not decoded: %v", err)
		}
		if again.kind != e.kind || again.origin != e.origin || again.number != e.number || !again.time.Equal(e.time) || again.target != e.target ||
			again.message.Type != e.message.Type || again.message.Key != e.message.Key || again.traceParent != e.traceParent || !bytes.Equal(again.message.Content, e.message.Content) {
			t.Fatalf("%+v became %+v", e, again)
		}
		if len(e.append(nil)) > e.size() {
			t.Fatal("the wire form is larger than size says")
		}
	})
}
