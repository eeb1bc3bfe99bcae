package suite

import (
	"fmt"
	"slices"
	"time"

	"github.com/switchboard-go/switchboard/bench/control"
	"github.com/switchboard-go/switchboard/bench/peer"
)

// What is measured of a cell. CPU time is the server's, user and system; all but the latencies and the shares are for each message
// that a client got, or for each connection.
const (
	CPU         = "cpu"         // µs
	Allocations = "allocations" // heap objects
	Bytes       = "bytes"       // allocated
	Writes      = "writes"      // system calls that write
	Reads       = "reads"       // system calls that read
	Switches    = "switches"    // times that a thread gave its processor away
	P50         = "p50"         // µs
	P99         = "p99"         // µs
	TypicalP99  = "typicalP99"  // µs; the median of the p99s of ten parts of the time
	InUse       = "inUse"       // bytes of heap and stacks
	Resident    = "resident"    // bytes
	LoadShare   = "loadShare"   // how much of one processor the load generator used
	Noise       = "noise"       // share of the processors that others used
)

// A Cell is what one round measured of one server with one workload.
type Cell struct {
	Workload string             `json:"workload"`
	Server   string             `json:"server"`
	Round    int                `json:"round"`
	Values   map[string]float64 `json:"values"`
}

// Programs are the paths of the two programs that a cell runs.
type Programs struct {
	Server, Load string
	// Profiles is the folder that a cell's profiles go to; empty for none.
	Profiles string
	// Under is a command line that the server is run under, such as strace's; empty for none.
	Under []string
}

// Run measures one cell in fresh processes.
func (p Programs) Run(w Workload, server string, round int) (Cell, error) {
	cell := Cell{Workload: w.Name, Server: server, Round: round, Values: make(map[string]float64)}
	s, err := p.start(w, server)
	if err != nil {
		return cell, fmt.Errorf("%s of %s: %w", w.Name, server, err)
	}
	defer s.end()
	if err := s.measure(p, w, &cell); err != nil {
		return cell, fmt.Errorf("%s of %s: %w", w.Name, server, err)
	}
	return cell, nil
}

// site is a running pair of a server and a load generator.
type site struct {
	server, load *control.Process
	address      string
}

func (p Programs) start(w Workload, kind string) (*site, error) {
	serverEnd, loadEnd, err := control.Credits()
	if err != nil {
		return nil, err
	}
	defer func() { _, _ = serverEnd.Close(), loadEnd.Close() }()
	line := append(slices.Clone(p.Under), p.Server, "-kind="+kind, fmt.Sprint("-tls=", w.TLS), fmt.Sprint("-compress=", w.Compress))
	s := &site{}
	if s.server, err = control.Start(serverEnd, line[0], line[1:]...); err != nil {
		return nil, err
	}
	if s.load, err = control.Start(loadEnd, p.Load); err != nil {
		s.server.End()
		return nil, err
	}
	var ready control.ServerReady
	if err := s.server.Await(&ready); err != nil {
		s.end()
		return nil, err
	}
	s.address = ready.Address
	return s, nil
}

func (s *site) end() {
	s.load.End()
	s.server.End()
}

func (s *site) measure(p Programs, w Workload, cell *Cell) error {
	connect := control.LoadCommand{
		Do: control.Connect, Address: s.address, Connections: w.Connections, Stalled: w.Stalled,
		Centrifuge: cell.Server == peer.Centrifuge, Compress: w.Compress, TLS: w.TLS,
	}
	if w.Server.Do == control.Memory {
		return s.memory(connect, cell)
	}
	if err := s.load.Ask(connect, &control.LoadResult{}); err != nil {
		return err
	}
	if w.Stalled > 0 {
		stall := control.ServerCommand{Do: control.Stall, Sessions: w.Connections, Stalled: w.Stalled}
		if err := s.server.Ask(stall, &control.ServerResult{}); err != nil {
			return err
		}
	}
	server, load := w.Server, w.Load
	server.Sessions, server.Stalled = w.Connections, w.Stalled
	if _, _, err := s.both(server, load, w.Warm); err != nil {
		return err
	}
	if p.Profiles != "" {
		base := p.Profiles + "/" + w.Name + "-" + cell.Server
		server.CPUProfile, server.AllocProfile = base+".cpu", base+".allocs"
	}
	noise := startNoise(s.server.PID(), s.load.PID())
	used, took, err := s.both(server, load, server.Messages)
	if err != nil {
		return err
	}
	cell.Values[Noise] = noise.share()
	deliveries := float64(took.Deliveries)
	cell.Values[CPU] = micros(used.CPU()) / deliveries
	cell.Values[Allocations] = float64(used.Allocations) / deliveries
	cell.Values[Bytes] = float64(used.Bytes) / deliveries
	cell.Values[Writes] = float64(used.Writes) / deliveries
	cell.Values[Reads] = float64(used.Reads) / deliveries
	cell.Values[Switches] = float64(used.Switches) / deliveries
	cell.Values[P50], cell.Values[P99] = micros(took.P50), micros(took.P99)
	cell.Values[TypicalP99] = micros(took.TypicalP99)
	cell.Values[LoadShare] = float64(took.CPU()) / float64(took.Elapsed)
	return check(took, w)
}

// both has the two processes do messages messages.
func (s *site) both(server control.ServerCommand, load control.LoadCommand, messages int) (used control.ServerResult, took control.LoadResult, err error) {
	server.Messages, load.Messages = messages, messages
	if err := s.load.Tell(load); err != nil {
		return used, took, err
	}
	// The load generator's failure is the one that says most; without it the server waits for credits in vain.
	if err := s.server.Tell(server); err != nil {
		return used, took, err
	}
	if err := s.load.Await(&took); err != nil {
		return used, took, err
	}
	return used, took, s.server.Await(&used)
}

// memory measures what connections cost, beyond what the server needs with one.
func (s *site) memory(connect control.LoadCommand, cell *Cell) error {
	var before, after control.ServerResult
	first := connect
	first.Connections = 1
	if err := s.load.Ask(first, &control.LoadResult{}); err != nil {
		return err
	}
	if err := s.server.Ask(control.ServerCommand{Do: control.Memory, Sessions: 1}, &before); err != nil {
		return err
	}
	if err := s.load.Ask(connect, &control.LoadResult{}); err != nil {
		return err
	}
	if err := s.server.Ask(control.ServerCommand{Do: control.Memory, Sessions: connect.Connections + 1}, &after); err != nil {
		return err
	}
	n := float64(connect.Connections)
	cell.Values[InUse] = (float64(after.InUse) - float64(before.InUse)) / n
	cell.Values[Resident] = (float64(after.Resident) - float64(before.Resident)) / n
	return nil
}

// check refuses a measurement in which messages were not what they should be.
func check(took control.LoadResult, w Workload) error {
	if took.Lost > 0 || took.Misordered > 0 {
		return fmt.Errorf("%d messages lost, %d out of order or twice", took.Lost, took.Misordered)
	}
	// gorilla's newlines and centrifuge's longer and shorter channel names make a few bytes of difference.
	want := max(w.Server.Size, w.Load.Size)
	if size := took.Payload / took.Deliveries; size < want-8 || size > want+8 {
		return fmt.Errorf("messages of %d bytes, not %d", size, want)
	}
	return nil
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }
