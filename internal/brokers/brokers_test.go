package brokers_test

import (
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"github.com/switchboard-go/switchboard/internal/brokers"
)

func TestRedis(t *testing.T) {
	b, err := brokers.Start(brokers.Redis)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	c := goredis.NewClient(&goredis.Options{Addr: b.Address})
	defer c.Close()
	if err := c.Set(t.Context(), "a", "b", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if err := b.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := b.Restart(); err != nil {
		t.Fatal(err)
	}
	if v, err := c.Get(t.Context(), "a").Result(); err != nil || v != "b" {
		t.Fatal(v, err)
	}
	if err := b.Pause(); err != nil {
		t.Fatal(err)
	}
	if err := b.Restart(); err != nil {
		t.Fatal(err)
	}
}
