package pairs

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// machineUse is the CPU time that processes have used up to now, beside those
// that run this program.
type machineUse struct {
	broker time.Duration // those that descend from this process
	others time.Duration // all the rest, and other machines on the same hardware
}

// tick is the unit of times in /proc: USER_HZ is 100 wherever Go runs.
const tick = 10 * time.Millisecond

func useOfMachine() (u machineUse, err error) {
	self, err := os.Executable()
	if err != nil {
		return u, err
	}
	type process struct {
		parent int
		ticks  int64
	}
	all := make(map[int]process)
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return u, err
	}
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		// pid (name) state ppid …, utime and stime are the fields 14 and 15.
		fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
		if len(fields) < 13 {
			continue
		}
		p := process{parent: int(number(fields[1])), ticks: number(fields[11]) + number(fields[12])}
		if program, err := os.Readlink(filepath.Join(filepath.Dir(path), "exe")); err == nil && program == self {
			p.ticks = 0
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		all[pid] = p
	}
	for pid, p := range all {
		above := pid
		for above > 1 && above != os.Getpid() {
			above = all[above].parent
		}
		if above == os.Getpid() {
			u.broker += time.Duration(p.ticks) * tick
		} else {
			u.others += time.Duration(p.ticks) * tick
		}
	}
	if text, err := os.ReadFile("/proc/stat"); err == nil {
		if fields := bytes.Fields(text); len(fields) > 8 { // cpu user nice system idle iowait irq softirq steal
			u.others += time.Duration(number(fields[8])) * tick
		}
	}
	return u, nil
}

func number(text []byte) int64 {
	n, _ := strconv.ParseInt(string(text), 10, 64)
	return n
}
