package brokers_test

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/internal/brokers"
)

func TestProxy(t *testing.T) {
	p, err := brokers.NewProxy(echo(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	conn := dial(t, p.Address)
	must(t, say(conn, time.Minute))

	const late = 50 * time.Millisecond
	must(t, p.Latency(late))
	begin := time.Now()
	must(t, say(conn, time.Minute))
	if took := time.Since(begin); took < 2*late {
		t.Errorf("an echo took %v with a latency of %v each way", took, late)
	}

	must(t, p.Blackhole())
	if err := say(conn, 100*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("in a black hole: %v, want a time-out", err)
	}
	another := dial(t, p.Address)
	if err := say(another, 100*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a new connection in a black hole: %v, want a time-out", err)
	}

	must(t, p.Heal())
	if err := say(conn, time.Minute); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("after a black hole: %v, want the connection's end", err)
	}
	conn = dial(t, p.Address)
	must(t, say(conn, time.Minute))

	must(t, p.Cut())
	if err := say(conn, time.Minute); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("after a cut: %v, want the connection's end", err)
	}
	if reachable(p.Address) {
		t.Error("a cut network lets connections through")
	}
	must(t, p.Cut())

	// From one fault to another, and back.
	must(t, p.Blackhole())
	if err := say(dial(t, p.Address), 100*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("in a black hole after a cut: %v, want a time-out", err)
	}
	must(t, p.Heal())
	must(t, p.Heal())
	must(t, say(dial(t, p.Address), time.Minute))
}

// A server that gives up on a client behind a black hole cannot tell it so.
func TestBlackholeHidesThatTheServerCloses(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	p, err := brokers.NewProxy(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	client := dial(t, p.Address)
	server, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	must(t, p.Blackhole())
	must(t, server.Close())
	must(t, client.SetReadDeadline(time.Now().Add(200*time.Millisecond)))
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read: %v, want a time-out", err)
	}
	must(t, p.Heal())
	must(t, client.SetReadDeadline(time.Now().Add(time.Minute)))
	if _, err := client.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read after healing: %v, want the connection's end", err)
	}
}

// echo is a server that answers with what it is sent.
func echo(t *testing.T) (address string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				io.Copy(conn, conn)
			}()
		}
	}()
	return listener.Addr().String()
}

func dial(t *testing.T, address string) net.Conn {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// say sends a word and reads it back.
func say(conn net.Conn, patience time.Duration) error {
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := io.WriteString(conn, "word"); err != nil {
		return err
	}
	_, err := io.ReadFull(conn, make([]byte, 4))
	return err
}
