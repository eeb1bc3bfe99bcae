package drive

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"time"

	"github.com/switchboard-go/switchboard/bench/control"
	"github.com/switchboard-go/switchboard/bench/peer"
	"github.com/switchboard-go/switchboard/bench/stamp"
)

// A Driver does commands with one server.
type Driver struct {
	server  peer.Server
	credits *control.CreditReader
}

// New returns a Driver.
func New(server peer.Server, credits *control.CreditReader) *Driver {
	return &Driver{server: server, credits: credits}
}

// Do does one command and measures it.
func (d *Driver) Do(c control.ServerCommand) (result control.ServerResult, err error) {
	if err := d.awaitSessions(c.Sessions); err != nil {
		return result, err
	}
	if c.Do == control.Memory {
		result.Resident, result.InUse, err = memory()
		return result, err
	}
	stopProfiles, err := profile(c)
	if err != nil {
		return result, err
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	calls, err := calls()
	if err != nil {
		return result, err
	}
	since := control.Since()
	switch c.Do {
	case control.Broadcast:
		err = d.broadcast(c)
	case control.Send:
		err = d.send(c)
	case control.Pace:
		err = d.pace(c)
	case control.Stall:
		d.stall(c)
	case control.Answer:
		err = d.await(c.Messages)
	default:
		err = fmt.Errorf("unknown command %q", c.Do)
	}
	result.Usage = since()
	err = errors.Join(err, calls(&result))
	runtime.ReadMemStats(&after)
	result.Allocations, result.Bytes = after.Mallocs-before.Mallocs, after.TotalAlloc-before.TotalAlloc
	return result, errors.Join(err, stopProfiles())
}

// awaitSessions waits until the server knows of all whose handshake is done: some learn of it later than the client.
func (d *Driver) awaitSessions(n int) error {
	for deadline := time.Now().Add(10 * time.Second); d.server.Sessions() != n; {
		if time.Now().After(deadline) {
			return fmt.Errorf("%d sessions, not %d", d.server.Sessions(), n)
		}
		time.Sleep(time.Millisecond)
	}
	return nil
}

func (d *Driver) broadcast(c control.ServerCommand) error {
	template := d.server.Template(c.Size)
	return d.inFlight(c, func(seq uint32) { d.server.Broadcast(stamped(template, seq)) })
}

func (d *Driver) send(c control.ServerCommand) error {
	next := d.randomUsers(c)
	return d.inFlight(c, func(uint32) { d.server.Send(next()) })
}

// inFlight gives out messages so that c.Window of them are in flight.
func (d *Driver) inFlight(c control.ServerCommand, give func(seq uint32)) error {
	flusher, _ := d.server.(peer.Flusher)
	for given, arrived := 0, 0; arrived < c.Messages; {
		for given < c.Messages && given-arrived < c.Window {
			given++
			give(uint32(given))
		}
		if flusher != nil {
			if err := flusher.Flush(); err != nil {
				return err
			}
		}
		n, err := d.credits.Read()
		if err != nil {
			return fmt.Errorf("%d of %d messages arrived: %w", arrived, c.Messages, err)
		}
		arrived += n
	}
	return nil
}

// randomUsers returns a func that chooses a user who reads, the same ones for every server, and stamps a message for him with his
// next number.
func (d *Driver) randomUsers(c control.ServerCommand) func() (user string, message []byte) {
	users := make([]string, c.Sessions)
	for i := range users {
		users[i] = strconv.Itoa(i)
	}
	last := make([]uint32, c.Sessions)
	random := rand.New(rand.NewPCG(1, 2))
	template := d.server.Template(c.Size)
	return func() (string, []byte) {
		i := c.Stalled + random.IntN(len(users)-c.Stalled)
		last[i]++
		return users[i], stamped(template, last[i])
	}
}

// await waits for n credits.
func (d *Driver) await(n int) error {
	for n > 0 {
		got, err := d.credits.Read()
		if err != nil {
			return err
		}
		n -= got
	}
	return nil
}

// stamped is what every workload allocates for a message itself, since servers keep what they send.
func stamped(template []byte, seq uint32) []byte {
	message := slices.Clone(template)
	stamp.Put(message, seq, time.Now())
	return message
}

// profile starts the profiles that c asks for and returns what writes them.
func profile(c control.ServerCommand) (stop func() error, err error) {
	var cpu *os.File
	if c.CPUProfile != "" {
		if cpu, err = os.Create(c.CPUProfile); err != nil {
			return nil, err
		}
		if err := pprof.StartCPUProfile(cpu); err != nil {
			return nil, err
		}
	}
	return func() error {
		if cpu != nil {
			pprof.StopCPUProfile()
			if err := cpu.Close(); err != nil {
				return err
			}
		}
		if c.AllocProfile == "" {
			return nil
		}
		file, err := os.Create(c.AllocProfile)
		if err != nil {
			return err
		}
		return errors.Join(pprof.Lookup("allocs").WriteTo(file, 0), file.Close())
	}, nil
}
