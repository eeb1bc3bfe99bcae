package rocketmq_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/internal/brokers"
)

// TestReceiverIsCutOff breaks the way of one node while the other goes on: the
// broker is durable, and so all that is published meanwhile comes, once and in
// order, when the way is whole again.
func TestReceiverIsCutOff(t *testing.T) {
	faults := map[string]func(*brokers.Proxy) error{"cut": (*brokers.Proxy).Cut, "half-open": (*brokers.Proxy).Blackhole}
	var running sync.WaitGroup // all at once, whatever -parallel says: they mostly wait
	for name, begin := range faults {
		running.Go(func() {
			t.Run(name, func(t *testing.T) {
				way, names := farAway(t)
				topic := fresh()
				near, far := join(t, settings(shared.Address, topic), "near"), join(t, settings(names, topic), "far")
				near.work(t)
				eventually(t, func() error { return far.hears(near, 50) })
				if err := begin(way); err != nil {
					t.Fatal(err)
				}
				<-time.After(faultTime)
				eventually(t, func() error {
					if far.Ready() == nil {
						return errors.New("a node that is cut off says that it is ready")
					}
					return nil
				})
				if err := way.Heal(); err != nil {
					t.Fatal(err)
				}
				healed := time.Now()
				eventually(t, func() error { return far.hears(near, near.number.Load()-1) })
				heard := time.Since(healed)
				eventually(t, far.Ready)
				near.stop()
				eventually(t, func() error { return far.has(near.published) })
				if near.failed.Load() > 0 {
					t.Errorf("%d sends of the node that was not cut off failed", near.failed.Load())
				}
				far.mu.Lock()
				defer far.mu.Unlock()
				if len(far.wrong) > 0 || len(far.gaps) > 0 {
					t.Errorf("went wrong: %.500q, and gaps: %v", far.wrong, far.gaps)
				}
				t.Logf("published %d, came %d; had caught up %s after the end", len(near.published), len(far.seen), ms(heard))
			})
		})
	}
	running.Wait()
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
	if way, err = brokers.NewProxy(broker); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { way.Close() })
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
