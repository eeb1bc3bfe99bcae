package frame_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/switchboard-go/switchboard/bench/frame"
)

func TestFramesAreReadBackHoweverTheyAreCut(t *testing.T) {
	payloads := []string{"", "a", strings.Repeat("b", 125), strings.Repeat("c", 126), strings.Repeat("d", 60000)}
	var stream []byte
	for _, payload := range payloads {
		stream = frame.AppendServer(stream, frame.Text, []byte(payload))
	}
	for _, step := range []int{1, 2, 3, 7, 64, 4096, len(stream)} {
		var rest []byte
		var got []string
		for at := 0; at < len(stream); at += step {
			rest = append(rest, stream[at:min(at+step, len(stream))]...)
			for {
				f, left, ok, err := frame.Next(rest)
				if err != nil {
					t.Fatal(err)
				}
				if !ok {
					break
				}
				if f.Opcode != frame.Text || !f.Fin || f.Compressed {
					t.Fatalf("frame %+v", f)
				}
				got, rest = append(got, string(f.Payload)), left
			}
		}
		if len(rest) != 0 || strings.Join(got, "|") != strings.Join(payloads, "|") {
			t.Errorf("step %d: %d frames, %d bytes left", step, len(got), len(rest))
		}
	}
}

func TestFragments(t *testing.T) {
	for _, test := range []struct {
		bytes  []byte
		opcode byte
		fin    bool
	}{
		{[]byte{0x01, 1, 'a'}, frame.Text, false},
		{[]byte{0x00, 1, 'b'}, frame.Continuation, false},
		{[]byte{0x80, 1, 'c'}, frame.Continuation, true},
	} {
		if f, _, ok, err := frame.Next(test.bytes); !ok || err != nil || f.Opcode != test.opcode || f.Fin != test.fin {
			t.Errorf("% x: %+v %v", test.bytes, f, err)
		}
	}
}

func TestNoServerMasks(t *testing.T) {
	if _, _, ok, err := frame.Next([]byte{0x81, 0x80, 0, 0, 0, 0}); ok || !errors.Is(err, frame.ErrMasked) {
		t.Errorf("%v", err)
	}
}

func TestMaskingIsUndoneByTheKey(t *testing.T) {
	for _, size := range []int{0, 1, 7, 8, 9, 125, 126, 1000} {
		payload := bytes.Repeat([]byte("x1"), size)[:size]
		b := frame.AppendMasked(nil, frame.Text, payload)
		header := 2
		if size > 125 {
			header = 4
		}
		key, masked := b[header:header+4], b[header+4:]
		for i := range masked {
			masked[i] ^= key[i%4]
		}
		if b[0] != frame.Fin|frame.Text || b[1]&0x80 == 0 || !bytes.Equal(masked, payload) {
			t.Errorf("size %d: % x", size, b)
		}
	}
}

func FuzzNext(f *testing.F) {
	f.Add(frame.AppendServer(nil, frame.Text, []byte("hello")))
	f.Add([]byte{0x81, 127, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF})
	f.Fuzz(func(t *testing.T, b []byte) {
		got, rest, ok, err := frame.Next(b)
		if ok && (err != nil || len(got.Payload)+len(rest) >= len(b)) {
			t.Errorf("%d bytes gave %d and %d: %v", len(b), len(got.Payload), len(rest), err)
		}
		if !ok && !bytes.Equal(rest, b) {
			t.Error("a frame that is not whole took bytes")
		}
	})
}
