package suite

import (
	"github.com/switchboard-go/switchboard/bench/control"
	"github.com/switchboard-go/switchboard/bench/peer"
)

// A Workload is one thing that is measured of several servers.
type Workload struct {
	Name    string
	Title   string
	Servers []string
	// Connections is how many clients connect; the first Stalled of them never read.
	Connections, Stalled int
	TLS, Compress        bool
	// Server and Load are what the two processes do. Warm is how many messages they do before, unmeasured.
	Server control.ServerCommand
	Load   control.LoadCommand
	Warm   int
	// Rounds is in how many rounds it takes part, where that is less than all.
	Rounds int
}

// payload is the size of a WebSocket payload in bytes where nothing else is said.
const payload = 128

var (
	everyone  = []string{peer.GWS, peer.Switchboard, peer.Melody, peer.Centrifuge, peer.Gorilla, peer.Limit}
	readers   = []string{peer.GWS, peer.Switchboard, peer.Melody, peer.Gorilla, peer.GWSBare}
	pipelined = []string{peer.GWS, peer.Switchboard, peer.GWSBare}
	holders   = []string{peer.GWS, peer.Switchboard, peer.Melody, peer.Centrifuge, peer.Gorilla}
	senders   = []string{peer.GWS, peer.Switchboard, peer.Centrifuge, peer.Limit}
	rivals    = []string{peer.GWS, peer.Switchboard}
)

// Workloads are all of them. A quick run does less of each.
func Workloads(quick bool) []Workload {
	sends, questions, paced, connections, memoryRounds := 200_000, 40_000, 8_000, 10_000, 2
	part := func(n int) int { return n }
	if quick {
		sends, questions, paced, memoryRounds = 60_000, 20_000, 4_000, 1
		part = func(n int) int { return max(n/3, 40) }
	}
	broadcast := func(name, title string, servers []string, connections, window, messages, size int) Workload {
		messages = part(messages)
		return Workload{
			Name: name, Title: title, Servers: servers, Connections: connections,
			Warm:   max(messages/8, window), // all that can be in flight was there once
			Server: control.ServerCommand{Do: control.Broadcast, Messages: messages, Window: window, Size: size},
			Load:   control.LoadCommand{Do: control.Receive, Copies: true, CreditEvery: 1},
		}
	}
	send := func(name, title string, servers []string, window int) Workload {
		return Workload{
			Name: name, Title: title, Servers: servers, Connections: 1000, Warm: sends / 10,
			Server: control.ServerCommand{Do: control.Send, Messages: sends, Window: window, Size: payload},
			Load:   control.LoadCommand{Do: control.Receive, CreditEvery: window / 8},
		}
	}
	inbound := func(name, title string, servers []string, connections, inFlight int) Workload {
		return Workload{
			Name: name, Title: title, Servers: servers, Connections: connections, Warm: questions / 8,
			Server: control.ServerCommand{Do: control.Answer, Messages: questions},
			Load:   control.LoadCommand{Do: control.Request, InFlight: inFlight, CreditEvery: 1 << 30, Size: payload},
		}
	}
	latency := func(name, title string, stalled int) Workload {
		return Workload{
			Name: name, Title: title, Servers: rivals, Connections: 1000, Stalled: stalled, Warm: 1000,
			Server: control.ServerCommand{Do: control.Pace, Messages: paced, Rate: 5000, Size: payload},
			Load:   control.LoadCommand{Do: control.Receive, CreditEvery: 1 << 30},
		}
	}
	secure := broadcast("tls-1000x32", "broadcast over TLS to 1,000, 32 in flight", rivals, 1000, 32, 100, payload)
	secure.TLS = true
	deflate := broadcast("deflate-1000x32", "compressed broadcast of 1,024 bytes to 1,000, 32 in flight", rivals, 1000, 32, 200, 1024)
	deflate.Compress = true
	return []Workload{
		broadcast("broadcast-1000x32", "broadcast to 1,000, 32 in flight", everyone, 1000, 32, 256, payload),
		broadcast("broadcast-5000x32", "broadcast to 5,000, 32 in flight", everyone, 5000, 32, 64, payload),
		broadcast("broadcast-1000x1", "broadcast to 1,000, one in flight", everyone, 1000, 1, 120, payload),
		send("send-1000", "sends to random users of 1,000, as fast as they are taken", everyone, sends),
		send("send-1000x1024", "sends to random users of 1,000, 1,024 in flight", senders, 1024),
		inbound("inbound-1000x1", "questions of 1,000 clients, one in flight each, decoded and answered", readers, 1000, 1),
		inbound("inbound-100x16", "questions of 100 clients, 16 in flight each, decoded and answered", pipelined, 100, 16),
		{
			Name: "memory-10000", Title: "an idle connection of 10,000", Servers: holders, Connections: connections, Rounds: memoryRounds,
			Server: control.ServerCommand{Do: control.Memory},
		},
		latency("latency-5000", "sends to one user at a time, 5,000/s, 1,000 connected", 0),
		latency("stalled-5000", "the same, 10 of the 1,000 do not read", 10),
		secure,
		deflate,
	}
}
