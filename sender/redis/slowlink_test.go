package redis_test

import (
	"bytes"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/redis"
)

// A backlog of which a usual read takes too long is read in smaller pieces, or
// the node would try the same again for ever.
func backlogOverSlowLink(t *testing.T) {
	server := ownServer(t)
	const rate, small, large = 5 << 20, 30, 18
	s := settings(slowLink(t, server.Address, rate), "slow", redis.Stream)
	n := subscribed(t, s, "n1")
	payloads := make([][]byte, small+large)
	// In one transaction, or the node reads in between.
	if _, err := client(t, server.Address).TxPipelined(t.Context(), func(p goredis.Pipeliner) error {
		for i := range payloads {
			size := 1
			if i >= small {
				size = 1 << 20
			}
			payloads[i] = make([]byte, size)
			payloads[i][0] = byte(i)
			p.XAdd(t.Context(), &goredis.XAddArgs{Stream: "{slow}:stream", Values: []any{"p", payloads[i]}})
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	downs := 0
	for i := 0; i < len(payloads); {
		event := next(t, n)
		switch {
		case event.Link == sender.LinkDown:
			if downs++; downs > 3 {
				t.Fatalf("the link is taken to be broken again and again: %v", event.Err)
			}
		case event.Link == sender.LinkUp:
		case !bytes.Equal(event.Payload, payloads[i]):
			t.Fatalf("received %d bytes as entry %d", len(event.Payload), i)
		default:
			i++
		}
	}
}

// slowLink returns an address that leads to another, with so many bytes a second
// to the clients. It ends with the test.
func slowLink(t testing.TB, upstream string, rate int) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	forward := func(client net.Conn) {
		defer client.Close()
		server, err := net.Dial("tcp", upstream)
		if err != nil {
			return
		}
		defer server.Close()
		running.Go(func() {
			_, _ = io.Copy(server, client)
			_ = server.Close()
		})
		for err == nil {
			_, err = io.CopyN(client, server, int64(rate/100))
			<-time.After(time.Second / 100)
		}
	}
	running.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() { forward(client) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		running.Wait()
	})
	return listener.Addr().String()
}
