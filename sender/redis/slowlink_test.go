package redis_test

import (
	"bytes"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/internal/brokers"
	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/redis"
)

// A backlog of which a usual read takes too long is read in smaller pieces, or
// the node would try the same again for ever.
func backlogOverSlowLink(t *testing.T) {
	server, err := brokers.Start(brokers.Redis)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	const rate, small, large = 5 << 20, 30, 18
	s := settings(slowLink(t, server.Address, rate), "slow", redis.Stream)
	n := subscribed(t, s, "n1")
	s.Addrs = []string{server.Address}
	other := open(t, s, "n2")
	packets := make([]sender.Packet, small+large)
	for i := range packets {
		size := 1
		if i >= small {
			size = 1 << 20
		}
		packets[i].Payload = make([]byte, size)
		packets[i].Payload[0] = byte(i)
	}
	if err := other.Publish(t.Context(), packets); err != nil {
		t.Fatal(err)
	}
	downs := 0
	for i := 0; i < len(packets); {
		event := next(t, n)
		switch {
		case event.Link == sender.LinkDown:
			downs++
		case event.Link == sender.LinkUp:
		case !bytes.Equal(event.Payload, packets[i].Payload):
			t.Fatalf("received %d bytes as entry %d", len(event.Payload), i)
		default:
			i++
		}
	}
	t.Logf("the link was taken to be broken %d times", downs)
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
			wait(time.Second / 100)
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
