package config_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchboard-go/switchboard/config"
)

// What the application finds is told like the rest: with where the value is from.
func TestChecks(t *testing.T) {
	full := errors.New("the room is full")
	for _, test := range []struct {
		name    string
		options config.Options
		want    string
	}{
		{"default", config.Options{}, "default: chat.room: the room is full"},
		{"file", config.Options{File: write(t, "chat:\n\n  room: lobby")}, "app.yaml:3: chat.room: the room is full"},
		{"environment", config.Options{Environ: []string{"CHAT_ROOM=lobby"}}, "environment variable CHAT_ROOM: chat.room: the room is full"},
		{"flag", config.Options{Flags: map[string]string{"chat.room": "lobby"}}, "flag --chat.room: chat.room: the room is full"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.options.Checks = map[string]func(config.Config) error{
				"chat.room":    func(config.Config) error { return full },
				"chat.history": func(config.Config) error { return nil },
			}
			err, text := load(t, test.options)
			if text != test.want || err.Key != "chat.room" || !errors.Is(err, full) {
				t.Errorf("error of key %q: %s, want %s", err.Key, text, test.want)
			}
		})
	}
}

func TestChecksFindEverythingInPlace(t *testing.T) {
	redis, ran := defaultRedis(), false
	_, err := config.Load(config.Options{
		File:     write(t, "websocket: {path: /ws, sender-redis: {channel: other}}"),
		Sections: map[string]any{"websocket.sender-redis": &redis},
		Checks: map[string]func(config.Config) error{"websocket.sender-redis.channel": func(c config.Config) error {
			ran = true
			if c.WebSocket.Path != "/ws" || redis.Channel != "other" {
				t.Errorf("the check finds the path %s and the channel %s", c.WebSocket.Path, redis.Channel)
			}
			return nil
		}},
	})
	if err != nil || !ran {
		t.Errorf("error %v, the check ran: %v", err, ran)
	}
}

// A check can rely on what Load itself looks at.
func TestChecksRunWhenAllElseIsRight(t *testing.T) {
	_, text := load(t, config.Options{
		File: write(t, "websocket:\n  path: ws"),
		Checks: map[string]func(config.Config) error{"websocket.path": func(config.Config) error {
			return errors.New("was checked")
		}},
	})
	if want := `app.yaml:2: websocket.path must start with /, not be "ws"`; text != want {
		t.Errorf("error %q, want %q", text, want)
	}
}

func TestSeveralChecksFail(t *testing.T) {
	redis := defaultRedis()
	fail := func(config.Config) error { return errors.New("no") }
	_, err := config.Load(config.Options{
		Flags:    map[string]string{"websocket.sender-redis.channel": "other", "websocket.path": "/ws"},
		Sections: map[string]any{"websocket.sender-redis": &redis},
		Checks: map[string]func(config.Config) error{
			"websocket.sender-redis.channel": fail,
			"websocket.path":                 fail,
			"websocket.node-id":              fail,
		},
	})
	want := "default: websocket.node-id: no\n" +
		"flag --websocket.path: websocket.path: no\n" +
		"flag --websocket.sender-redis.channel: websocket.sender-redis.channel: no"
	if err == nil || err.Error() != want {
		t.Errorf("error:\n%v\nwant:\n%s", err, want)
	}
	if diff := cmp.Diff(defaultRedis(), redis); diff != "" {
		t.Errorf("sender-redis changed (-want +got):\n%s", diff)
	}
}
