package rocketmq

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/internal/drivertest"
)

const patience = drivertest.Patience

var eventually = drivertest.Eventually

// received returns the next count events, as drivertest.Text shows them.
func received(t *testing.T, b *Broker, count int) (all []string) {
	t.Helper()
	for range count {
		all = append(all, drivertest.Text(drivertest.Next(t, b)))
	}
	return all
}

// A server that says nothing is given up, also where nobody waits with a deadline.
func TestSilentHandshake(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := &client{Defaults(), new(tls.Config)}
	if _, err := c.dial(ctx, listener.Addr().String()); ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, with the context %v", err, ctx.Err())
	}
}

// Closing sends no goodbye, which would wait for a network that takes nothing.
func TestCloseSendsNothing(t *testing.T) {
	files := drivertest.Certify(t, "127.0.0.1")
	certificate, err := tls.LoadX509KeyPair(files.Cert, files.Key)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	shaken, read := make(chan error), make(chan int)
	go func() {
		link, err := listener.Accept()
		if err == nil {
			defer link.Close()
			link.SetDeadline(time.Now().Add(patience))
			err = tls.Server(link, &tls.Config{Certificates: []tls.Certificate{certificate}}).Handshake()
		}
		shaken <- err
		if err == nil {
			count, _ := link.Read(make([]byte, 1))
			read <- count
		}
	}()
	config := Defaults()
	config.TLS, config.TLSCAFile = true, files.CA
	connection, err := startBroker(t, config).client.dial(t.Context(), listener.Addr().String())
	if err = errors.Join(err, <-shaken); err != nil {
		t.Fatal(err)
	}
	connection.Close()
	if <-read > 0 {
		t.Error("the server is sent something")
	}
}

// Nothing that a server sends is a panic, or more memory than it sends.
func FuzzRead(f *testing.F) {
	f.Add(command(map[string]any{"code": 0, "opaque": 1, "flag": 1, "extFields": map[string]string{"a": "b"}}, []byte("body")))
	f.Add([]byte{0x03, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0})
	f.Add([]byte{0, 0, 0, 4, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		here, there := net.Pipe()
		defer here.Close()
		defer there.Close()
		c := &conn{Conn: here, in: bufio.NewReader(bytes.NewReader(data))}
		a, err := c.read()
		if err == nil && len(a.body) > len(data) {
			t.Errorf("%d bytes became %d", len(data), len(a.body))
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add(append(stored(5, []byte("one")), stored(6, nil)...))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 4096 {
			_, _ = decode(data)
		}
	})
}

func FuzzParseRoute(f *testing.F) {
	f.Add([]byte(`{"brokerDatas":[{"brokerAddrs":{0:"a:1"},"brokerName":"b"}],"queueDatas":[{"brokerName":"b","perm":6,"readQueueNums":4,"writeQueueNums":4}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if r, err := parseRoute(data); err == nil && len(r.write) > 0 && r.master(r.lane("n1").broker) == "" {
			t.Error("the lane has no address")
		}
	})
}
