package rabbitmq_test

import (
	"io"
	"net"
	"sync"
	"testing"
)

// forwarder stands between nodes and a broker. Beside what brokers.Proxy does it
// ends encryption and strands the broker's ends of connections.
type forwarder struct {
	listener net.Listener
	target   string
	running  sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	clients  []net.Conn
	stranded chan struct{} // closed when the ends of what is closed are told no more
	all      []net.Conn
}

// forward forwards what comes to a listener, until the test ends.
func forward(t testing.TB, listener net.Listener, target string) *forwarder {
	f := &forwarder{listener: listener, target: target, stranded: make(chan struct{})}
	f.running.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			f.running.Go(func() { f.serve(client) })
		}
	})
	t.Cleanup(f.close)
	return f
}

func (f *forwarder) serve(client net.Conn) {
	defer client.Close()
	to, err := net.Dial("tcp", f.target)
	if err != nil {
		return
	}
	f.mu.Lock()
	if f.closed {
		to.Close()
	}
	f.clients = append(f.clients, client)
	f.all = append(f.all, client, to)
	stranded := f.stranded
	f.mu.Unlock()
	f.running.Go(func() {
		_, _ = io.Copy(client, to)
		client.Close()
	})
	_, _ = io.Copy(to, client)
	select {
	case <-stranded:
	default:
		to.Close()
	}
}

// strand closes the clients' ends of the connections, and tells the broker
// nothing of it.
func (f *forwarder) strand() {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.stranded)
	f.stranded = make(chan struct{})
	for _, client := range f.clients {
		client.Close()
	}
	f.clients = nil
}

func (f *forwarder) close() {
	f.listener.Close()
	f.mu.Lock()
	f.closed = true
	for _, conn := range f.all {
		conn.Close()
	}
	f.mu.Unlock()
	f.running.Wait()
}
