package brokers

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"strconv"
)

// Ports are taken from here: above the well-known ones, and below those of outgoing connections, which start at 32768 on Linux.
const (
	firstPort = 20000
	lastPort  = 31999
)

// ports are held: no other test process takes one of them, whether or not somebody listens on it.
type ports struct {
	numbers []int // one after the other, but for the first, which may be a given one
	locks   []net.Listener
}

// reserve takes count free ports. The first one is the given one, unless that is 0.
func reserve(count, given int) (*ports, error) {
	var err error
	for range 100 {
		p := &ports{}
		base := firstPort + rand.IntN(lastPort-firstPort-count+2)
		for i := range count {
			number := base + i
			if i == 0 && given != 0 {
				number = given
			}
			if err = p.take(number); err != nil {
				break
			}
		}
		if err == nil {
			return p, nil
		}
		p.release()
		if given != 0 && len(p.numbers) == 0 {
			return nil, err
		}
	}
	return nil, fmt.Errorf("found no %d free ports: %w", count, err)
}

func (p *ports) take(number int) error {
	var config net.ListenConfig
	ctx := context.Background()
	if runtime.GOOS == "linux" {
		// An abstract socket: a lock that ends with the process and leaves no file.
		lock, err := config.Listen(ctx, "unix", "@switchboard-port-"+strconv.Itoa(number))
		if err != nil {
			return fmt.Errorf("port %d: %w", number, err)
		}
		p.locks = append(p.locks, lock)
	}
	listener, err := config.Listen(ctx, "tcp", ":"+strconv.Itoa(number))
	if err != nil {
		return err
	}
	p.numbers = append(p.numbers, number)
	return listener.Close()
}

func (p *ports) release() {
	for _, lock := range p.locks {
		_ = lock.Close()
	}
	p.locks = nil
}
