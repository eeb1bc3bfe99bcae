package drive

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/switchboard-go/switchboard/bench/control"
)

// calls returns a func that says how many system calls this process has made since.
func calls() (since func(*control.ServerResult) error, err error) {
	reads, writes, switches, err := countCalls()
	return func(result *control.ServerResult) error {
		r, w, s, err := countCalls()
		result.Reads, result.Writes, result.Switches = r-reads, w-writes, s-switches
		return err
	}, err
}

func countCalls() (reads, writes uint64, switches int64, err error) {
	io, err := os.ReadFile("/proc/self/io")
	if err != nil {
		return 0, 0, 0, err
	}
	var rchar, wchar uint64
	if _, err := fmt.Sscanf(string(io), "rchar: %d\nwchar: %d\nsyscr: %d\nsyscw: %d", &rchar, &wchar, &reads, &writes); err != nil {
		return 0, 0, 0, fmt.Errorf("read /proc/self/io: %w", err)
	}
	var r unix.Rusage
	err = unix.Getrusage(unix.RUSAGE_SELF, &r)
	return reads, writes, r.Nvcsw, err
}
