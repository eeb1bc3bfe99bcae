package sender_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/switchboard-go/switchboard/sender"
)

func TestSecretIsNotShown(t *testing.T) {
	secret := sender.Secret("hunter2")
	section := struct {
		Secret  sender.Secret
		Pointer *sender.Secret
		List    []sender.Secret
	}{secret, &secret, []sender.Secret{secret}}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%10s", "%.2s"} {
		if got := fmt.Sprintf(verb, secret); got != "[redacted]" {
			t.Errorf("%s prints %s", verb, got)
		}
		if got := fmt.Sprintf(verb, section); strings.Contains(got, "hunter2") {
			t.Errorf("%s prints %s", verb, got)
		}
	}
	var log bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(handler).Info("start", slog.Any("secret", secret), slog.Any("section", section))
	}
	asJSON, err := json.Marshal(section)
	if err != nil {
		t.Fatal(err)
	}
	asYAML, err := yaml.Marshal(section)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{log.String(), string(asJSON), string(asYAML), secret.String(), secret.GoString()} {
		if strings.Contains(text, "hunter2") || !strings.Contains(text, "[redacted]") {
			t.Errorf("seen: %s", text)
		}
	}
	if got := sender.Secret("").String(); got != "[redacted]" {
		t.Errorf("an empty secret prints %s", got)
	}
	if secret.Reveal() != "hunter2" {
		t.Errorf("Reveal() = %s", secret.Reveal())
	}
}
