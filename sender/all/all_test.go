package all_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/switchboard-go/switchboard/config"
	"github.com/switchboard-go/switchboard/sender"
	_ "github.com/switchboard-go/switchboard/sender/all"
)

// Every driver of this module is linked in, and only local has no section.
func TestAllIsAll(t *testing.T) {
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	var drivers []string
	for _, entry := range entries {
		if name := entry.Name(); entry.IsDir() && name != "all" && name != "sendertest" {
			drivers = append(drivers, name)
		}
	}
	if got := sender.Names(); !slices.Equal(got, drivers) {
		t.Errorf("linked in are %q, want %q", got, drivers)
	}
	sections := sender.Sections()
	for _, name := range drivers {
		if (sections[name] == nil) != (name == "local") {
			t.Errorf("the section of %s is %T", name, sections[name])
		}
	}
}

// What the layers say reaches the driver that is opened.
func TestSectionsGoThroughConfig(t *testing.T) {
	for name, flag := range map[string]string{"redis": "mode", "rabbitmq": "prefetch"} {
		drivers := sender.Sections()
		_, err := config.Load(config.Options{
			Flags:   map[string]string{"websocket.sender-" + name + "." + flag: "0"},
			Senders: drivers,
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = sender.Open(t.Context(), name, sender.OpenOptions{Decode: config.Decode(drivers[name])})
		if err == nil || !strings.Contains(err.Error(), flag+" must be") {
			t.Errorf("%s was opened with %s 0: %v", name, flag, err)
		}
	}
}
