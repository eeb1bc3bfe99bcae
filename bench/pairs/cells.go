package pairs

import (
	"strings"

	"github.com/switchboard-go/switchboard/bench/report"
	"github.com/switchboard-go/switchboard/bench/suite"
)

// What is measured of a pair beside what is measured of a server: all for each
// message, in µs.
const (
	period    = "period"    // from one message to the next, in a flood
	sideA     = "a"         // CPU time of the node that sends
	sideB     = "b"         // and of the one that receives
	brokerCPU = "brokerCPU" // of the message broker
	loadCPU   = "loadCPU"   // of the load generator
	amiss     = "amiss"     // messages that were lost, came twice, out of order or were not acknowledged
)

// The servers that goals are told by.
const (
	ours   = "switchboard"
	client = "client"
	local  = "local"
	peer   = "centrifuge"
	// clientAndLocal is the client library and a delivery on one node, one after
	// the other.
	clientAndLocal = "client + local"
)

func workload(broker string) string { return "pair-" + broker }

// Cells returns rounds as the report has them.
func Cells(rounds []Round) (cells []suite.Cell) {
	alone := make(map[string]map[int]Round) // those of local, by broker and round
	for _, r := range rounds {
		if broker, server, _ := strings.Cut(r.Pair, "/"); server == local {
			if alone[broker] == nil {
				alone[broker] = make(map[int]Round)
			}
			alone[broker][r.Round] = r
		}
	}
	for _, r := range rounds {
		broker, server, _ := strings.Cut(r.Pair, "/")
		values := map[string]float64{suite.Noise: r.Noise, amiss: float64(r.Lost + r.Wrong + r.Failed + r.Closed)}
		if r.Rate > 0 {
			values[period] = 1e6 / r.Rate
			values[suite.CPU], values[sideA], values[sideB] = micros(r.A+r.B), micros(r.A), micros(r.B)
			values[brokerCPU], values[loadCPU] = micros(r.Broker), micros(r.Load)
			values[suite.Switches] = r.Switches
		}
		if r.P50 > 0 {
			values[suite.P50], values[suite.P99] = micros(r.P50), micros(r.P99)
		}
		cells = append(cells, suite.Cell{Workload: workload(broker), Server: server, Round: r.Round, Values: values})
		if alone, ok := alone[broker][r.Round]; ok && server == client && r.P50 > 0 {
			cells = append(cells, suite.Cell{Workload: workload(broker), Server: clientAndLocal, Round: r.Round,
				Values: map[string]float64{suite.Noise: r.Noise, suite.P50: micros(r.P50 + alone.P50)}})
		}
	}
	return cells
}

var titles = map[string]string{
	"redis":    "Redis: from one node to a socket of another",
	"rabbitmq": "RabbitMQ: from one node to a socket of another",
	"kafka":    "Kafka: from one node to a socket of another",
	"rocketmq": "RocketMQ: from one node to a socket of another",
}

// Brokers are all that there are pairs for, in the order of their turns.
var Brokers = []string{"redis", "rabbitmq", "kafka", "rocketmq"}

// Sections are the tables of the pairs.
func Sections() (sections []report.Section) {
	for _, broker := range Brokers {
		sections = append(sections, report.Section{
			Workload: workload(broker), Title: titles[broker], Base: client,
			Main: []report.Column{
				{Metric: period, Title: "µs from message to message", Digits: 2},
				{Metric: suite.CPU, Title: "µs of CPU a message, A and B", Digits: 2},
				{Metric: suite.P50, Title: "p50 in ms at 1,000/s", Divisor: 1000, Digits: 3},
			},
			Others: []report.Column{
				{Metric: sideA, Title: "A", Digits: 2},
				{Metric: sideB, Title: "B", Digits: 2},
				{Metric: brokerCPU, Title: "broker", Digits: 2},
				{Metric: loadCPU, Title: "load generator", Digits: 2},
				{Metric: suite.Switches, Title: "switches", Digits: 3},
				{Metric: suite.P99, Title: "p99 in ms", Divisor: 1000, Digits: 3},
				{Metric: amiss, Title: "lost or wrong", Digits: 0},
			},
		})
	}
	return sections
}

// Goals are what is to be reached. A throughput of at least 0.8 is a period of at
// most 1.25.
func Goals() []report.Goal {
	ratio := func(name, broker, metric, to string, atMost float64) report.Goal {
		return report.Goal{
			Name: name, Workload: workload(broker), Server: ours, Metric: metric,
			ToWorkload: workload(broker), ToServer: to, AtMost: atMost, Unit: " of " + to,
		}
	}
	goals := []report.Goal{
		{Name: "Redis: 100,000 messages a second from node to node", Workload: workload("redis"), Server: ours, Metric: period, AtMost: 10, Unit: " µs for each"},
		ratio("Redis: CPU of both nodes", "redis", suite.CPU, peer, 0.5),
	}
	for _, broker := range Brokers {
		name, _, _ := strings.Cut(titles[broker], ":")
		if broker != "redis" {
			goals = append(goals, ratio(name+": time for a message in a flood", broker, period, client, 1.25))
		}
		goals = append(goals, ratio(name+": p50 at 1,000/s", broker, suite.P50, clientAndLocal, 1.2))
	}
	return goals
}
