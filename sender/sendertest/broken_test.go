package sendertest

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/sendertest/memory"
)

// caught says which case must notice a fault, and what in its report names it.
var caught = map[memory.Fault]struct{ by, saying string }{
	memory.Drops:                 {"Order", "want one of"},
	memory.DropsEmpty:            {"PayloadSizes", "has received nothing"},
	memory.Duplicates:            {"FanOut", "received"},
	memory.Reorders:              {"Order", "want one of"},
	memory.RoutesOvertake:        {"OrderAcrossRoutes", "want \"batch 0 #1\""},
	memory.SplitsBatches:         {"LargeBatch", "received nothing"},
	memory.ServesOne:             {"FanOut", "received nothing"},
	memory.SkipsPublisher:        {"FanOut", "received nothing"},
	memory.ReplaysOld:            {"NoReplay", "\"old #1\", want \"new\""},
	memory.ReplaysToNames:        {"LeaveAndRejoin", "one is away #1"},
	memory.LateSubscribe:         {"LiveOnSubscribe", "received nothing"},
	memory.SubscribeKeepsContext: {"SubscribeContext", "received nothing"},
	memory.SubscribeHangs:        {"SubscribeContext", "has not returned"},
	memory.SubscribeGivesUp:      {"SubscribeAgain", "fails still"},
	memory.SubscribesTwice:       {"SubscribeAgain", "received"},
	memory.MixesApplications:     {"Isolation", "for st-"},
	memory.OverstatesLimit:       {"PayloadSizes", "larger"},
	memory.ChangesBytes:          {"PayloadBytes", "received"},
	memory.KeepsBuffers:          {"PublisherKeepsBuffers", `\xee`},
	memory.SharesPayloads:        {"ReceiverKeepsPayload", "became"},
	memory.ReusesBuffer:          {"ReceiverKeepsPayload", "became"},
	memory.ForgetsDone:           {"FanOut", "without Done"},
	memory.Miscounts:             {"RouteAddress", "nodes took"},
	memory.BlocksOnSlow:          {"SlowNode", "Publish"},
	memory.DropsForSlow:          {"SlowNode", "received nothing"},
	memory.ReceiveIgnoresContext: {"ReceiveContext", "has not returned"},
	memory.ReceiveDropsOnCancel:  {"ReceiveContext", "a cancelled Receive lost it"},
	memory.PublishHangs:          {"PublishContext", "has not returned"},
	memory.PublishDefers:         {"PublishContext", "given up"},
	memory.BeginsLate:            {"Begin", "received"},
	memory.ConfirmsEarly:         {"Confirm", "want \"after round"},
	memory.ConfirmHangs:          {"ConfirmAfterClose", "has not returned"},
	memory.PublishAfterClose:     {"UseAfterClose", "Publish after Close returned <nil>"},
	memory.CloseHangs:            {"CloseTwice", "has not returned"},
	memory.CloseLeavesReceive:    {"CloseWakesReceive", "has not returned"},
	memory.CloseTwiceFails:       {"CloseTwice", "closed already"},
	memory.CloseLeavesGoroutine:  {"CloseEndsGoroutines", "linger"},
	memory.WrongCloseError:       {"CloseWakesReceive", "want ErrClosed"},
	memory.NeedsSubscribe:        {"PublishOnly", "not subscribed"},
	memory.RoutesToAll:           {"RouteNode", "received"},
	memory.RoutesByPrefix:        {"RouteNode", "received"},
	memory.ForgetsEarlyTakes:     {"TakeBeforeSubscribe", "has not come"},
	memory.IgnoresTakeOff:        {"TakeOff", "comes still"},
	memory.TakesOutOfOrder:       {"TakeOrder", "received"},
	memory.TakesFew:              {"ManyAddresses", "has not come"},
	memory.HidesBreaks:           {"Restart", "has not reported LinkDown"},
	memory.LosesDurable:          {"Restart", "of a durable broker"},
	memory.ForgetsAddresses:      {"RestartKeepsAddresses", "an address after a restart"},
	memory.ForgetsNode:           {"RestartKeepsNodeRoute", "received nothing"},
	memory.StaysDown:             {"Restart", "received nothing"},
}

// A suite that lets a broken broker pass is worth nothing to a driver's author.
func TestBrokenBrokers(t *testing.T) {
	if len(caught) != len(memory.Faults()) {
		t.Errorf("%d faults are to be noticed and there are %d", len(caught), len(memory.Faults()))
	}
	for _, fault := range memory.Faults() {
		t.Run(string(fault), func(t *testing.T) {
			want, ok := caught[fault]
			if !ok {
				t.Fatal("no case is said to notice this fault")
			}
			i := slices.IndexFunc(cases, func(c testCase) bool { return c.name == want.by })
			if i < 0 {
				t.Fatalf("there is no case %s", want.by)
			}
			report := trial(t, cases[i], options(fault))
			if !report.Failed() {
				t.Errorf("case %s passes", want.by)
			} else if !strings.Contains(report.text(), want.saying) {
				t.Errorf("case %s does not say %q but:\n%s", want.by, want.saying, report.text())
			}
		})
	}
}

// Each case must be able to fail, or it tests nothing.
func TestEachCaseFails(t *testing.T) {
	for _, c := range cases {
		if c.needs&(borrowing|configuration) != 0 || c.name == "Capabilities" || strings.HasPrefix(c.name, "Cluster") {
			continue // in tests of their own, or below
		}
		t.Run(c.name, func(t *testing.T) {
			if report := trial(t, c, options("")); report.Failed() {
				t.Fatalf("fails on a sound broker:\n%s", report.text())
			}
			for _, fault := range memory.Faults() {
				if trial(t, c, options(fault)).Failed() {
					return
				}
			}
			t.Error("passes with every fault")
		})
	}
}

// Those of a whole cluster work over the network, so their waiting is real.
func TestEachClusterCaseFails(t *testing.T) {
	faults := map[string]memory.Fault{
		"ClusterTargets":  memory.ServesOne,
		"ClusterReceipt":  memory.Miscounts,
		"ClusterTooLarge": memory.ChangesBytes,
		"ClusterGap":      memory.SkipsPublisher,
		"ClusterEmitter":  memory.NeedsSubscribe,
		"ClusterMembers":  memory.ServesOne,
		"ClusterRestart":  memory.HidesBreaks,
	}
	for _, c := range cases {
		fault, ok := faults[c.name]
		// What ClusterLocalFirst tests no broker can break: its own one is stuck.
		if ok != strings.HasPrefix(c.name, "Cluster") && c.name != "ClusterLocalFirst" {
			t.Errorf("there is no fault for case %s", c.name)
		}
		if !ok {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := options(fault)
			o.Capabilities.Durable = false
			if c.name == "ClusterMembers" || c.name == "ClusterTargets" {
				o.Capabilities.Routing = sender.RouteNothing
			}
			h := on(memory.New(o))
			h.Patience, h.probes = time.Second, 100*time.Millisecond
			if !record(t, func(t testing.TB) { c.run(newSuite(t, h, o.Capabilities)) }).Failed() {
				t.Errorf("passes with the fault %s", fault)
			}
		})
	}
}

// options are those of a bus that can do everything, so that each case applies.
func options(fault memory.Fault) memory.Options {
	return memory.Options{
		Capabilities: sender.Capabilities{Durable: true, Routing: sender.RouteAddresses, MaxPayload: 256 << 10},
		CountNodes:   true,
		Reconnect:    100 * time.Millisecond,
		Fault:        fault,
	}
}

// trial runs one case, in a bubble, where waiting costs nothing.
func trial(t *testing.T, c testCase, o memory.Options) *recorder {
	t.Helper()
	return trialWith(t, c, o, func(*Harness) {})
}

// recorder is a testing.TB whose failures are written down and are not the test's.
type recorder struct {
	testing.TB

	mu       sync.Mutex
	lines    []string
	failed   bool
	cleanups []func()
}

// record runs f as a test function runs.
func record(t testing.TB, f func(testing.TB)) *recorder {
	r := &recorder{TB: t}
	run := func(f func()) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			f()
		}()
		<-done
	}
	run(func() { f(r) })
	for len(r.cleanups) > 0 {
		last := r.cleanups[len(r.cleanups)-1]
		r.cleanups = r.cleanups[:len(r.cleanups)-1]
		run(last)
	}
	return r
}

func (r *recorder) log(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !strings.HasPrefix(text, "goroutines:") {
		r.lines = append(r.lines, text)
	}
}

func (r *recorder) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.lines, "\n")
}

func (r *recorder) Fail() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = true
}

func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

func (r *recorder) FailNow() {
	r.Fail()
	runtime.Goexit()
}

func (r *recorder) Helper()                           {}
func (r *recorder) Context() context.Context          { return context.Background() }
func (r *recorder) Cleanup(f func())                  { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Log(args ...any)                   { r.log(fmt.Sprintln(args...)) }
func (r *recorder) Logf(format string, args ...any)   { r.log(fmt.Sprintf(format, args...)) }
func (r *recorder) Error(args ...any)                 { r.Log(args...); r.Fail() }
func (r *recorder) Errorf(format string, args ...any) { r.Logf(format, args...); r.Fail() }
func (r *recorder) Fatal(args ...any)                 { r.Log(args...); r.FailNow() }
func (r *recorder) Fatalf(format string, args ...any) { r.Logf(format, args...); r.FailNow() }
