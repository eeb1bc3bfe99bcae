package load

import (
	"encoding/binary"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/bench/control"
	"github.com/switchboard-go/switchboard/bench/stamp"
)

// delivery is a payload with these numbers for a connection.
type delivery struct {
	connection int
	numbers    []uint32
}

func TestTally(t *testing.T) {
	copies := control.LoadCommand{Messages: 2, Copies: true, CreditEvery: 1}
	singles := control.LoadCommand{Messages: 4, CreditEvery: 2}
	for _, test := range []struct {
		name             string
		command          control.LoadCommand
		deliveries       []delivery
		lost, misordered int
		credits          []uint32
	}{
		{"each connection gets both", copies, []delivery{{0, []uint32{1}}, {1, []uint32{1, 2}}, {0, []uint32{2}}}, 0, 0, []uint32{1, 1}},
		{"one is lost", copies, []delivery{{0, []uint32{2}}, {1, []uint32{1, 2}}}, 1, 0, []uint32{1}},
		{"one comes twice", copies, []delivery{{0, []uint32{1}}, {0, []uint32{1}}}, 0, 1, []uint32{1}},
		{"one comes late", copies, []delivery{{0, []uint32{2}}, {0, []uint32{1}}}, 1, 1, nil},
		{"singles", singles, []delivery{{0, []uint32{1}}, {1, []uint32{1}}, {0, []uint32{2, 3}}}, 0, 0, []uint32{2, 2}},
	} {
		t.Run(test.name, func(t *testing.T) {
			read, write, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer read.Close()
			tally := newTally(test.command, control.NewCreditWriter(write), 2, 2)
			sent := time.Unix(0, 1000)
			for _, d := range test.deliveries {
				var payload []byte
				for _, number := range d.numbers {
					part := []byte(`{"text":"` + stamp.Blank + `"}`)
					stamp.Put(part, number, sent)
					payload = append(payload, part...)
				}
				if n := tally.take(d.connection, payload, 3000); n != len(d.numbers) {
					t.Errorf("%d messages in %s", n, payload)
				}
				if err := tally.settle(false); err != nil {
					t.Fatal(err)
				}
			}
			write.Close()
			if got := credits(t, read); !slices.Equal(got, test.credits) {
				t.Errorf("credits %v, want %v", got, test.credits)
			}
			result := tally.finish(control.Usage{})
			if result.Lost != test.lost || result.Misordered != test.misordered {
				t.Errorf("lost %d, misordered %d, want %d and %d", result.Lost, result.Misordered, test.lost, test.misordered)
			}
			if result.P50 < 2*time.Microsecond || result.P50 > 2100 {
				t.Errorf("p50 %s, want 2µs", result.P50)
			}
		})
	}
}

func credits(t *testing.T, from *os.File) (credits []uint32) {
	t.Helper()
	for {
		var b [4]byte
		if _, err := from.Read(b[:]); err != nil {
			return credits
		}
		credits = append(credits, binary.LittleEndian.Uint32(b[:]))
	}
}

func TestInflate(t *testing.T) {
	var i inflater
	// A message of RFC 7692, section 7.2.3.1.
	compressed := []byte{0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00}
	for round := range 2 { // the second one is known already
		plain, err := i.inflate(compressed)
		if err != nil || string(plain) != "Hello" {
			t.Errorf("round %d: %q, %v", round, plain, err)
		}
	}
	if _, err := i.inflate([]byte{0xFF, 0xFF}); err == nil {
		t.Error("garbage is decompressed")
	}
	if plain, err := i.inflate([]byte{0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00}); err != nil || string(plain) != "Hello" {
		t.Errorf("after garbage: %q, %v", plain, err)
	}
}
