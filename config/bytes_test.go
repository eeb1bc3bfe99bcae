package config_test

import (
	"encoding/json"
	"math"
	"strconv"
	"testing"

	"github.com/switchboard-go/switchboard/config"
)

func TestBytes(t *testing.T) {
	for text, want := range map[string]struct {
		value config.Bytes
		print string
	}{
		"0":       {0, "0B"},
		"0KiB":    {0, "0B"},
		"1":       {1, "1B"},
		"512B":    {512, "512B"},
		"1000":    {1000, "1000B"},
		"1024":    {1 << 10, "1KiB"},
		"64KiB":   {64 << 10, "64KiB"},
		"1536KiB": {1536 << 10, "1536KiB"},
		"1MiB":    {1 << 20, "1MiB"},
		"2048MiB": {2 << 30, "2GiB"},
	} {
		var b config.Bytes
		if err := b.UnmarshalText([]byte(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if b != want.value || b.String() != want.print {
			t.Errorf("%s is %d and prints as %s, want %d and %s", text, int(b), b, int(want.value), want.print)
		}
	}
}

func TestNotBytes(t *testing.T) {
	for _, text := range []string{
		"", "B", "KiB", "-1", "+1", "1.5MiB", "1 KiB", " 1", "1kib", "1KB", "1K", "1TiB", "1KiBKiB", "1BB", "0x10", "1_000", "x",
		"9223372036854775808", "99999999999999999999", "9223372036854775807KiB", "8589934592GiB",
	} {
		b := config.Bytes(7)
		if err := b.UnmarshalText([]byte(text)); err == nil || b != 7 {
			t.Errorf("%q is read as %d (%v)", text, int(b), err)
		}
	}
}

func TestBytesMarshal(t *testing.T) {
	text, err := json.Marshal(config.Default().WebSocket.ReadLimit)
	if err != nil || string(text) != `"64KiB"` {
		t.Errorf("json.Marshal = %s, %v", text, err)
	}
	if got, want := config.Bytes(-1536).String(), "-1536B"; got != want {
		t.Errorf("String() = %s, want %s", got, want)
	}
}

// What is read is printed in a form that is read as the same, and a plain number
// is that number.
func FuzzBytes(f *testing.F) {
	for _, text := range []string{"64KiB", "1MiB", "512B", "0", "1000", "-1", "9223372036854775807", "8589934591GiB", "KiB", "1.5MiB"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var b, again config.Bytes
		if b.UnmarshalText([]byte(text)) != nil {
			return
		}
		if b < 0 || b > math.MaxInt {
			t.Errorf("%q is read as %d", text, int(b))
		}
		if n, err := strconv.Atoi(text); err == nil && n != int(b) {
			t.Errorf("%q is read as %d", text, int(b))
		}
		if err := again.UnmarshalText([]byte(b.String())); err != nil || again != b {
			t.Errorf("%q is %d, prints as %s and is read again as %d (%v)", text, int(b), b, int(again), err)
		}
	})
}
