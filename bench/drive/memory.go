package drive

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
)

// memory collects garbage, gives the system back what is free, and says what is left.
func memory() (resident, inUse uint64, err error) {
	debug.FreeOSMemory()
	debug.FreeOSMemory() // what finalizers and pools let go
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, 0, err
	}
	var size, pages uint64
	if _, err := fmt.Sscan(string(statm), &size, &pages); err != nil {
		return 0, 0, fmt.Errorf("read /proc/self/statm: %w", err)
	}
	return pages * uint64(os.Getpagesize()), m.HeapInuse + m.StackInuse, nil
}
