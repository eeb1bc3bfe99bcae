package rabbitmq_test

import (
	"context"
	"errors"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/internal/brokers"
	"github.com/switchboard-go/switchboard/internal/drivertest"
	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/rabbitmq"
)

// RabbitMQ stops reading from who publishes when its memory is full.
func TestBlocked(t *testing.T) {
	b := subscribe(t, configured(server.Address, app(t)), "n1")
	say(t, b, "", "before")
	t.Cleanup(func() { control(t, server, "set_vm_memory_high_watermark", "0.4") })
	control(t, server, "set_vm_memory_high_watermark", "0")
	eventually(t, func() error {
		if b.Publish(bounded(t), drivertest.Packets("meanwhile")) == nil {
			return errors.New("RabbitMQ still takes packets")
		}
		return nil
	})
	began := time.Now()
	err := b.Publish(bounded(t), []sender.Packet{{Payload: []byte("refused")}})
	if took := time.Since(began); err == nil || !strings.Contains(err.Error(), "blocked publishing: low on memory") || took > time.Second {
		t.Errorf("Publish returned %v after %s", err, took)
	}
	if s := b.Stats(); s.Blocks != 1 || s.Blocked == "" {
		t.Errorf("got %+v", s)
	}
	control(t, server, "set_vm_memory_high_watermark", "0.4")
	insist(t, b, "after")
	expect(t, b, "before")
	// What was under way when the block began may come.
	hear(t, b, func(e sender.Event) bool {
		if string(e.Payload) == "refused" {
			t.Error("what was refused has been published")
		}
		return string(e.Payload) == "after"
	})
	if s := b.Stats(); s.Blocked != "" || s.Reconnects != 0 {
		t.Errorf("got %+v", s)
	}
}

// control runs RabbitMQ's command line tool on a broker of package brokers,
// whose third port is that of Erlang's name server.
func control(t *testing.T, b *brokers.Broker, arguments ...string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(b.Address)
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	tool := "rabbitmqctl"
	if debian := "/usr/lib/rabbitmq/bin/rabbitmqctl"; exists(debian) {
		tool = debian // that in the path wants to be another user
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 30*time.Second) // for cleanups, too
	defer cancel()
	command := exec.CommandContext(ctx, tool, append([]string{"-n", "rabbit@localhost"}, arguments...)...)
	command.Env = append(os.Environ(), "HOME="+b.Dir, "ERL_EPMD_PORT="+strconv.Itoa(number+2),
		"RABBITMQ_CONF_ENV_FILE="+filepath.Join(b.Dir, "none"), "RABBITMQ_ENABLED_PLUGINS_FILE="+filepath.Join(b.Dir, "enabled_plugins"))
	output, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", arguments, err, output)
	}
	return string(output)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// The queue of a node that leaves goes with it.
func TestCloseDeletesTheQueue(t *testing.T) {
	config := configured(server.Address, app(t))
	b := subscribe(t, config, "n1")
	config.Queue += "-other"
	stays := subscribe(t, config, "n1")
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	config.Queue = strings.TrimSuffix(config.Queue, "-other")
	if names := queues(t, config); len(names) != 1 || !strings.Contains(names[0], "-other.n1.") {
		t.Errorf("the queues are %q, want one of the node that stays", names)
	}
	say(t, stays, "", "x")
	expect(t, stays, "x")
}

// queues returns the names of the shared broker's queues that begin as configured.
func queues(t *testing.T, config rabbitmq.Config) (names []string) {
	t.Helper()
	for name := range strings.FieldsSeq(control(t, server, "--silent", "list_queues", "name")) {
		if strings.HasPrefix(name, config.Queue) {
			names = append(names, name)
		}
	}
	return names
}

// The permissions that the package's documentation names are enough, and no
// fewer are; names and passwords may have any characters.
func TestLeastPermissions(t *testing.T) {
	name := app(t)
	vhost := name + "/chat"
	control(t, server, "add_vhost", vhost)
	control(t, server, "add_user", name, "hunter2:@/?#%")
	config := configured(server.Address, name)
	config.URL = sender.Secret("amqp://" + name + ":hunter2%3A%40%2F%3F%23%25@" + server.Address + "/" + url.PathEscape(vhost))
	refused(t, config, vhost)

	allowed := "^" + config.Exchange + `$|^` + config.Queue + `\..*`
	permit := func(configure, write, read string) {
		t.Helper()
		control(t, server, "set_permissions", "-p", vhost, name, configure, write, read)
	}
	permit(allowed, allowed, "^$")
	refused(t, config, "ACCESS_REFUSED")
	permit(allowed, allowed, allowed)
	b := subscribe(t, config, "n1")
	say(t, b, "", "to all")
	say(t, b, "n1", "to one")
	expect(t, b, "to all", "to one")
}
