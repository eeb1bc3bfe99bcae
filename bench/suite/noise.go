package suite

import (
	"fmt"
	"os"
	"runtime"
	"time"
)

// noise finds out how much of the machine others used: other processes, and other machines on the same hardware.
type noise struct {
	begin time.Time
	idle  time.Duration
}

func startNoise() noise { return noise{time.Now(), idle()} }

// share returns the share of all processors' time, since the start, that was neither idle nor the measured processes' own.
func (n noise) share(own time.Duration) float64 {
	all := time.Since(n.begin) * time.Duration(runtime.NumCPU())
	return max(0, float64(all-(idle()-n.idle)-own)/float64(all))
}

// idle returns how long the processors had nothing to do, all together, since the start of the machine; 0 where nobody tells.
func idle() time.Duration {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	var user, nice, system, idle, wait int64
	if _, err := fmt.Sscanf(string(stat), "cpu %d %d %d %d %d", &user, &nice, &system, &idle, &wait); err != nil {
		return 0
	}
	const tick = 10 * time.Millisecond // USER_HZ is 100 wherever Go runs
	return time.Duration(idle+wait) * tick
}
