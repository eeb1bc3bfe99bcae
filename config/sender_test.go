package config_test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchboard-go/switchboard/config"
)

// A driver's section is under the name of its sender in every layer, and what
// comes of it reaches the driver.
func TestSenders(t *testing.T) {
	mine := defaultRedis()
	_, err := config.Load(config.Options{
		File:    write(t, "websocket: {sender-mine: {addrs: ['a:1'], channel: from-file}}"),
		Environ: []string{"WEBSOCKET_SENDER_MINE_ADDRS=a:1,b:2"},
		Flags:   map[string]string{"websocket.sender-mine.channel": "from-flag"},
		Senders: map[string]any{"mine": &mine},
	})
	if err != nil {
		t.Fatal(err)
	}
	drivers := defaultRedis()
	if err := config.Decode(&mine)(&drivers); err != nil {
		t.Fatal(err)
	}
	want := defaultRedis()
	want.Addrs, want.Channel = []string{"a:1", "b:2"}, "from-flag"
	if diff := cmp.Diff(want, drivers); diff != "" {
		t.Errorf("the driver got (-want +got):\n%s", diff)
	}
}

func TestSendersAreStrict(t *testing.T) {
	for name, options := range map[string]config.Options{
		"app.yaml:1: unknown key websocket.sender-mine.chanel, did you mean websocket.sender-mine.channel?":                                             {File: write(t, "websocket: {sender-mine: {chanel: x}}")},
		"app.yaml:1: unknown key websocket.sender-other":                                                                                                {File: write(t, "websocket: {sender-other: {channel: x}}")},
		"environment variable WEBSOCKET_SENDER_MINE_CHANEL: stands for no key, did you mean WEBSOCKET_SENDER_MINE_CHANNEL?":                             {Environ: []string{"WEBSOCKET_SENDER_MINE_CHANEL=x"}},
		"flag --websocket.sender-mine.adrs: unknown key websocket.sender-mine.adrs, did you mean websocket.sender-mine.addrs?":                          {Flags: map[string]string{"websocket.sender-mine.adrs": "x"}},
		"config: section websocket.sender-mine is in Sections and in Senders":                                                                           {Sections: map[string]any{"websocket.sender-mine": &redis{}}},
		"config: section websocket.sender-mine must be a pointer to a struct, not config_test.redis":                                                    {Senders: map[string]any{"mine": redis{}}},
		"config: keys websocket.sender.mine-channel and websocket.sender-mine.channel have the same environment variable WEBSOCKET_SENDER_MINE_CHANNEL": {Sections: map[string]any{"websocket.sender": tagged("mine-channel", "")}},
	} {
		mine := defaultRedis()
		if options.Senders == nil {
			options.Senders = map[string]any{"mine": &mine}
		}
		_, err := config.Load(options)
		if err == nil || !strings.HasSuffix(err.Error(), name) {
			t.Errorf("error %v, want %s", err, name)
		}
	}
}

func TestDecodeOfAnotherType(t *testing.T) {
	mine := defaultRedis()
	for name, loaded := range map[string]any{"nil": nil, "other": &struct{}{}, "no pointer": defaultRedis()} {
		if err := config.Decode(loaded)(&mine); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := config.Decode(mine)(mine); err == nil {
		t.Error("a struct was set that nobody has")
	}
}

// hidden is a driver's own secret, of a type that config does not know.
type hidden int

func (hidden) LogValue() slog.Value { return slog.StringValue("[redacted]") }

func TestDriversSecretsAreNotShown(t *testing.T) {
	section := struct {
		URL  hidden   `koanf:"url"`
		URLs []hidden `koanf:"urls"`
	}{}
	for _, file := range []string{"websocket: {sender-mine: {url: hunter2}}", "websocket: {sender-mine: {urls: [hunter2]}}"} {
		_, err := config.Load(config.Options{File: write(t, file), Senders: map[string]any{"mine": &section}})
		if err == nil || strings.Contains(err.Error(), hunter2) {
			t.Errorf("the error is %v", err)
		}
	}
}
