package control

import "time"

// ServerReady is the first line of a server, without having been asked.
type ServerReady struct {
	Address string `json:"address"`
}

// What a server does.
const (
	Broadcast = "broadcast" // Messages to all, Window in flight
	Send      = "send"      // Messages to one random user each, Window in flight
	Pace      = "pace"      // Messages to one random user each who reads, Rate a second; and some to the Stalled
	Stall     = "stall"     // fill the queues of the first Stalled users, who do not read
	Answer    = "answer"    // measure until the load generator has Messages answers
	Memory    = "memory"    // collect garbage and say what is in use
)

// ServerCommand is a command to a server. Fields that Do does not name are ignored.
type ServerCommand struct {
	Do       string `json:"do"`
	Sessions int    `json:"sessions"` // wait until that many are there
	Messages int    `json:"messages,omitempty"`
	Window   int    `json:"window,omitempty"`
	Size     int    `json:"size,omitempty"` // bytes of WebSocket payload
	Rate     int    `json:"rate,omitempty"`
	Stalled  int    `json:"stalled,omitempty"`
	// CPUProfile and AllocProfile are the files to write profiles of this command to. Empty: none.
	CPUProfile   string `json:"cpuProfile,omitempty"`
	AllocProfile string `json:"allocProfile,omitempty"`
}

// ServerResult is what a server answers.
type ServerResult struct {
	Usage
	Allocations uint64 `json:"allocations"`
	Bytes       uint64 `json:"bytes"` // allocated
	// Reads and Writes are system calls that read and write, of files and sockets.
	Reads  uint64 `json:"reads"`
	Writes uint64 `json:"writes"`
	// Switches is how often a thread gave its processor away, to wait.
	Switches int64  `json:"switches"`
	Resident uint64 `json:"resident,omitempty"`
	InUse    uint64 `json:"inUse,omitempty"` // heap and stacks
}

// What a load generator does.
const (
	Connect = "connect" // open Connections
	Receive = "receive" // take Messages
	Request = "request" // send Messages, InFlight on each connection, and take the answers
)

// LoadCommand is a command to a load generator. Fields that Do does not name are ignored.
type LoadCommand struct {
	Do          string `json:"do"`
	Address     string `json:"address,omitempty"`
	Connections int    `json:"connections,omitempty"`
	Stalled     int    `json:"stalled,omitempty"` // of those, the first that never read
	Centrifuge  bool   `json:"centrifuge,omitempty"`
	Compress    bool   `json:"compress,omitempty"`
	TLS         bool   `json:"tls,omitempty"`
	Messages    int    `json:"messages,omitempty"`
	// Copies says that each connection gets each message.
	Copies      bool `json:"copies,omitempty"`
	CreditEvery int  `json:"creditEvery,omitempty"` // how many messages one credit message stands for at the least
	InFlight    int  `json:"inFlight,omitempty"`
	Size        int  `json:"size,omitempty"`
}

// LoadResult is what a load generator answers.
type LoadResult struct {
	Usage
	Deliveries int           `json:"deliveries"`
	Payload    int           `json:"payload"`    // bytes, after decompression
	Reads      int           `json:"reads"`      // system calls that read
	Lost       int           `json:"lost"`       // numbers that were skipped
	Misordered int           `json:"misordered"` // numbers that came twice or late
	P50        time.Duration `json:"p50"`
	P99        time.Duration `json:"p99"`
	TypicalP99 time.Duration `json:"typicalP99"` // the median of the p99s of ten parts of the time
}
