package brokers

import (
	"flag"
	"fmt"
	"os"
	"testing"
)

// Main is the TestMain of a package whose tests share one broker. It starts the broker, hands it to use, runs the tests, closes
// the broker and exits. Without a broker it fails: a driver that nobody tested is not a driver that works.
func Main(m *testing.M, kind Kind, use func(*Broker)) {
	os.Exit(runTests(m, kind, use))
}

func runTests(m *testing.M, kind Kind, use func(*Broker)) int {
	flag.Parse()
	// A fuzzing worker is this same program once more for each core. It only runs the fuzz target.
	if worker := flag.Lookup("test.fuzzworker"); worker != nil && worker.Value.String() == "true" {
		return m.Run()
	}
	broker, err := Start(kind)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	use(broker)
	code := m.Run()
	if err := broker.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return max(code, 1)
	}
	return code
}
