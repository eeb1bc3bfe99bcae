package sender

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// arrived returns what a receiver unpacks from packets, and whether all is whole.
func arrived(packets []Packet) (payloads []string, whole bool) {
	whole = true
	for _, p := range packets {
		whole = unpack(p.Payload, func(b []byte) { payloads = append(payloads, string(b)) }) && whole
	}
	return payloads, whole
}

func TestPacketsThatFollowEachOtherArePacked(t *testing.T) {
	to := func(node, address string, payloads ...string) (packets []Packet) {
		for _, payload := range payloads {
			packets = append(packets, Packet{Node: node, Address: address, Payload: []byte(payload), Nodes: NodesUnknown})
		}
		return packets
	}
	half := strings.Repeat("h", packSize/2+1)
	tests := []struct {
		name    string
		packets []Packet
		limit   int
		want    int // packets that the broker gets
	}{
		{"none", nil, 1 << 20, 0},
		{"one", to("", "", "1"), 1 << 20, 1},
		{"to all", to("", "", "1", "2", "3"), 1 << 20, 1},
		{"to a node between", slices.Concat(to("", "", "1", "2"), to("n", "", "3", "4"), to("", "", "5")), 1 << 20, 3},
		{"to two addresses", slices.Concat(to("", "a", "1", "2"), to("", "b", "3", "4")), 1 << 20, 2},
		{"too much for one", to("", "", half, half, half), 1 << 20, 3},
		{"large ones alone", to("", "", "1", strings.Repeat("l", 2*packSize), "2", "3"), 1 << 20, 3},
		{"a broker that carries little", to("", "", "123456", "123456", "123456"), 24, 2},
		{"empty ones", to("", "", "", "", "1", ""), 1 << 20, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			want, _ := arrived(test.packets)
			var got []Packet
			confirm := beginPacked(t.Context(), func(_ context.Context, packets []Packet) func() error {
				got = slices.Clone(packets)
				return func() error {
					for i := range packets {
						packets[i].Done, packets[i].Nodes = true, i
					}
					return nil
				}
			}, test.packets, test.limit)
			if len(got) != test.want {
				t.Errorf("%d packets have begun, want %d", len(got), test.want)
			}
			received, whole := arrived(got) // what they are in is used again after confirm
			if err := confirm(); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, received); diff != "" || !whole {
				t.Errorf("whole %t; %s", whole, diff)
			}
			for i, p := range got {
				if limit := max(test.limit, len(test.packets[0].Payload)); len(p.Payload) > limit {
					t.Errorf("packet %d has %d bytes, the limit is %d", i, len(p.Payload), limit)
				}
			}
			for i, p := range test.packets {
				if !p.Done || p.Nodes == NodesUnknown {
					t.Errorf("packet %d is told as %+v", i, p)
				}
			}
		})
	}
}

// Of what fails the caller is told what is published all the same.
func TestPacksThatFail(t *testing.T) {
	failure := errors.New("lost")
	packets := []Packet{{Node: "a"}, {Node: "a"}, {Node: "b"}, {Node: "b"}}
	confirm := beginPacked(t.Context(), func(_ context.Context, packets []Packet) func() error {
		return func() error {
			packets[0].Done = true
			return failure
		}
	}, packets, 1<<20)
	if err := confirm(); !errors.Is(err, failure) {
		t.Errorf("got %v", err)
	}
	for i, want := range []bool{true, true, false, false} {
		if packets[i].Done != want {
			t.Errorf("packet %d is told as %+v", i, packets[i])
		}
	}
}

// Whatever comes, unpacking it ends, and makes nothing up.
func FuzzUnpack(f *testing.F) {
	f.Add([]byte{envelopeVersion, byte(kindPack), 2, 'a', 'b', 0, 1, 'c'})
	f.Add([]byte{envelopeVersion, byte(kindPack), 9, 'a'})
	f.Add([]byte{envelopeVersion, byte(kindPack), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Add([]byte("something of others"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var packets []Packet
		whole := unpack(b, func(payload []byte) {
			if !bytes.Contains(b, payload) {
				t.Errorf("%q is no part of it", payload)
			}
			packets = append(packets, Packet{Payload: bytes.Clone(payload)})
		})
		if !whole || len(packets) < 2 {
			return
		}
		again, whole := arrived([]Packet{{Payload: appendPack(nil, packets)}})
		if !whole || len(again) != len(packets) {
			t.Errorf("%d packets come back as %d", len(packets), len(again))
		}
	})
}
