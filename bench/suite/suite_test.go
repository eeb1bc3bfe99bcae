package suite_test

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/switchboard-go/switchboard/bench/suite"
)

// Each server does a little of each of its workloads: all messages come, in order, none twice, and of the size they should have.
func TestEveryServerDoesItsWorkloads(t *testing.T) {
	bin := t.TempDir()
	if output, err := exec.Command("go", "build", "-o", bin, "../cmd/server", "../cmd/load").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, output)
	}
	programs := suite.Programs{Server: filepath.Join(bin, "server"), Load: filepath.Join(bin, "load")}
	for _, w := range suite.Workloads(true) {
		w.Connections, w.Stalled, w.Warm, w.Server.Messages = min(w.Connections, 30), min(w.Stalled, 2), 40, 400
		for _, server := range w.Servers {
			t.Run(w.Name+"/"+server, func(t *testing.T) {
				cell, err := programs.Run(w, server, 0)
				if err != nil {
					t.Fatal(err)
				}
				if len(cell.Values) == 0 {
					t.Error("nothing was measured")
				}
			})
		}
	}
}
