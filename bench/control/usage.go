package control

import (
	"time"

	"golang.org/x/sys/unix"
)

// Usage is what a process used while it did a command.
type Usage struct {
	User    time.Duration `json:"user"`
	System  time.Duration `json:"system"`
	Elapsed time.Duration `json:"elapsed"`
}

// CPU is the processor time of both kinds.
func (u Usage) CPU() time.Duration { return u.User + u.System }

// Since returns a func that says what this process has used since.
func Since() func() Usage {
	begin := time.Now()
	used := func() (user, system time.Duration) {
		var r unix.Rusage
		if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
			panic(err) // only a wrong argument
		}
		return time.Duration(r.Utime.Nano()), time.Duration(r.Stime.Nano())
	}
	user, system := used()
	return func() Usage {
		u, s := used()
		return Usage{User: u - user, System: s - system, Elapsed: time.Since(begin)}
	}
}
