package drive

import (
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/switchboard-go/switchboard/bench/control"
)

// stalledShare is that of so many messages one more goes to a user who does not read.
const stalledShare = 100

// pace sends c.Rate messages a second to random users who read, evenly, and waits until they have arrived.
func (d *Driver) pace(c control.ServerCommand) error {
	ticks, err := newTicker(time.Second / time.Duration(c.Rate))
	if err != nil {
		return err
	}
	defer func() { _ = ticks.Close() }()
	next := d.randomUsers(c)
	toStalled := d.server.Template(c.Size)
	var expirations [8]byte
	for sent := 0; sent < c.Messages; {
		if _, err := ticks.Read(expirations[:]); err != nil {
			return fmt.Errorf("timer: %w", err)
		}
		// A process that was not scheduled catches up.
		for due := binary.NativeEndian.Uint64(expirations[:]); due > 0 && sent < c.Messages; due-- {
			d.server.Send(next())
			if sent++; c.Stalled > 0 && sent%stalledShare == 0 {
				d.server.Send(strconv.Itoa(sent/stalledShare%c.Stalled), slices.Clone(toStalled))
			}
		}
	}
	return d.await(c.Messages)
}

// newTicker returns a timer whose reads wait for a tick. A time.Ticker is late by up to a millisecond.
func newTicker(every time.Duration) (*os.File, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("timer: %w", err)
	}
	spec := unix.NsecToTimespec(int64(every))
	if err := unix.TimerfdSettime(fd, 0, &unix.ItimerSpec{Interval: spec, Value: spec}, nil); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("timer: %w", err)
	}
	return os.NewFile(uintptr(fd), "timer"), nil
}

// What fills a stalled user's socket and part of his queue: below the default bounds of the outbox (1,024 messages, 1 MiB), and
// more than the socket takes, whose window the load generator keeps small.
const (
	stallMessages = 700
	stallSize     = 1000
)

// stall fills the queues of the users who do not read.
func (d *Driver) stall(c control.ServerCommand) {
	template := d.server.Template(stallSize)
	for range stallMessages {
		for user := range c.Stalled {
			d.server.Send(strconv.Itoa(user), stamped(template, 1))
		}
	}
}
