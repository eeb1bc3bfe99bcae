package rabbitmq_test

import (
	"io"
	"net"
	"sync"
	"testing"
)

// forwarder stands between nodes and the shared broker. It can strand the
// broker's ends of connections and let others be made, which brokers.Proxy
// cannot.
type forwarder struct {
	address string
	running sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	stranded map[net.Conn]bool // by the client's end; true for those whose other end stays
	all      []net.Conn
}

// forward forwards until the test ends.
func forward(t testing.TB) *forwarder {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	f := &forwarder{address: listener.Addr().String(), stranded: make(map[net.Conn]bool)}
	f.running.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			f.running.Go(func() { f.serve(client) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		f.mu.Lock()
		f.closed = true
		for _, conn := range f.all {
			conn.Close()
		}
		f.mu.Unlock()
		f.running.Wait()
	})
	return f
}

func (f *forwarder) serve(client net.Conn) {
	defer client.Close()
	to, err := net.Dial("tcp", server.Address)
	if err != nil {
		return
	}
	f.mu.Lock()
	if f.closed {
		to.Close()
	}
	f.stranded[client] = false
	f.all = append(f.all, client, to)
	f.mu.Unlock()
	f.running.Go(func() {
		_, _ = io.Copy(client, to)
		client.Close()
	})
	_, _ = io.Copy(to, client)
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.stranded[client] {
		to.Close()
	}
}

// strand closes the clients' ends of the connections, and tells the broker
// nothing of it.
func (f *forwarder) strand() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for client := range f.stranded {
		f.stranded[client] = true
		client.Close()
	}
}
