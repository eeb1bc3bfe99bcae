package sendertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"

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

// open opens the driver by its name with settings that decode makes, and
// returns the error; opening what is unreachable must not succeed.
func (s *suite) openByName(decode func(any) error) (err error) {
	s.Helper()
	manager, managerErr := websocket.NewSessionManager("n1")
	if managerErr != nil {
		s.Fatal(managerErr)
	}
	s.within("opening "+s.h.Config.Name, func() {
		ctx, cancel := s.context()
		defer cancel()
		var opened sender.Sender
		if opened, err = sender.Open(ctx, s.h.Config.Name, sender.OpenOptions{Manager: manager, Decode: decode}); err == nil {
			err = errOpened
			_ = opened.Shutdown(ctx)
		}
	})
	return err
}

var errOpened = errors.New("it was opened")

// testConfig: decode is strict, so a mistyped key must end the start of the
// program with decode's own words. A driver that decodes twice, into a map, or
// drops the error starts with defaults where its operator wrote something else.
func testConfig(s *suite) {
	mistyped := errors.New("unknown key websocket.sender.adrs, did you mean addrs")
	calls := 0
	err := s.openByName(func(config any) error {
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
	if err := s.openByName(func(config any) error {
		s.h.Config.Unreachable(config, secret)
		return nil
	}); errors.Is(err, errOpened) {
		s.Error("opening succeeded where nothing listens: a required broker that is away must end the start")
	}
}

// testConfigSecrets: errors and configurations get into logs, tickets and error
// pages. A password that is in one has to be changed everywhere.
func testConfigSecrets(s *suite) {
	hidden := func(where, text string) {
		s.Helper()
		if strings.Contains(text, secret) {
			s.Errorf("%s shows the password", where)
		}
	}
	var config any
	err := s.openByName(func(c any) error {
		s.h.Config.Unreachable(c, secret)
		config = c
		return nil
	})
	if err != nil {
		hidden("the error of an unreachable broker", fmt.Sprintf("%v %+v %#v", err, err, err))
	}
	value := reflect.ValueOf(config).Elem().Interface()
	for _, c := range []any{config, value} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
			text := fmt.Sprintf(verb, c)
			hidden("the configuration printed with "+verb, text)
			if verb == "%x" && strings.Contains(text, fmt.Sprintf("%x", secret)) {
				s.Errorf("the configuration printed with %s shows the password", verb)
			}
		}
		if text, err := json.Marshal(c); err == nil {
			hidden("the configuration as JSON", string(text))
		}
		var log strings.Builder
		slog.New(slog.NewJSONHandler(&log, nil)).Info("settings", "config", c)
		slog.New(slog.NewTextHandler(&log, nil)).Info("settings", "config", c)
		hidden("the configuration in a log", log.String())
	}
	for what, spoil := range s.h.Config.Invalid {
		err := s.openByName(func(c any) error {
			s.h.Config.Unreachable(c, secret)
			spoil(c)
			return nil
		})
		hidden("the error for "+what, fmt.Sprintf("%v %+v", err, err))
	}
}

// testConfigInvalid: a setting that makes no sense must be refused at the start,
// with its own reason, not found out with the first message or by a timeout.
func testConfigInvalid(s *suite) {
	for what, spoil := range s.h.Config.Invalid {
		// Ended before it begins, so that only a check of the settings can come first.
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		plain := s.refusal(ctx, func(any) {})
		spoiled := s.refusal(ctx, spoil)
		switch {
		case spoiled == nil:
			s.Errorf("%s: it was opened", what)
		case errors.Is(spoiled, context.Canceled), plain != nil && plain.Error() == spoiled.Error():
			s.Errorf("%s: the refusal does not name it: %v", what, spoiled)
		}
	}
}

// refusal opens the driver with spoiled settings and returns its error.
func (s *suite) refusal(ctx context.Context, spoil func(any)) (err error) {
	s.Helper()
	manager, managerErr := websocket.NewSessionManager("n1")
	if managerErr != nil {
		s.Fatal(managerErr)
	}
	s.within("opening "+s.h.Config.Name, func() {
		var opened sender.Sender
		opened, err = sender.Open(ctx, s.h.Config.Name, sender.OpenOptions{Manager: manager, Decode: func(c any) error {
			s.h.Config.Unreachable(c, secret)
			spoil(c)
			return nil
		}})
		if err == nil {
			_ = opened.Shutdown(ctx)
		}
	})
	return err
}
