package config_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/config"
	"github.com/switchboard-go/switchboard/websocket"
)

func TestDefaultHasTheDefaultLimits(t *testing.T) {
	if got, want := config.Default().WebSocket.Limits(), websocket.DefaultLimits(); got != want {
		t.Errorf("Limits() = %+v, want %+v", got, want)
	}
}

func TestDefaultIsValid(t *testing.T) {
	got, err := config.Load(config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, config.Default()) {
		t.Errorf("Load of nothing = %+v, want the defaults", got)
	}
}

// A limit that is added to the websocket package has to get a key here.
func TestEveryLimitHasAKey(t *testing.T) {
	var section config.WebSocket
	fields := reflect.ValueOf(&section).Elem()
	for i := range fields.NumField() {
		switch field := fields.Field(i); field.Kind() {
		case reflect.Int, reflect.Int64:
			field.SetInt(int64(i + 1))
		case reflect.String:
			field.SetString("some text")
		}
	}
	for limit, value := range reflect.ValueOf(section.Limits()).Fields() {
		key := fields.FieldByName(limit.Name)
		switch {
		case !key.IsValid():
			t.Errorf("limit %s has no key", limit.Name)
		case !key.Convert(limit.Type).Equal(value):
			t.Errorf("Limits().%s = %v, want %v", limit.Name, value, key)
		}
	}
}

// The whole section once, as somebody would write it.
func TestEveryKey(t *testing.T) {
	file := write(t, `
websocket:
  enable: false
  path: /ws
  sender-type: redis
  sender-required: false
  node-id: 007
  allowed-origins: [https://a.example, https://b.example]
  development: true
  send-errors: false
  compression: true
  read-limit: 2MiB
  read-timeout: 1s
  frame-rate: 2
  ping-interval: 3s
  pong-timeout: 4s
  idle-timeout: 1m30s
  inbox-messages: 5
  inbox-bytes: 6
  outbox-messages: 0x10
  outbox-bytes: "8KiB"
  slow-consumer: drop
  write-timeout: 9s
  close-timeout: 500ms
  max-keys: 1_000
  max-sessions: 11
  max-sessions-per-user: 12
`)
	got, err := config.Load(config.Options{File: file})
	if err != nil {
		t.Fatal(err)
	}
	want := config.Config{WebSocket: config.WebSocket{
		Path:               "/ws",
		SenderType:         "redis",
		NodeID:             "007",
		AllowedOrigins:     []string{"https://a.example", "https://b.example"},
		Development:        true,
		Compression:        true,
		ReadLimit:          2 << 20,
		ReadTimeout:        time.Second,
		FrameRate:          2,
		PingInterval:       3 * time.Second,
		PongTimeout:        4 * time.Second,
		IdleTimeout:        90 * time.Second,
		InboxMessages:      5,
		InboxBytes:         6,
		OutboxMessages:     16,
		OutboxBytes:        8 << 10,
		SlowConsumer:       websocket.SlowConsumerDrop,
		WriteTimeout:       9 * time.Second,
		CloseTimeout:       500 * time.Millisecond,
		MaxKeys:            1000,
		MaxSessions:        11,
		MaxSessionsPerUser: 12,
	}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Load:\n got %+v\nwant %+v", got, want)
	}
}
