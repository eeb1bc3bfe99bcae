package sendertest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/sendertest/memory"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// settings is a driver's configuration.
type settings struct {
	Address  string
	Password hidden
	Shown    string
	Depth    int
}

// hidden is a text that does not show.
type hidden string

func (hidden) String() string               { return "[hidden]" }
func (hidden) Format(f fmt.State, _ rune)   { fmt.Fprint(f, "[hidden]") }
func (hidden) MarshalText() ([]byte, error) { return []byte("[hidden]"), nil }

func fillSettings(config any, secret string) {
	if _, ok := config.(*settings); !ok {
		return
	}
	*config.(*settings) = settings{Address: "127.0.0.1:1", Password: hidden(secret), Depth: 1}
}

var errDepth = errors.New("depth must be positive")

// away is a driver whose broker cannot be reached.
type away struct {
	sender.Broker
	err     error
	closing error
}

func (b *away) Subscribe(context.Context) error                { return b.err }
func (b *away) Publish(context.Context, []sender.Packet) error { return memory.ErrDown }
func (b *away) Close() error                                   { return errors.Join(b.Broker.Close(), b.closing) }

// openSettings opens a driver as it should be done.
func openSettings(node string, decode func(any) error) (*away, error) {
	s := settings{Depth: 7}
	if err := decode(&s); err != nil {
		return nil, err
	}
	if s.Depth < 1 {
		return nil, errDepth
	}
	return &away{Broker: memory.New(memory.Options{}).Open("app", node), err: fmt.Errorf("connect to %s: connection refused", s.Address)}, nil
}

// The ways that drivers treat their configurations, and the cases that must
// notice the wrong ones.
func TestConfigCases(t *testing.T) {
	type decoder = func(any) error
	changed := func(change func(*settings)) sender.BrokerOpener {
		return func(node string, decode decoder) (sender.Broker, error) {
			return openSettings(node, func(c any) error {
				err := decode(c)
				change(c.(*settings))
				return err
			})
		}
	}
	drivers := []struct {
		name   string
		open   sender.BrokerOpener
		fails  func(*suite)
		saying string
	}{
		{"sound", changed(func(*settings) {}), nil, ""},
		{"lax", func(node string, decode decoder) (sender.Broker, error) {
			return openSettings(node, func(c any) error { _ = decode(c); return nil })
		}, testConfig, "does not wrap decode's error"},
		{"twice", func(node string, decode decoder) (sender.Broker, error) {
			_ = decode(&settings{})
			return openSettings(node, decode)
		}, testConfig, "2 times"},
		{"by-value", func(node string, decode decoder) (sender.Broker, error) {
			return openSettings(node, func(any) error { return decode(settings{}) })
		}, testConfig, "want a pointer to a struct"},
		{"hopeful", func(node string, decode decoder) (sender.Broker, error) {
			b, err := openSettings(node, decode)
			if err != nil {
				return nil, err
			}
			return b.Broker, nil
		}, testConfig, "nothing listens"},
		{"telling", func(node string, decode decoder) (sender.Broker, error) {
			b, err := openSettings(node, decode)
			if err == nil {
				b.err = fmt.Errorf("connect to user:%s", secret)
			}
			return b, err
		}, testConfigSecrets, "error of an unreachable broker shows"},
		{"open-hearted", changed(func(s *settings) { s.Shown = string(s.Password) }), testConfigSecrets, "printed with %v"},
		{"careless", changed(func(s *settings) { s.Depth = 1 }), testConfigInvalid, "negative depth"},
		{"eager", func(node string, decode decoder) (sender.Broker, error) {
			b, err := openSettings(node, decode)
			if err == nil {
				err = b.Subscribe(context.Background())
			}
			return b, err
		}, testConfigBackground, "opening in the background failed"},
		{"believing", func(node string, decode decoder) (sender.Broker, error) {
			b, err := openSettings(node, decode)
			if err == nil {
				b.err = nil
			}
			return b, err
		}, testConfigBackground, "Ready returned nil"},
		{"telling later", func(node string, decode decoder) (sender.Broker, error) {
			b, err := openSettings(node, decode)
			if err == nil {
				b.err = fmt.Errorf("connect to user:%s", secret)
			}
			return b, err
		}, testConfigBackground, "Ready returns shows"},
		{"bad loser", func(node string, decode decoder) (sender.Broker, error) {
			b, err := openSettings(node, decode)
			if err == nil {
				b.closing = errors.New("was never connected")
			}
			return b, err
		}, testConfigBackground, "Shutdown of a node"},
	}
	for _, driver := range drivers {
		name := driver.name + rand.Text() // once for each -count
		sender.RegisterBroker(name, driver.open)
		t.Run(driver.name, func(t *testing.T) {
			t.Parallel() // each waits for attempts that must fail
			for _, run := range []func(*suite){testConfig, testConfigSecrets, testConfigInvalid, testConfigBackground} {
				if driver.fails != nil && fmt.Sprintf("%p", run) != fmt.Sprintf("%p", driver.fails) {
					continue
				}
				report := record(t, func(t testing.TB) {
					run(newSuite(t, Harness{Config: &Config{
						Name:        name,
						Unreachable: fillSettings,
						Invalid:     map[string]func(any){"negative depth": func(c any) { c.(*settings).Depth = -1 }},
					}}, sender.Capabilities{}))
				})
				if report.Failed() != (driver.fails != nil) || !strings.Contains(report.text(), driver.saying) {
					t.Errorf("failed: %t, saying\n%s\nwant %q", report.Failed(), report.text(), driver.saying)
				}
			}
		})
	}
}

func TestBorrowedCase(t *testing.T) {
	for name, closes := range map[string]bool{"lends": false, "takes": true} {
		t.Run(name, func(t *testing.T) {
			report := trialWith(t, testCase{run: testBorrowed}, options(""), func(h *Harness) {
				h.Borrowed = func(t testing.TB, app, node string) (sender.Broker, func(context.Context) error) {
					b := h.Open(t, app, node)
					return b, func(ctx context.Context) error {
						if closes {
							return b.Publish(ctx, nil)
						}
						return nil
					}
				}
			})
			if report.Failed() != closes || closes && !strings.Contains(report.text(), "cannot be used after Close: sender is closed") {
				t.Errorf("failed: %t, saying\n%s", report.Failed(), report.text())
			}
		})
	}
}

// miscapable declares what is not so.
type miscapable struct {
	sender.Broker
	can     sender.Capabilities
	changes bool
	asked   int
}

func (b *miscapable) Capabilities() sender.Capabilities {
	if b.asked++; b.changes && b.asked > 1 {
		b.can.MaxPayload++
	}
	return b.can
}

func TestCapabilitiesCase(t *testing.T) {
	routed := sender.Capabilities{Routing: sender.RouteAddresses, MaxPayload: 1 << 16}
	for name, test := range map[string]struct {
		b        miscapable
		expected *sender.Capabilities
		saying   string
	}{
		"sound":     {miscapable{can: sender.Capabilities{MaxPayload: 1 << 16}}, nil, ""},
		"expected":  {miscapable{can: sender.Capabilities{MaxPayload: 1 << 16}}, &sender.Capabilities{Durable: true, MaxPayload: 1 << 16}, "the harness expects"},
		"no limit":  {miscapable{}, nil, "MaxPayload is 0"},
		"no router": {miscapable{can: routed}, nil, "no sender.Router"},
		"routing":   {miscapable{can: sender.Capabilities{Routing: 9, MaxPayload: 1 << 16}}, nil, "which is none"},
		"changes":   {miscapable{can: sender.Capabilities{MaxPayload: 1 << 16}, changes: true}, nil, "changed"},
	} {
		t.Run(name, func(t *testing.T) {
			report := trialWith(t, testCase{run: testCapabilities}, options(""), func(h *Harness) {
				open := h.Open
				h.Capabilities = test.expected
				h.Open = func(t testing.TB, app, node string) sender.Broker {
					b := test.b
					b.Broker = open(t, app, node)
					return &b
				}
			})
			if report.Failed() != (test.saying != "") || !strings.Contains(report.text(), test.saying) {
				t.Errorf("failed: %t, saying\n%s\nwant %q", report.Failed(), report.text(), test.saying)
			}
		})
	}
}

// trialWith runs a case in a bubble, with a harness that is changed before.
func trialWith(t *testing.T, c testCase, o memory.Options, change func(*Harness)) (report *recorder) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := on(memory.New(o))
		h.Patience = 10 * time.Second
		change(&h)
		report = record(t, func(t testing.TB) { c.run(newSuite(t, h, o.Capabilities)) })
		<-time.After(2 * time.Hour) // what a fault leaves behind ends in an hour
	})
	return report
}

func TestVoidCases(t *testing.T) {
	everything := sender.Capabilities{Routing: sender.RouteAddresses}
	for _, test := range []struct {
		needs     need
		can       sender.Capabilities
		pipelines bool
		h         Harness
		void      bool
	}{
		{0, sender.Capabilities{}, false, Harness{}, false},
		{nodeRouting, sender.Capabilities{}, false, Harness{}, true},
		{nodeRouting, sender.Capabilities{Routing: sender.RouteNodes}, false, Harness{}, false},
		{addressRouting, sender.Capabilities{Routing: sender.RouteNodes}, false, Harness{}, true},
		{addressRouting, everything, false, Harness{}, false},
		{pipelining, everything, false, Harness{}, true},
		{pipelining, everything, true, Harness{}, false},
		{restart, everything, false, Harness{}, true},
		{restart | addressRouting, everything, false, Harness{Restart: func(testing.TB) {}}, false},
		{restart | addressRouting, sender.Capabilities{}, false, Harness{Restart: func(testing.TB) {}}, true},
		{borrowing, everything, false, Harness{}, true},
		{configuration, everything, false, Harness{}, true},
		{configuration, everything, false, Harness{Config: &Config{}}, false},
	} {
		if reason := (testCase{needs: test.needs}).void(test.h, test.can, test.pipelines); (reason != "") != test.void {
			t.Errorf("needs %b with %+v: void because %q, want void: %t", test.needs, test.can, reason, test.void)
		}
	}
}
