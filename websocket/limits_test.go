package websocket_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/websocket"
)

func TestLimits(t *testing.T) {
	if err := websocket.DefaultLimits().Validate(); err != nil {
		t.Errorf("the defaults: %v", err)
	}
	// What may be zero, and what a negative value or zero makes invalid.
	mayBeZero := map[string]bool{
		"ReadTimeout": true, "FrameRate": true, "PingInterval": true, "IdleTimeout": true, "MaxSessions": true, "MaxSessionsPerUser": true,
	}
	for field := range reflect.TypeFor[websocket.Limits]().Fields() {
		if !field.Type.ConvertibleTo(reflect.TypeFor[int64]()) {
			continue
		}
		for value, valid := range map[int64]bool{-1: false, 0: mayBeZero[field.Name], 1: true} {
			l := websocket.DefaultLimits()
			reflect.ValueOf(&l).Elem().FieldByIndex(field.Index).SetInt(value)
			err := l.Validate()
			if (err == nil) != valid {
				t.Errorf("%s of %d: %v", field.Name, value, err)
			}
			if err != nil && !strings.Contains(err.Error(), field.Name) {
				t.Errorf("%s of %d: the error does not name it: %v", field.Name, value, err)
			}
		}
	}
	for _, test := range []struct {
		name   string
		change func(*websocket.Limits)
		valid  bool
	}{
		{"no pings at all", func(l *websocket.Limits) { l.PingInterval, l.PongTimeout = 0, 0 }, true},
		{"a pong timeout without pings", func(l *websocket.Limits) { l.PingInterval = 0 }, true},
		{"pings without a pong timeout", func(l *websocket.Limits) { l.PingInterval, l.PongTimeout = time.Second, 0 }, false},
		{"drop", func(l *websocket.Limits) { l.SlowConsumer = websocket.SlowConsumerDrop }, true},
		{"no policy", func(l *websocket.Limits) { l.SlowConsumer = "" }, false},
		{"another policy", func(l *websocket.Limits) { l.SlowConsumer = "Close" }, false},
	} {
		l := websocket.DefaultLimits()
		test.change(&l)
		if err := l.Validate(); (err == nil) != test.valid {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

func TestServerRefusesBadLimits(t *testing.T) {
	manager, err := websocket.NewSessionManager("")
	if err != nil {
		t.Fatal(err)
	}
	l := websocket.DefaultLimits()
	l.OutboxBytes = 0
	if _, err := websocket.NewServer(manager, websocket.Options{Authenticator: userFromQuery, Dispatcher: dispatcher(echo), Limits: l}); err == nil {
		t.Error("a server started without room for messages")
	}
}

// lists is a Protocol that cannot be compared, as Deliver must.
type lists struct {
	websocket.Protocol
	_ []string
}

func TestServerRefusesProtocolsThatCannotBeCompared(t *testing.T) {
	manager, err := websocket.NewSessionManager("")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := websocket.NewServer(manager, websocket.Options{Authenticator: userFromQuery, Dispatcher: dispatcher(echo), Protocols: []websocket.Protocol{lists{Protocol: websocket.JSON}}}); err == nil {
		t.Error("a server started with a protocol that Deliver would panic on")
	}
}
