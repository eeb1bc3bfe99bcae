package main

import (
	"github.com/switchboard-go/switchboard/bench/control"
	"github.com/switchboard-go/switchboard/bench/peer"
	"github.com/switchboard-go/switchboard/bench/report"
	"github.com/switchboard-go/switchboard/bench/suite"
)

var (
	cpu      = report.Column{Metric: suite.CPU, Title: "µs of CPU a message", Digits: 2}
	p50      = report.Column{Metric: suite.P50, Title: "p50 in ms", Divisor: 1000, Digits: 3}
	p99      = report.Column{Metric: suite.P99, Title: "p99 in ms", Divisor: 1000, Digits: 3}
	typical  = report.Column{Metric: suite.TypicalP99, Title: "typical p99 in ms", Divisor: 1000, Digits: 3}
	inUse    = report.Column{Metric: suite.InUse, Title: "KB of heap and stacks", Divisor: 1000, Digits: 2}
	resident = report.Column{Metric: suite.Resident, Title: "KB resident", Divisor: 1000, Digits: 2}

	counts = []report.Column{
		{Metric: suite.Allocations, Title: "allocations", Digits: 2},
		{Metric: suite.Bytes, Title: "bytes allocated", Digits: 0},
		{Metric: suite.Writes, Title: "writes", Digits: 3},
		{Metric: suite.Reads, Title: "reads", Digits: 3},
		{Metric: suite.LoadShare, Title: "load generator, of a core", Digits: 2},
	}
)

// sections are the tables of the workloads.
func sections(workloads []suite.Workload) (sections []report.Section) {
	for _, w := range workloads {
		s := report.Section{Workload: w.Name, Title: w.Title, Base: peer.GWS}
		switch w.Server.Do {
		case control.Memory:
			s.Main = []report.Column{inUse, resident}
		case control.Pace:
			s.Main, s.Others = []report.Column{p50, typical}, []report.Column{p99, cpu}
		default:
			s.Main, s.Others, s.Plotted = []report.Column{cpu}, counts, true
		}
		sections = append(sections, s)
	}
	return sections
}

// goals are what is to be reached.
func goals() []report.Goal {
	ratio := func(name, workload, metric, server string, atMost float64) report.Goal {
		return report.Goal{
			Name: name, Workload: workload, Server: peer.Switchboard, Metric: metric,
			ToWorkload: workload, ToServer: server, AtMost: atMost, Unit: " of " + server,
		}
	}
	stalled := ratio("typical p99 of the others while 1 % of the clients are stalled", "stalled-5000", suite.TypicalP99, peer.Switchboard, 1.5)
	stalled.ToWorkload, stalled.Unit = "latency-5000", " of without"
	return []report.Goal{
		ratio("broadcast to 1,000, 32 in flight", "broadcast-1000x32", suite.CPU, peer.GWS, 0.25),
		ratio("broadcast to 5,000, 32 in flight", "broadcast-5000x32", suite.CPU, peer.GWS, 0.5),
		ratio("broadcast to 1,000, one in flight", "broadcast-1000x1", suite.CPU, peer.GWS, 0.95),
		ratio("sends to users", "send-1000", suite.CPU, peer.GWS, 0.75),
		ratio("sends to users", "send-1000", suite.CPU, peer.Centrifuge, 0.5),
		ratio("inbound: decode and answer", "inbound-1000x1", suite.CPU, peer.GWS, 0.8),
		{
			Name: "memory of an idle session", Workload: "memory-10000", Server: peer.Switchboard, Metric: suite.InUse,
			Divisor: 1000, AtMost: 6.5, Unit: " KB",
		},
		ratio("typical p99 of sends to users at 5,000/s", "latency-5000", suite.TypicalP99, peer.GWS, 1),
		stalled,
	}
}
