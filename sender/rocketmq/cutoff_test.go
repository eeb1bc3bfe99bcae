package rocketmq_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/switchboard-go/switchboard/internal/brokers"
	"github.com/switchboard-go/switchboard/internal/drivertest"
	"github.com/switchboard-go/switchboard/sender"
)

// TestFaultsOfOneNode breaks the way of one node while the other goes on.
func TestFaultsOfOneNode(t *testing.T) {
	noLeaks(t)
	site := func(t *testing.T) drivertest.Site {
		way, names := farAway(t)
		topic := fresh()
		return drivertest.Site{Broker: shared, Proxy: way, Rate: 250, Open: func(t testing.TB, node string, proxied bool) sender.Broker {
			if proxied {
				return open(t, settings(names, topic), node)
			}
			return open(t, settings(shared.Address, topic), node)
		}}
	}
	drivertest.AtOnce(t, site, drivertest.Cut, drivertest.HalfOpen)
}

// farAway returns a way to the shared broker that can be broken, and the name
// server for those who are to go it.
func farAway(t *testing.T) (way *brokers.Proxy, names string) {
	host, port, err := net.SplitHostPort(shared.Address)
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	broker := net.JoinHostPort(host, strconv.Itoa(number+3)) // says internal/brokers
	way = drivertest.Proxied(t, broker)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	t.Cleanup(func() {
		listener.Close()
		serving.Wait()
	})
	serving.Go(func() {
		for {
			asker, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { redirect(asker, broker, way.Address) })
		}
	})
	return way, listener.Addr().String()
}

// redirect has the shared name server answer one question, and puts another
// address into the answer.
func redirect(asker net.Conn, broker, instead string) {
	defer asker.Close()
	server, err := net.Dial("tcp", shared.Address)
	if err != nil {
		return
	}
	defer server.Close()
	question, err := frame(asker)
	if err != nil {
		return
	}
	_, _ = server.Write(question)
	answer, err := frame(server)
	if err != nil {
		return
	}
	answer = bytes.ReplaceAll(answer, []byte(broker), []byte(instead))
	binary.BigEndian.PutUint32(answer, uint32(len(answer)-4))
	_, _ = asker.Write(answer)
}

// frame reads a command as it is.
func frame(c net.Conn) ([]byte, error) {
	head := make([]byte, 4)
	if _, err := io.ReadFull(c, head); err != nil {
		return nil, err
	}
	body := make([]byte, binary.BigEndian.Uint32(head))
	_, err := io.ReadFull(c, body)
	return slices.Concat(head, body), err
}
