package pairs

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// brokerCPU returns the CPU time that the message broker's processes have used:
// those that descend from this one, and are not this program.
func brokerCPU() (time.Duration, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	type process struct {
		parent int
		ticks  int64
	}
	all := make(map[int]process)
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		// pid (name) state ppid … and utime and stime as fields 14 and 15.
		at := bytes.LastIndexByte(text, ')')
		fields := bytes.Fields(text[at+1:])
		if len(fields) < 13 {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		p := process{}
		p.parent, _ = strconv.Atoi(string(fields[1]))
		user, _ := strconv.ParseInt(string(fields[11]), 10, 64)
		system, _ := strconv.ParseInt(string(fields[12]), 10, 64)
		p.ticks = user + system
		if program, err := os.Readlink(filepath.Join(filepath.Dir(path), "exe")); err == nil && program == self {
			p.ticks = 0
		}
		all[pid] = p
	}
	const tick = 10 * time.Millisecond
	var total time.Duration
	for pid, p := range all {
		for above := pid; above > 1; above = all[above].parent {
			if above == os.Getpid() {
				total += time.Duration(p.ticks) * tick
				break
			}
		}
	}
	return total, nil
}
