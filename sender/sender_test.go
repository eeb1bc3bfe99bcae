package sender_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/sendertest/memory"
	"github.com/switchboard-go/switchboard/websocket"
)

// recorder is a Sender that remembers its last call.
type recorder struct {
	ctx     context.Context
	target  websocket.Target
	message websocket.Message
	calls   int

	receipt sender.Receipt
	err     error
}

func (r *recorder) Send(ctx context.Context, t websocket.Target, m websocket.Message) (sender.Receipt, error) {
	r.ctx, r.target, r.message = ctx, t, m
	r.calls++
	return r.receipt, r.err
}

func (r *recorder) Ready() error                   { return nil }
func (r *recorder) Shutdown(context.Context) error { return nil }

// failing is a content that cannot be JSON.
type failing struct{ err error }

func (f failing) MarshalJSON() ([]byte, error) { return nil, f.err }

func TestSendJSON(t *testing.T) {
	type key struct{}
	ctx := context.WithValue(t.Context(), key{}, "value")
	target := websocket.ToUser(websocket.Admin, "1").InTenant("7").Except("node1-x")
	broken := errors.New("broken")
	for name, s := range map[string]*recorder{
		"success": {receipt: sender.Receipt{Local: 3}},
		"failure": {receipt: sender.Receipt{Local: 1}, err: broken},
	} {
		t.Run(name, func(t *testing.T) {
			receipt, err := sender.SendJSON(ctx, s, target, "notice", map[string]any{"title": "你好", "id": 5})
			if receipt != s.receipt || err != s.err { //nolint:errorlint // unchanged, not wrapped
				t.Errorf("SendJSON returns %+v and %v", receipt, err)
			}
			if s.ctx != ctx || s.target != target || s.calls != 1 {
				t.Errorf("Send was called %d times, with target %s", s.calls, s.target)
			}
			if got, want := string(s.message.Content), `{"id":5,"title":"你好"}`; s.message.Type != "notice" || s.message.Key != "" || got != want {
				t.Errorf("message %+v with %s, want %s", s.message, got, want)
			}
		})
	}
}

func TestSendJSONOfWhatIsNoJSON(t *testing.T) {
	s := &recorder{}
	broken := errors.New("broken")
	receipt, err := sender.SendJSON(t.Context(), s, websocket.ToAll(), "notice", failing{broken})
	if !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), `encode content of message "notice": `) {
		t.Errorf("error %v", err)
	}
	if receipt != (sender.Receipt{}) || s.calls != 0 {
		t.Errorf("it was sent nevertheless: %+v", receipt)
	}
}

// nothing is an Opener that nobody calls.
func nothing(context.Context, sender.OpenOptions) (sender.Sender, error) {
	panic("called")
}

var names atomic.Int64

// newName returns a name that is not registered: a name stays for the life of
// the process, in which a test can run several times.
func newName() string { return fmt.Sprintf("test-%03d", names.Add(1)) }

func TestOpen(t *testing.T) {
	type key struct{}
	ctx := context.WithValue(t.Context(), key{}, "value")
	manager, err := websocket.NewSessionManager("node1")
	if err != nil {
		t.Fatal(err)
	}
	for name, broken := range map[string]error{"success": nil, "failure": errors.New("broken")} {
		t.Run(name, func(t *testing.T) {
			driver, opened := newName(), &recorder{}
			sender.Register(driver, func(gotCtx context.Context, o sender.OpenOptions) (sender.Sender, error) {
				if gotCtx != ctx || o.Manager != manager {
					t.Error("the driver got another context or manager")
				}
				return opened, o.Decode("section")
			})
			got, err := sender.Open(ctx, driver, sender.OpenOptions{Manager: manager, Decode: func(section any) error {
				if section != "section" {
					t.Errorf("the driver's section is %v", section)
				}
				return broken
			}})
			if broken == nil && (err != nil || got != sender.Sender(opened)) {
				t.Errorf("Open returns %v and %v", got, err)
			}
			if broken != nil && (got != nil || !errors.Is(err, broken) || err.Error() != "open sender "+driver+": broken") {
				t.Errorf("Open returns %v and %v", got, err)
			}
		})
	}
}

func TestOpenUnknown(t *testing.T) {
	for _, name := range []string{"", "nats", "Printer"} {
		s, err := sender.Open(t.Context(), name, sender.OpenOptions{})
		if s != nil || err == nil {
			t.Fatalf("Open(%q) returns %v and %v", name, s, err)
		}
		want := fmt.Sprintf("unknown sender %q: linked in are [%s]; a driver is linked in by importing its package, such as github.com/switchboard-go/switchboard/sender/local",
			name, strings.Join(sender.Names(), " "))
		if err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	if !slices.Contains(sender.Names(), "printer") {
		t.Error("the names have no printer")
	}
}

func TestRegisterPanics(t *testing.T) {
	name := newName()
	sender.Register(name, nothing)
	for problem, register := range map[string]func() string{
		"taken":     func() string { sender.Register(name, nothing); return name },
		"empty":     func() string { sender.Register("", nothing); return "" },
		"no opener": func() string { sender.Register("unheard-of", nil); return "unheard-of" },
	} {
		t.Run(problem, func(t *testing.T) {
			before := sender.Names()
			defer func() {
				if text, _ := recover().(string); !strings.HasPrefix(text, "sender: Register(") {
					t.Errorf("panic with %q", text)
				}
				if after := sender.Names(); !slices.Equal(after, before) {
					t.Errorf("the names have become %q", after)
				}
			}()
			t.Errorf("the name %q was registered", register())
		})
	}
}

func TestRegisterBroker(t *testing.T) {
	manager := newManager(t, "node1")
	for name, test := range map[string]struct {
		o      sender.OpenOptions
		node   string // how its name begins
		failed error  // to open, or to connect
	}{
		"node":               {sender.OpenOptions{Manager: manager}, "node1", nil},
		"emitter":            {sender.OpenOptions{}, "emitter-", nil},
		"configuration":      {sender.OpenOptions{Decode: func(any) error { return errBroken }}, "emitter-", errBroken},
		"connection":         {sender.OpenOptions{Manager: manager}, "node1", memory.ErrDown},
		"in the background":  {sender.OpenOptions{Manager: manager, Cluster: sender.ClusterOptions{Background: true}}, "node1", nil},
		"an emitter without": {sender.OpenOptions{}, "emitter-", memory.ErrDown},
	} {
		t.Run(name, func(t *testing.T) {
			driver, bus, opened := newName(), memory.New(memory.Options{}), ""
			if errors.Is(test.failed, memory.ErrDown) {
				bus.Stop()
			}
			sender.RegisterBroker(driver, func(node string, decode func(any) error) (sender.Broker, error) {
				opened = node
				if err := decode(&struct{}{}); err != nil {
					return nil, err
				}
				return bus.Open("app", node), nil
			})
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			s, err := sender.Open(ctx, driver, test.o)
			if !errors.Is(err, test.failed) || (s == nil) != (test.failed != nil) {
				t.Errorf("Open returns %v and %v", s, err)
			}
			if !strings.HasPrefix(opened, test.node) || len(opened) > 64 {
				t.Errorf("the broker was opened for %q", opened)
			}
			if s == nil {
				return
			}
			if _, err := s.Send(t.Context(), websocket.ToAll(), websocket.Message{Type: "text"}); err != nil {
				t.Error(err)
			}
			if err := s.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestNames(t *testing.T) {
	later, earlier := "z"+newName(), "a"+newName()
	sender.Register(later, nothing)
	sender.Register(earlier, nothing)
	names := sender.Names()
	if !slices.IsSorted(names) || !slices.Contains(names, later) || !slices.Contains(names, earlier) {
		t.Errorf("names %q", names)
	}
	names[0] = "changed" // is the caller's own
	if slices.Contains(sender.Names(), "changed") {
		t.Error("the caller can change the names")
	}
}
