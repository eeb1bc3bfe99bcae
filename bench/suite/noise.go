package suite

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"time"
)

// noise finds out how much of the machine's processors others used: other processes, and other machines on the same hardware
// (steal). What interrupts took is not in it, as the measured processes cause most of them.
type noise struct {
	begin time.Time
	own   []int
	used  time.Duration
}

// startNoise begins to observe all but this process and its children, which the pids of own are.
func startNoise(own ...int) noise {
	own = append(own, os.Getpid())
	return noise{time.Now(), own, used(own)}
}

// share returns the share of all processors' time, since the start, that others used.
func (n noise) share() float64 {
	all := time.Since(n.begin) * time.Duration(runtime.NumCPU())
	return max(0, float64(used(n.own)-n.used)/float64(all))
}

// tick is the unit of times in /proc: USER_HZ is 100 wherever Go runs.
const tick = 10 * time.Millisecond

// used returns what all processes but own, and the children that they have waited for, used since their start, and what was stolen.
func used(own []int) time.Duration {
	ticks := stolen()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		panic(err) // only a wrong pattern
	}
	for _, file := range stats {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil || slices.Contains(own, pid) {
			continue
		}
		stat, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		ticks += processTicks(stat)
	}
	return time.Duration(ticks) * tick
}

// processTicks reads utime, stime, cutime and cstime of a /proc/PID/stat: the fields 14 to 17, of which the second is a name in
// brackets that may contain anything.
func processTicks(stat []byte) (ticks int64) {
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	for i := 14 - 3; i <= 17-3 && i < len(fields); i++ {
		n, err := strconv.ParseInt(string(fields[i]), 10, 64)
		if err == nil {
			ticks += n
		}
	}
	return ticks
}

// stolen returns the ticks that other machines on the same hardware took from this one; 0 where nobody tells.
func stolen() int64 {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	var user, nice, system, idle, wait, hard, soft, steal int64
	if _, err := fmt.Sscanf(string(stat), "cpu %d %d %d %d %d %d %d %d", &user, &nice, &system, &idle, &wait, &hard, &soft, &steal); err != nil {
		return 0
	}
	return steal
}
