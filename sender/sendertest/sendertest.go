package sendertest

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/sender"
)

// Harness is what the suite needs to know of a driver. Open is required.
type Harness struct {
	// Open returns a new node of an application, before Subscribe, on a broker
	// that runs. Nodes of one application hear each other, those of two never
	// do. Both names are lower-case letters, digits and hyphens, at most 40 of
	// them, and new for each case, so that what earlier runs left on the broker
	// is not heard; a case may open a node again once it has been closed. The
	// suite closes the Broker. A client that is made for it is the harness's to
	// close, with t.Cleanup. Open calls t.Fatal where it cannot.
	Open func(t testing.TB, app, node string) sender.Broker
	// Capabilities, when set, is what the Brokers must declare. It keeps a
	// driver from losing an ability, and with it the cases for it, unseen.
	Capabilities *sender.Capabilities
	// Restart stops the broker, so that every connection to it breaks, and
	// starts it again with what it keeps, at the same address. It returns when
	// the broker takes connections. Nil skips the cases that need it.
	Restart func(t testing.TB)
	// Borrowed is Open for a Broker that is given its client, and in addition
	// returns a func that uses this client and says why it cannot. Nil skips
	// the case.
	Borrowed func(t testing.TB, app, node string) (b sender.Broker, use func(context.Context) error)
	// Config describes the driver's configuration. Nil skips its cases.
	Config *Config
	// Patience is how long the suite waits for what must happen: a case that
	// meets it fails. It is not how long a case takes. Zero means 30 s.
	Patience time.Duration

	// probes is how often clusters probe; three of them are to be well above
	// what the broker and a busy machine take for a message. Zero means 500 ms.
	probes time.Duration
}

// Config is what the suite needs to know of a driver's configuration.
type Config struct {
	// Name is what the driver is registered as.
	Name string
	// Unreachable fills what the driver gave to decode, a pointer to its
	// configuration, with valid settings: an address where nothing listens and
	// secret as every password, also within URLs, where there are any.
	Unreachable func(config any, secret string)
	// Invalid spoils a configuration that Unreachable has filled, one setting
	// each, by what is wrong with it. The driver must refuse each one.
	Invalid map[string]func(config any)
}

// Run tests a driver, each case in a subtest. A case that the driver's
// Capabilities or the Harness's missing hooks make void is skipped and says so.
// Other tests that open Brokers of the same package must not run in parallel.
func Run(t *testing.T, h Harness) {
	t.Helper()
	if h.Open == nil {
		t.Fatal("sendertest: Harness.Open is nil")
	}
	can, pipelines := capabilities(t, h)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if reason := c.void(h, can, pipelines); reason != "" {
				t.Skip(reason)
			}
			c.run(newSuite(t, h, can))
		})
	}
}

// testCase is one promise. Its func's comment says why it is tested.
type testCase struct {
	name  string
	run   func(*suite)
	needs need
}

// need is what a case needs from the driver or the harness.
type need uint8

const (
	nodeRouting need = 1 << iota
	addressRouting
	pipelining
	restart
	borrowing
	configuration
)

var cases = []testCase{
	{"Capabilities", testCapabilities, 0},
	{"FanOut", testFanOut, 0},
	{"LiveOnSubscribe", testLiveOnSubscribe, 0},
	{"NoReplay", testNoReplay, 0},
	{"Order", testOrder, 0},
	{"Isolation", testIsolation, 0},
	{"PayloadSizes", testPayloadSizes, 0},
	{"PayloadBytes", testPayloadBytes, 0},
	{"LargeBatch", testLargeBatch, 0},
	{"PublisherKeepsBuffers", testPublisherKeepsBuffers, 0},
	{"ReceiverKeepsPayload", testReceiverKeepsPayload, 0},
	{"SlowNode", testSlowNode, 0},
	{"PublishOnly", testPublishOnly, 0},
	{"SubscribeContext", testSubscribeContext, 0},
	{"SubscribeAgain", testSubscribeAgain, 0},
	{"ReceiveContext", testReceiveContext, 0},
	{"PublishContext", testPublishContext, 0},
	{"CloseWakesReceive", testCloseWakesReceive, 0},
	{"CloseTwice", testCloseTwice, 0},
	{"UseAfterClose", testUseAfterClose, 0},
	{"CloseEndsGoroutines", testCloseEndsGoroutines, 0},
	{"Concurrency", testConcurrency, 0},
	{"LeaveAndRejoin", testLeaveAndRejoin, 0},
	{"RouteNode", testRouteNode, nodeRouting},
	{"RouteAddress", testRouteAddress, addressRouting},
	{"TakeBeforeSubscribe", testTakeBeforeSubscribe, addressRouting},
	{"TakeOff", testTakeOff, addressRouting},
	{"TakeOrder", testTakeOrder, addressRouting},
	{"ManyAddresses", testManyAddresses, addressRouting},
	{"OrderAcrossRoutes", testOrderAcrossRoutes, nodeRouting},
	{"Begin", testBegin, pipelining},
	{"BeginContext", testBeginContext, pipelining},
	{"Confirm", testConfirm, pipelining},
	{"ConfirmAfterClose", testConfirmAfterClose, pipelining},
	{"Restart", testRestart, restart},
	{"RestartPipelined", testRestartPipelined, restart | pipelining},
	{"RestartKeepsAddresses", testRestartKeepsAddresses, restart | addressRouting},
	{"RestartKeepsNodeRoute", testRestartKeepsNodeRoute, restart | nodeRouting},
	{"ClusterTargets", testClusterTargets, 0},
	{"ClusterReceipt", testClusterReceipt, 0},
	{"ClusterLocalFirst", testClusterLocalFirst, 0},
	{"ClusterTooLarge", testClusterTooLarge, 0},
	{"ClusterGap", testClusterGap, 0},
	{"ClusterEmitter", testClusterEmitter, 0},
	{"ClusterMembers", testClusterMembers, 0},
	{"ClusterRestart", testClusterRestart, restart},
	{"Borrowed", testBorrowed, borrowing},
	{"Config", testConfig, configuration},
	{"ConfigSecrets", testConfigSecrets, configuration},
	{"ConfigInvalid", testConfigInvalid, configuration},
	{"ConfigBackground", testConfigBackground, configuration},
}

// void says why the case does not apply; empty where it does.
func (c testCase) void(h Harness, can sender.Capabilities, pipelines bool) string {
	switch {
	case c.needs&nodeRouting != 0 && can.Routing < sender.RouteNodes:
		return "the broker does not route to nodes"
	case c.needs&addressRouting != 0 && can.Routing < sender.RouteAddresses:
		return "the broker does not route to addresses"
	case c.needs&pipelining != 0 && !pipelines:
		return "the broker is no sender.Pipeliner"
	case c.needs&restart != 0 && h.Restart == nil:
		return "the harness has no Restart"
	case c.needs&borrowing != 0 && h.Borrowed == nil:
		return "the harness has no Borrowed"
	case c.needs&configuration != 0 && h.Config == nil:
		return "the harness has no Config"
	}
	return ""
}

// capabilities asks a Broker that does nothing else.
func capabilities(t *testing.T, h Harness) (can sender.Capabilities, pipelines bool) {
	t.Helper()
	s := newSuite(t, h, sender.Capabilities{})
	n := s.open("capable")
	can = n.Capabilities()
	_, pipelines = n.Broker.(sender.Pipeliner)
	n.close()
	return can, pipelines
}

// suite is a case at work.
type suite struct {
	testing.TB
	h   Harness
	can sender.Capabilities
	app string
}

func newSuite(t testing.TB, h Harness, can sender.Capabilities) *suite {
	if h.Patience == 0 {
		h.Patience = 30 * time.Second
	}
	if h.probes == 0 {
		h.probes = 500 * time.Millisecond
	}
	return &suite{TB: t, h: h, can: can, app: "st-" + strings.ToLower(rand.Text()[:16])}
}
