package drivertest

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/go-viper/mapstructure/v2"

	"github.com/switchboard-go/switchboard/sender"
)

// Config is the configuration of a driver.
type Config interface {
	// Validate returns what is wrong.
	Validate() error
}

// ReadByKeys checks that values, which are all that a configuration has, are read into it by their keys and make want.
func ReadByKeys[C Config](t *testing.T, defaults func() C, values map[string]any, want C) {
	t.Helper()
	got := defaults()
	decoder, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{
		Result: &got, TagName: "koanf", ErrorUnused: true, DecodeHook: mapstructure.StringToTimeDurationHookFunc(),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := decoder.Decode(values); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if keys := reflect.TypeFor[C]().NumField(); len(values) != keys {
		t.Errorf("%d keys are read, and there are %d", len(values), keys)
	}
}

// Password is what configurations that are refused may have as their passwords. No error shows it.
const Password = "hunter2"

// Refuses checks that the defaults are valid, and returns what checks that Validate and open refuse a configuration that has
// been spoilt, with an error that says what is wanted.
func Refuses[C Config, B sender.Broker](t *testing.T, defaults func() C, open func(c C, node string) (B, error)) (refuses func(name string, spoil func(*C), want string)) {
	t.Helper()
	if err := defaults().Validate(); err != nil {
		t.Errorf("the defaults: %v", err)
	}
	return func(name string, spoil func(*C), want string) {
		t.Run(name, func(t *testing.T) {
			c := defaults()
			spoil(&c)
			for what, err := range map[string]error{"Validate": c.Validate(), "opening": refusal(open, c)} {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Fatalf("%s returned %v, want something with %q", what, err, want)
				}
				if strings.Contains(err.Error(), Password) {
					t.Fatalf("%s shows a password: %v", what, err)
				}
			}
		})
	}
}

// RefusesFiles checks that files which are not there, or have no certificates, are refused when a Broker is opened with them.
func RefusesFiles[C Config, B sender.Broker](t *testing.T, open func(c C, node string) (B, error), with func(ca, cert, key string) C) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "some.pem")
	refuses := func(what string, c C, want string) {
		t.Helper()
		if err := refusal(open, c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("of %s it says %v, want something with %q", what, err, want)
		}
	}
	refuses("a file that is not there", with(file, "", ""), "tls-ca-file: open "+file)
	if err := os.WriteFile(file, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	refuses("a file without certificates", with(file, "", ""), "has no certificates in PEM")
	refuses("a certificate of its own that is none", with("", file, file), "tls-cert-file and tls-key-file: ")
}

// refusal returns why a configuration cannot be opened.
func refusal[C Config, B sender.Broker](open func(c C, node string) (B, error), c C) error {
	b, err := open(c, "n1")
	if err != nil {
		return err
	}
	return b.Close()
}
