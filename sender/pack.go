package sender

import (
	"context"
	"encoding/binary"
	"sync"
)

// packSize is how large a pack becomes at most, in bytes. A broker works as long
// for a packet that carries one envelope as for one that carries hundreds.
const packSize = 64 << 10

// packBytes is what starts a pack, see envelope.
var packBytes = [2]byte{envelopeVersion, byte(kindPack)}

// beginPacked begins to publish packets and returns what waits for the broker's
// word. Those that follow each other to the same nodes go as one, which is a
// pack of their payloads:
//
//	version, kind  as in an envelope
//	payload        each as a text; see envelope
//
// limit is the most that a packet carries, in bytes.
func beginPacked(ctx context.Context, begin func(context.Context, []Packet) func() error, packets []Packet, limit int) (confirm func() error) {
	p := packings.Get().(*packing)
	limit = min(limit, packSize)
	for rest := packets; len(rest) > 0; {
		count, size := 0, len(packBytes)
		for count < len(rest) && rest[count].Node == rest[0].Node && rest[count].Address == rest[0].Address {
			size += binary.MaxVarintLen32 + len(rest[count].Payload)
			if count > 0 && size > limit {
				break
			}
			count++
		}
		one := rest[0]
		if count > 1 {
			from := len(p.payloads)
			p.payloads = appendPack(p.payloads, rest[:count])
			one.Payload = p.payloads[from:len(p.payloads):len(p.payloads)]
		}
		p.packed, p.counts = append(p.packed, one), append(p.counts, count)
		rest = rest[count:]
	}
	confirmPacked := begin(ctx, p.packed)
	return func() error {
		err := confirmPacked()
		rest := packets
		for i, one := range p.packed {
			for j := range rest[:p.counts[i]] {
				rest[j].Done, rest[j].Nodes = one.Done, one.Nodes
			}
			rest = rest[p.counts[i]:]
		}
		if err == nil { // see batch.leave
			clear(p.packed)
			p.packed, p.counts, p.payloads = p.packed[:0], p.counts[:0], p.payloads[:0]
			packings.Put(p)
		}
		return err
	}
}

// packing is what beginPacked makes of a batch. Its memory is used again.
type packing struct {
	packed   []Packet
	counts   []int  // of the packets in each of packed
	payloads []byte // of those that are packs, one behind the other
}

var packings = sync.Pool{New: func() any { return new(packing) }}

func appendPack(b []byte, packets []Packet) []byte {
	b = append(b, packBytes[:]...)
	for _, p := range packets {
		b = append(binary.AppendUvarint(b, uint64(len(p.Payload))), p.Payload...)
	}
	return b
}

// unpack calls yield for each payload of a pack, or for b itself where it is none.
// They are parts of b. It reports false where it is broken, after what is not.
func unpack(b []byte, yield func(payload []byte)) bool {
	if len(b) < len(packBytes) || [2]byte(b) != packBytes {
		yield(b)
		return true
	}
	for b = b[len(packBytes):]; len(b) > 0; {
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return false
		}
		end := n + int(size)
		yield(b[n:end:end])
		b = b[end:]
	}
	return true
}
