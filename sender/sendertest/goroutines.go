package sendertest

import (
	"reflect"
	"regexp"
	"runtime"
	"strings"
	"time"
)

// testCloseEndsGoroutines: Close returns when the driver's goroutines have
// ended. Those that stay write to what is gone, and a process that opens and
// closes brokers, as every test does, fills up with them.
func testCloseEndsGoroutines(s *suite) {
	before := goroutines("")
	n := s.open("n1")
	kind := reflect.TypeOf(n.Broker)
	for kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	if kind.PkgPath() == "" {
		s.Skipf("%s has no package whose goroutines to look for", kind)
	}
	n.subscribe()
	n.say("something")
	n.expect("something")
	n.close()
	deadline := time.Now().Add(min(s.h.Patience, 5*time.Second))
	for {
		left := goroutines(kind.PkgPath() + ".")
		for id := range before {
			delete(left, id)
		}
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			for _, stack := range left {
				s.Errorf("this goroutine of the driver is left after Close:\n%s", stack)
			}
			return
		}
		// Those that have ended their work may not have returned yet.
		pause(time.Millisecond)
	}
}

var goroutineID = regexp.MustCompile(`^goroutine (\d+) `)

// goroutines returns the stacks in which the text occurs, by their goroutine.
func goroutines(text string) map[string]string {
	buffer := make([]byte, 64<<10)
	for {
		n := runtime.Stack(buffer, true)
		if n < len(buffer) {
			buffer = buffer[:n]
			break
		}
		buffer = make([]byte, 2*len(buffer))
	}
	found := make(map[string]string)
	for stack := range strings.SplitSeq(string(buffer), "\n\n") {
		if id := goroutineID.FindStringSubmatch(stack); id != nil && strings.Contains(stack, text) {
			found[id[1]] = stack
		}
	}
	return found
}
