package config_test

import (
	"fmt"
	"time"

	"github.com/switchboard-go/switchboard/config"
)

// An application gives its own section, with defaults, beside those of the
// server, and says which senders it is linked with.
func Example() {
	chat := struct {
		History time.Duration `koanf:"history"`
		Secret  config.Secret `koanf:"rpc-secret"`
	}{
		History: 24 * time.Hour,
	}
	cfg, err := config.Load(config.Options{
		Environ: []string{ // in a program: os.Environ()
			"WEBSOCKET_SENDER_TYPE=redis",
			"WEBSOCKET_READ_LIMIT=128KiB",
			"CHAT_RPC_SECRET=hunter2",
		},
		Flags: map[string]string{
			"websocket.read-limit": "1MiB",
		},
		Sections: map[string]any{"chat": &chat},
		Choices:  map[string][]string{"websocket.sender-type": {"local", "redis"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(cfg.WebSocket.Path, cfg.WebSocket.SenderType, cfg.WebSocket.ReadLimit)
	fmt.Println(chat.History, chat.Secret, len(chat.Secret.Reveal()))
	// Output:
	// /infra/ws redis 1MiB
	// 24h0m0s [redacted] 7
}

func ExampleLoad_typingError() {
	_, err := config.Load(config.Options{
		Environ: []string{"WEBSOCKET_SENDER_TYP=redis"},
		Flags:   map[string]string{"websocket.ping-interval": "25"},
	})
	fmt.Println(err)
	// Output:
	// environment variable WEBSOCKET_SENDER_TYP: stands for no key, did you mean WEBSOCKET_SENDER_TYPE?
	// flag --websocket.ping-interval: websocket.ping-interval must be a duration such as 25s, not "25"
}
