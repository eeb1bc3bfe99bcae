package load

import (
	"bytes"
	"fmt"
	"io"

	"github.com/klauspost/compress/flate"
)

// inflater decompresses messages without context takeover (RFC 7692). What is the same for all connections it decompresses
// once, so that it costs the load generator next to nothing.
type inflater struct {
	known  map[string][]byte
	reader io.ReadCloser
}

const maxKnown = 1 << 10

func (i *inflater) inflate(compressed []byte) ([]byte, error) {
	if plain, ok := i.known[string(compressed)]; ok {
		return plain, nil
	}
	// The empty stored block that a sender leaves out, and an empty last block to end with.
	source := io.MultiReader(bytes.NewReader(compressed), bytes.NewReader([]byte{0, 0, 0xFF, 0xFF, 1, 0, 0, 0xFF, 0xFF}))
	if i.reader == nil {
		i.reader = flate.NewReader(source)
	} else if err := i.reader.(flate.Resetter).Reset(source, nil); err != nil {
		return nil, fmt.Errorf("decompress: %w", err)
	}
	plain, err := io.ReadAll(i.reader)
	if err != nil {
		return nil, fmt.Errorf("decompress: %w", err)
	}
	if i.known == nil || len(i.known) >= maxKnown {
		i.known = make(map[string][]byte, maxKnown)
	}
	i.known[string(compressed)] = plain
	return plain, nil
}
