package sendertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"time"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/websocket"
)

// testBorrowed: an application shares its client between the driver and its own
// work. A driver that closes it ends that work, at a time nobody expects.
func testBorrowed(s *suite) {
	b, use := s.h.Borrowed(s.TB, s.app, "n1")
	n := &node{Broker: b, s: s, name: "n1"}
	s.Cleanup(n.close)
	check := func(when string) {
		s.Helper()
		s.within("using the borrowed client "+when, func() {
			ctx, cancel := s.context()
			defer cancel()
			if err := use(ctx); err != nil {
				s.Errorf("the borrowed client cannot be used %s: %v", when, err)
			}
		})
	}
	n.subscribe()
	n.say("through a borrowed client")
	n.expect("through a borrowed client")
	check("meanwhile")
	n.close()
	check("after Close")
}

// secret must appear nowhere. It has no byte that an escaping would change.
const secret = "hunter2-sendertest-secret"

// openByName opens the driver by its name with settings that decode makes, and
// returns the error, which is errOpened where there is none.
func (s *suite) openByName(ctx context.Context, decode func(any) error) (err error) {
	s.Helper()
	s.within("opening "+s.h.Config.Name, func() {
		var opened sender.Sender
		if opened, err = sender.Open(ctx, s.h.Config.Name, sender.OpenOptions{Manager: s.manager(), Decode: decode}); err == nil {
			err = errOpened
			_ = opened.Shutdown(ctx)
		}
	})
	return err
}

var errOpened = errors.New("it was opened")

// attempt bounds the opening of what cannot be reached: it tries again until
// its context ends.
const attempt = time.Second

// openUnreachable opens the driver for a broker that is away, with settings that
// spoil has changed.
func (s *suite) openUnreachable(spoil func(config any)) error {
	s.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), attempt)
	defer cancel()
	return s.openByName(ctx, s.unreachable(spoil))
}

// unreachable returns a decode for a broker that is away.
func (s *suite) unreachable(spoil func(config any)) func(any) error {
	return func(config any) error {
		s.h.Config.Unreachable(config, secret)
		spoil(config)
		return nil
	}
}

func asItIs(any) {}

// manager returns one for a node without sessions.
func (s *suite) manager() *websocket.SessionManager {
	s.Helper()
	m, err := websocket.NewSessionManager("n1")
	if err != nil {
		s.Fatal(err)
	}
	return m
}

// hidden checks that a text does not show the password.
func (s *suite) hidden(where, text string) {
	s.Helper()
	if strings.Contains(text, secret) {
		s.Errorf("%s shows the password", where)
	}
}

// testConfig: decode is strict, so a mistyped key must end the start of the
// program with decode's own words. A driver that decodes twice, into a map, or
// drops the error starts with defaults where its operator wrote something else.
func testConfig(s *suite) {
	mistyped := errors.New("unknown key websocket.sender.adrs, did you mean addrs")
	calls := 0
	ctx, cancel := context.WithTimeout(context.Background(), attempt)
	defer cancel()
	err := s.openByName(ctx, func(config any) error {
		calls++
		if v := reflect.ValueOf(config); v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
			s.Errorf("decode was given a %T, want a pointer to a struct", config)
		}
		return mistyped
	})
	if calls != 1 {
		s.Errorf("decode was called %d times, want once", calls)
	}
	if !errors.Is(err, mistyped) {
		s.Errorf("opening with a mistyped key returned %v, which does not wrap decode's error", err)
	}
	if err := s.openUnreachable(asItIs); errors.Is(err, errOpened) {
		s.Error("opening succeeded where nothing listens: a required broker that is away must end the start")
	}
}

// testConfigSecrets: errors and configurations get into logs, tickets and error
// pages. A password that is in one has to be changed everywhere.
func testConfigSecrets(s *suite) {
	var config any
	err := s.openUnreachable(func(c any) { config = c })
	if err != nil {
		s.hidden("the error of an unreachable broker", fmt.Sprintf("%v %+v %#v", err, err, err))
	}
	value := reflect.ValueOf(config).Elem().Interface()
	for _, c := range []any{config, value} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
			text := fmt.Sprintf(verb, c)
			s.hidden("the configuration printed with "+verb, text)
			if verb == "%x" && strings.Contains(text, fmt.Sprintf("%x", secret)) {
				s.Errorf("the configuration printed with %s shows the password", verb)
			}
		}
		if text, err := json.Marshal(c); err == nil {
			s.hidden("the configuration as JSON", string(text))
		}
		var log strings.Builder
		slog.New(slog.NewJSONHandler(&log, nil)).Info("settings", "config", c)
		slog.New(slog.NewTextHandler(&log, nil)).Info("settings", "config", c)
		s.hidden("the configuration in a log", log.String())
	}
	for what, spoil := range s.h.Config.Invalid {
		err := s.openUnreachable(spoil)
		s.hidden("the error for "+what, fmt.Sprintf("%v %+v", err, err))
	}
}

// testConfigInvalid: a setting that makes no sense must be refused at the start,
// with its own reason, not found out with the first message or by a timeout.
func testConfigInvalid(s *suite) {
	// Ended before it begins, so that only a check of the settings can come first.
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	plain := s.openByName(ctx, s.unreachable(asItIs))
	for what, spoil := range s.h.Config.Invalid {
		spoiled := s.openByName(ctx, s.unreachable(spoil))
		switch {
		case errors.Is(spoiled, errOpened):
			s.Errorf("%s: it was opened", what)
		case errors.Is(spoiled, context.Canceled), plain.Error() == spoiled.Error():
			s.Errorf("%s: the refusal does not name it: %v", what, spoiled)
		}
	}
}

// testConfigBackground: a node that is to serve its own sessions without a
// broker too opens while the broker is away, says what it waits for, and can be
// shut down before it comes. A driver that connects while it is opened keeps the
// node from starting, and one that hangs in a try keeps it from ending.
func testConfigBackground(s *suite) {
	s.within("a node without its broker", func() {
		ctx, cancel := s.context()
		defer cancel()
		node, err := sender.Open(ctx, s.h.Config.Name, sender.OpenOptions{
			Manager: s.manager(),
			Decode:  s.unreachable(asItIs),
			Cluster: sender.ClusterOptions{Background: true},
		})
		if err != nil {
			s.Errorf("opening in the background failed: %v", err)
			return
		}
		trying, stop := context.WithTimeout(ctx, attempt)
		defer stop()
		receipt, err := node.Send(trying, websocket.ToAll(), websocket.Message{Type: "text"})
		if receipt.Published || !errors.Is(err, sender.ErrNotPublished) && !errors.Is(err, sender.ErrBusy) {
			s.Errorf("Send without a broker returned %+v and %v, want ErrNotPublished", receipt, err)
		}
		s.hidden("the error of a Send", fmt.Sprintf("%v %+v", err, err))
		for trying.Err() == nil && !s.Failed() { // until it has tried
			if err = node.Ready(); err == nil {
				s.Error("Ready returned nil while the broker is away")
			}
			s.hidden("what Ready returns", fmt.Sprintf("%v %+v", err, err))
			pause(10 * time.Millisecond)
		}
		if err := node.Shutdown(ctx); err != nil {
			s.Errorf("Shutdown of a node that has not reached its broker: %v", err)
		}
	})
}
