package websocket_test

import (
	"fmt"
	"os"
	"regexp"
	"testing"

	"github.com/switchboard-go/switchboard/websocket"
)

// The README's table of close codes says of each one that is sent what
// CloseCodes says.
func TestReadmeHasTheCloseCodes(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	reconnect := map[bool]string{true: "yes", false: "no"}
	sent := 0
	for _, meaning := range websocket.CloseCodes {
		if meaning.Code == websocket.CloseNoStatus || meaning.Code == websocket.CloseAbnormal {
			continue
		}
		sent++
		row := regexp.MustCompile(fmt.Sprintf(`(?m)^\| %d \| .+ \| %s \|$`, meaning.Code, reconnect[meaning.Reconnect]))
		if !row.Match(readme) {
			t.Errorf("no row for %d, reconnect %s", meaning.Code, reconnect[meaning.Reconnect])
		}
	}
	if rows := len(regexp.MustCompile(`(?m)^\| \d{4} \|`).FindAll(readme, -1)); rows != sent {
		t.Errorf("%d rows for %d codes", rows, sent)
	}
}
