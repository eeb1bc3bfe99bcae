package redis

import (
	"strings"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"github.com/switchboard-go/switchboard/internal/driver"
)

// A read that takes more than fits the time or the memory would fail for ever.
func TestReadsAreAsLargeAsTheEntriesAllow(t *testing.T) {
	tests := []struct {
		name          string
		came, size    int
		before, after int64
	}{
		{"one of few", 1, 10, fewEntries, fewEntries},
		{"all of few", fewEntries, 10, fewEntries, 2 * fewEntries},
		{"all of many", 800, 10, 800, maxEntries},
		{"few of many", 3, 10, maxEntries, fewEntries},
		{"large ones", 100, 100 << 10, 100, 20},
		{"the largest", 1, maxPayload, 1, 1},
		{"after a failure", 1, 10, 1, fewEntries},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := &reader{b: &Broker{feed: driver.NewFeed(t.Context())}, entries: test.before}
			entries := make([]goredis.XMessage, test.came)
			for i := range entries {
				entries[i] = goredis.XMessage{ID: "1-1", Values: map[string]any{streamField: strings.Repeat("x", test.size)}}
			}
			r.take(entries)
			if r.entries != test.after {
				t.Errorf("the next read takes %d entries, want %d", r.entries, test.after)
			}
		})
	}
}
