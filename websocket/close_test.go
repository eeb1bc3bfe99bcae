package websocket_test

import (
	"slices"
	"testing"

	"github.com/switchboard-go/switchboard/websocket"
)

func TestCloseCodes(t *testing.T) {
	order := func(a, b websocket.CloseMeaning) int { return int(a.Code) - int(b.Code) }
	if !slices.IsSortedFunc(websocket.CloseCodes, order) {
		t.Error("CloseCodes is not in the order of the numbers")
	}
	for i, meaning := range websocket.CloseCodes {
		if i > 0 && meaning.Code == websocket.CloseCodes[i-1].Code {
			t.Errorf("%d is there twice", meaning.Code)
		}
		if meaning.Text == "" {
			t.Errorf("%d has no text", meaning.Code)
		}
		if got := meaning.Code.Reconnect(); got != meaning.Reconnect {
			t.Errorf("%d: reconnect is %t, and %t in the table", meaning.Code, got, meaning.Reconnect)
		}
		if code := meaning.Code; code >= 4000 && meaning.Reconnect != (code < 4500) {
			t.Errorf("%d asks the client to connect again: %t, against its range", code, meaning.Reconnect)
		}
	}
}

func TestReconnect(t *testing.T) {
	for code, want := range map[websocket.CloseCode]bool{
		websocket.CloseNormal:          false,
		websocket.CloseGoingAway:       true,
		websocket.CloseProtocolError:   false,
		websocket.CloseUnsupportedData: false,
		websocket.CloseNoStatus:        false,
		websocket.CloseAbnormal:        true,
		websocket.CloseInvalidText:     false,
		websocket.ClosePolicyViolation: false,
		websocket.CloseMessageTooBig:   false,
		websocket.CloseInternalError:   true,
		websocket.ClosePeerSilent:      true,
		websocket.CloseReadTimeout:     true,
		websocket.CloseSlowConsumer:    true,
		websocket.CloseWriteTimeout:    true,
		websocket.CloseLoginExpired:    false,
		websocket.CloseKicked:          false,
		// Those of others, and those of an application.
		1012: true, 1013: true, 3000: true, 3999: true,
		4004: true, 4100: true, 4499: true, 4502: false, 4999: false,
	} {
		if got := code.Reconnect(); got != want {
			t.Errorf("%d asks the client to connect again: %t, want %t", code, got, want)
		}
	}
}
