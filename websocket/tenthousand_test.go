package websocket_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/websocket"
)

// The environment variables that make this test binary a crowd of clients. They
// live in a process of their own: both ends of 10,000 connections would be more
// files than a process may have open in many places, and the memory that is
// measured is the server's alone.
const (
	crowdAddress = "SWITCHBOARD_TEST_CROWD"
	crowdSize    = "SWITCHBOARD_TEST_CROWD_SIZE"
)

// broadcasts is what each of the crowd is to get, in this order and no more,
// before it is told that the server goes away.
var broadcasts = []string{"first", "second", "third"}

func TestTenThousandConnections(t *testing.T) {
	size := 10_000
	if testing.Short() {
		size = 1000
	}
	limits := websocket.DefaultLimits()
	limits.PingInterval, limits.IdleTimeout = 0, 0 // the crowd says nothing
	n := serve(t, websocket.Options{Limits: limits})
	before := measure()

	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	crowd := exec.Command(program)
	crowd.Env = append(os.Environ(), crowdAddress+"="+n.http.Listener.Addr().String(), fmt.Sprint(crowdSize, "=", size))
	crowd.Stderr = os.Stderr
	output, err := crowd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	// It ends when this pipe does, whatever happens to this process.
	lifeline, err := crowd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := crowd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string)
	go func() {
		for scanner := bufio.NewScanner(output); scanner.Scan(); {
			lines <- scanner.Text()
		}
		close(lines)
	}()
	defer func() {
		_ = lifeline.Close()
		for line := range lines {
			t.Errorf("the crowd says: %s", line)
		}
		if err := crowd.Wait(); err != nil {
			t.Errorf("the crowd's process: %v", err)
		}
	}()
	expect := func(want string) {
		t.Helper()
		select {
		case got := <-lines:
			if got != want {
				t.Fatalf("the crowd says %q, want %q", got, want)
			}
		case <-time.After(2 * patience):
			t.Fatalf("the crowd does not say %q; the server has %d sessions", want, n.manager.Count(websocket.ToAll()))
		}
	}

	began := time.Now()
	expect("open")
	t.Logf("%d connections were opened in %s", size, time.Since(began).Round(time.Millisecond))
	if got := n.manager.Count(websocket.ToAll()); got != size {
		t.Fatalf("%d sessions are counted, want %d", got, size)
	}
	idle := measure()
	t.Logf("an idle connection costs the server %d bytes of heap and stacks and %d bytes of resident memory",
		(idle.inUse-before.inUse)/int64(size), (idle.resident-before.resident)/int64(size))
	for _, messageType := range broadcasts {
		began := time.Now()
		if got := deliver(t, n.manager, websocket.ToAll(), messageType); got != size {
			t.Errorf("%d sessions took %s, want %d", got, messageType, size)
		}
		queued := time.Since(began)
		expect(messageType)
		t.Logf("%s was queued in %s and had arrived everywhere after %s", messageType, queued.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
	}

	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := n.Shutdown(ctx); err != nil {
		t.Errorf("shutdown: %v", err)
	}
	expect("closed")
	stats := n.Stats()
	if stats.Sent != uint64(size*len(broadcasts)) || stats.Dropped != 0 || stats.Closed[websocket.CloseGoingAway] != uint64(size) {
		t.Errorf("the counters are %+v", stats)
	}
}

// memory is what this process holds, in bytes.
type memory struct{ inUse, resident int64 }

func measure() memory {
	debug.FreeOSMemory() // after a collection
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	m := memory{inUse: int64(stats.HeapInuse + stats.StackInuse)}
	if statm, err := os.ReadFile("/proc/self/statm"); err == nil {
		var total, resident int64
		_, _ = fmt.Sscan(string(statm), &total, &resident)
		m.resident = resident * int64(os.Getpagesize())
	}
	return m
}

// runCrowd is the crowd's process. It prints a line when all its connections
// are open, when all have got a broadcast and when all are closed; or what is wrong.
func runCrowd(address string) {
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	var size int64
	if _, err := fmt.Sscan(os.Getenv(crowdSize), &size); err != nil {
		fmt.Println(err)
		return
	}
	counts := make([]atomic.Int64, len(broadcasts)+2)
	reached := func(stage int, name string) {
		if counts[stage].Add(1) == size {
			fmt.Println(name)
		}
	}
	var running sync.WaitGroup
	dialing := make(chan struct{}, 64)
	for user := range size {
		dialing <- struct{}{}
		running.Go(func() {
			err := attend(address, user, func() { <-dialing }, reached)
			if err != nil {
				fmt.Printf("connection %d: %v\n", user, err)
				os.Exit(1)
			}
		})
	}
	running.Wait()
}

// attend is one connection of the crowd.
func attend(address string, user int64, dialed func(), reached func(stage int, name string)) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = fmt.Fprintf(conn, "GET /?user=%d HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", user, address)
	if err != nil {
		return err
	}
	r := bufio.NewReaderSize(conn, 256)
	for i := 0; ; i++ {
		line, err := r.ReadString('\n')
		if err != nil {
			return err
		}
		if i == 0 && !strings.HasPrefix(line, "HTTP/1.1 101 ") {
			return fmt.Errorf("the handshake was answered %q", line)
		}
		if line == "\r\n" {
			break
		}
	}
	dialed()
	reached(0, "open")
	frame := make([]byte, 127)
	read := func() (opcode byte, payload []byte, err error) {
		if _, err := io.ReadFull(r, frame[:2]); err != nil {
			return 0, nil, err
		}
		payload = frame[2 : 2+frame[1]]
		_, err = io.ReadFull(r, payload)
		return frame[0], payload, err
	}
	for i, messageType := range broadcasts {
		want := fmt.Sprintf(`{"type":"%s","content":""}`, messageType)
		opcode, payload, err := read()
		if err != nil {
			return fmt.Errorf("instead of %s: %w", messageType, err)
		}
		if opcode != 0x81 || string(payload) != want {
			return fmt.Errorf("instead of %s came %#x %q", messageType, opcode, payload)
		}
		reached(1+i, messageType)
	}
	opcode, payload, err := read()
	if err != nil {
		return fmt.Errorf("instead of the end: %w", err)
	}
	if opcode != 0x88 || binary.BigEndian.Uint16(payload) != uint16(websocket.CloseGoingAway) {
		return fmt.Errorf("instead of the end came %#x %q", opcode, payload)
	}
	if _, err := conn.Write([]byte{0x88, 0x82, 0, 0, 0, 0, payload[0], payload[1]}); err != nil {
		return err
	}
	if b, err := r.ReadByte(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("after the end came %#x (%w)", b, err)
	}
	reached(1+len(broadcasts), "closed")
	return nil
}
