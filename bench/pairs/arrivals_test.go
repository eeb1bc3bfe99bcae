package pairs

import (
	"path/filepath"
	"testing"
	"time"
)

func TestMessagesHaveTheirSizeAndStamp(t *testing.T) {
	want := stamp{lane: 1023, user: 99, seq: 1 << 31, sent: now()}
	m := want.message()
	if len(m) != messageSize {
		t.Errorf("a message has %d bytes, want %d", len(m), messageSize)
	}
	got, rest, ok := nextStamp(append([]byte("something before "), m...))
	if !ok || got != want {
		t.Errorf("got %+v, %t, want %+v", got, ok, want)
	}
	if _, _, ok := nextStamp(rest); ok {
		t.Error("there is another stamp")
	}
	if _, _, ok := nextStamp(m[:len(messageHead)+stampText-1]); ok {
		t.Error("half a stamp is one")
	}
}

func TestArrivals(t *testing.T) {
	shared, err := openBoard(filepath.Join(t.TempDir(), "board"))
	if err != nil {
		t.Fatal(err)
	}
	message := func(lane, user uint16, seq uint32) []byte {
		return stamp{lane: lane, user: user, seq: seq, sent: now()}.message()
	}
	tests := []struct {
		name         string
		came         [][]byte
		count, wrong int64
	}{
		{"in order", [][]byte{message(1, 7, 1), message(1, 7, 2), message(1, 7, 5)}, 3, 0},
		{"two lanes", [][]byte{message(1, 7, 2), message(2, 7, 1), message(1, 7, 3)}, 3, 0},
		{"several in a frame", [][]byte{append(message(1, 7, 1), message(1, 7, 2)...)}, 2, 0},
		{"twice", [][]byte{message(1, 7, 1), message(1, 7, 1)}, 2, 1},
		{"out of order", [][]byte{message(1, 7, 2), message(1, 7, 1)}, 2, 1},
		{"to another user", [][]byte{message(1, 8, 1)}, 1, 1},
		{"something else", [][]byte{[]byte("{}")}, 0, 0},
	}
	a := &arrivals{board: shared}
	s := a.stream(7)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a.begin(true)
			s.take(test.came...)
			got := a.await(test.count, time.Minute)
			if got.Count != test.count || got.Wrong != test.wrong || shared.arrived.Load() != test.count {
				t.Errorf("got %+v, and %d on the board, want %d and %d wrong", got, shared.arrived.Load(), test.count, test.wrong)
			}
			if test.count > 0 && got.P50 <= 0 {
				t.Errorf("the median is %s", got.P50)
			}
		})
	}
}
