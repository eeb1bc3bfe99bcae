package load

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/switchboard-go/switchboard/bench/control"
	"github.com/switchboard-go/switchboard/bench/frame"
)

// secureCrowd is the crowd over TLS: crypto/tls and a goroutine a connection, as it cannot run on epoll. It costs more than the
// bare crowd, and the same for every server.
type secureCrowd struct {
	connections int

	mu      sync.Mutex
	changed *sync.Cond
	tally   *tally // nil between commands: what comes then waits for the next
	err     error
}

func connectSecure(command control.LoadCommand) (*secureCrowd, error) {
	s := &secureCrowd{connections: command.Connections}
	s.changed = sync.NewCond(&s.mu)
	for i := range command.Connections {
		raw, err := net.DialTimeout("tcp", command.Address, silence) //nolint:noctx // a timeout is enough
		if err != nil {
			return nil, err
		}
		if err := raw.(*net.TCPConn).SetLinger(0); err != nil {
			return nil, err
		}
		conn := tls.Client(raw, &tls.Config{InsecureSkipVerify: true}) // the server made its certificate itself
		if _, err := conn.Write(request(command, i)); err != nil {
			return nil, err
		}
		reader := bufio.NewReaderSize(conn, 16<<10)
		response, err := http.ReadResponse(reader, nil) //nolint:bodyclose // an upgrade has none
		if err != nil {
			return nil, err
		}
		if response.StatusCode != http.StatusSwitchingProtocols {
			return nil, fmt.Errorf("connection %d: handshake refused: %s", i, response.Status)
		}
		go s.read(i, reader)
	}
	return s, nil
}

// read takes what one connection gets, until the process ends.
func (s *secureCrowd) read(index int, reader *bufio.Reader) {
	var data []byte
	for {
		if _, err := reader.Peek(1); err != nil {
			s.fail(fmt.Errorf("connection %d: %w", index, err))
			return
		}
		waiting, _ := reader.Peek(reader.Buffered())
		data = append(data, waiting...)
		_, _ = reader.Discard(len(waiting))
		now := time.Now().UnixNano()
		rest := data
		for {
			f, after, ok, err := frame.Next(rest)
			if err == nil && f.Opcode == frame.Close {
				err = errors.New("closed by the server")
			}
			if err != nil {
				s.fail(fmt.Errorf("connection %d: %w", index, err))
				return
			}
			if !ok {
				break
			}
			rest = after
			s.take(index, f.Payload, now)
		}
		data = append(data[:0], rest...)
	}
}

func (s *secureCrowd) take(index int, payload []byte, now int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.tally == nil {
		s.changed.Wait()
	}
	s.tally.result.Reads++
	s.tally.take(index, payload, now)
	if err := s.tally.settle(true); err != nil {
		s.err = err
	}
	if s.tally.done() || s.err != nil {
		s.changed.Broadcast()
	}
}

func (s *secureCrowd) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
	s.changed.Broadcast()
}

func (s *secureCrowd) receive(command control.LoadCommand, credits *control.CreditWriter) (control.LoadResult, error) {
	since := control.Since()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tally = newTally(command, credits, s.connections, s.connections)
	defer func() { s.tally = nil }()
	s.changed.Broadcast()
	for !s.tally.done() && s.err == nil {
		s.changed.Wait() // the server notices silence
	}
	return s.tally.finish(since()), s.err
}
