package config

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// Bytes is a size in bytes. Its text is a whole number with the unit B, KiB, MiB
// or GiB, or without one for bytes; it is printed with the largest unit that
// leaves it whole.
type Bytes int

// units are those of Bytes, the largest first. B comes last because the others
// end in it.
var units = []struct {
	name string
	size Bytes
}{
	{"GiB", 1 << 30},
	{"MiB", 1 << 20},
	{"KiB", 1 << 10},
	{"B", 1},
}

// String returns the text that UnmarshalText reads as b.
func (b Bytes) String() string {
	for _, unit := range units {
		if b != 0 && b%unit.size == 0 {
			return strconv.Itoa(int(b/unit.size)) + unit.name
		}
	}
	return "0B"
}

// MarshalText returns the text that UnmarshalText reads as b.
func (b Bytes) MarshalText() ([]byte, error) {
	return []byte(b.String()), nil
}

// UnmarshalText reads a size such as 64KiB. It takes no sign, space or fraction.
func (b *Bytes) UnmarshalText(text []byte) error {
	number, size := string(text), Bytes(1)
	for _, unit := range units {
		if before, ok := strings.CutSuffix(number, unit.name); ok {
			number, size = before, unit.size
			break
		}
	}
	// One bit less than an int has, for its sign.
	n, err := strconv.ParseUint(number, 10, strconv.IntSize-1)
	if err != nil {
		return errors.New("not a size such as 64KiB")
	}
	if Bytes(n) > math.MaxInt/size {
		return errors.New("a size past what an int holds")
	}
	*b = Bytes(n) * size
	return nil
}
