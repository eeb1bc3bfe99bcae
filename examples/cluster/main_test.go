package main

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/switchboard-go/switchboard/internal/brokers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const table = `FROM   TO            LOCAL  PUBLISHED  NODES  RECEIVED BY
node2  user/1/ann    0      true       1      node1
node1  type/2        0      true       3      node3
node3  key/room%2F7  0      true       2      node1 node2
node2  all           1      true       3      node1 node2 node3

NODE   ADDRESS          USER   PEERS        READY
node1  127.0.0.1:PORT1  ann:1  node2 node3  true
node2  127.0.0.1:PORT2  bob:1  node1 node3  true
node3  127.0.0.1:PORT3  cid:2  node1 node2  true
`

// ports replaces each port by its number in the order of coming.
func ports(text string) string {
	count := 0
	return regexp.MustCompile(`(127\.0\.0\.1):\d{5}`).ReplaceAllStringFunc(text, func(string) string {
		count++
		return "127.0.0.1:PORT" + string(rune('0'+count))
	})
}

func TestRun(t *testing.T) {
	b, err := brokers.Start(brokers.Redis)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	var out strings.Builder
	if err := run(t.Context(), "redis", []string{"WEBSOCKET_SENDER_REDIS_ADDRS=" + b.Address}, &out); err != nil {
		t.Fatal(err)
	}
	if got := ports(out.String()); got != table {
		t.Errorf("it prints\n%swant\n%s", got, table)
	}
}

func TestRunFails(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context()) // so that it tries once
	cancel()
	for name, test := range map[string]struct{ broker, variable, says string }{
		"no broker":      {"redis", "WEBSOCKET_SENDER_REDIS_ADDRS=127.0.0.1:1", "make brokers-up"},
		"no driver":      {"pigeons", "", "linked in are ["},
		"one node":       {"local", "", "links no nodes"},
		"a mistyped key": {"redis", "WEBSOCKET_SENDER_REDIS_ADRS=127.0.0.1:1", "did you mean WEBSOCKET_SENDER_REDIS_ADDRS"},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			err := run(ended, test.broker, []string{test.variable}, &out)
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("run returns %v, which does not say %q", err, test.says)
			}
			if out.Len() > 0 {
				t.Errorf("it prints %s", out.String())
			}
		})
	}
}
