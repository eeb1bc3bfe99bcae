package main

import (
	"context"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	client "github.com/coder/websocket"

	"github.com/switchboard-go/switchboard/internal/brokers"
)

// link is a sender that links nodes.
type link struct {
	kind    brokers.Kind
	broker  string // the flag that says where the broker is
	secrets string // that flag with a password in it, or more flags that hold one
}

var links = []link{
	{brokers.Redis, "--websocket.sender-redis.addrs=%s", "--websocket.sender-redis.password=hunter2"},
	{brokers.RabbitMQ, "--websocket.sender-rabbitmq.url=amqp://guest:guest@%s/", "--websocket.sender-rabbitmq.url=amqp://guest:hunter2@%s/"},
	{brokers.Kafka, "--websocket.sender-kafka.brokers=%s", "--websocket.sender-kafka.username=app --websocket.sender-kafka.password=hunter2 --websocket.sender-kafka.mechanism=plain"},
	{brokers.RocketMQ, "--websocket.sender-rocketmq.name-servers=%s", "--websocket.sender-rocketmq.access-key=app --websocket.sender-rocketmq.secret-key=hunter2"},
}

// args returns the arguments of a chat on the broker at address; flags stand for
// themselves or have a place for it.
func (l link) args(address string, flags ...string) []string {
	args := []string{"--websocket.sender-type=" + string(l.kind)}
	for flag := range strings.FieldsSeq(l.broker + " " + strings.Join(flags, " ")) {
		args = append(args, strings.ReplaceAll(flag, "%s", address))
	}
	return args
}

// build returns the path of the chat's binary.
func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "chat")
	if output, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, output)
	}
	return binary
}

// exitStatus waits for the end of the process.
func (p *process) exitStatus(t *testing.T) int {
	t.Helper()
	select {
	case <-p.exited:
	case <-time.After(patience):
		t.Fatalf("the process does not exit: %s", p.console)
	}
	return p.ProcessState.ExitCode()
}

// becomes waits until /readyz is answered with a status, and returns its body.
func (p *process) becomes(t *testing.T, status int) string {
	t.Helper()
	var body string
	until(t, "/readyz is answered "+http.StatusText(status), func() bool {
		var response *http.Response
		response, body = request(t, http.MethodGet, p.url+"readyz", "")
		return response.StatusCode == status
	})
	return body
}

// until asks again and again until it is so.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for deadline := time.After(patience); !so(); {
		select {
		case <-again.C:
		case <-deadline:
			t.Fatalf("it does not come about that %s", what)
		}
	}
}

// person is somebody with a connection, who reads all the time.
type person struct {
	name   string
	conn   *client.Conn
	frames chan string
}

// joins connects somebody to a node.
func joins(t *testing.T, p *process, name, token string) *person {
	t.Helper()
	somebody := &person{name: name, conn: connect(t, p.url, token), frames: make(chan string, 1<<12)}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	t.Cleanup(func() { stop(); <-done })
	go func() {
		defer close(done)
		defer close(somebody.frames)
		for {
			_, frame, err := somebody.conn.Read(ctx)
			if err != nil {
				return
			}
			somebody.frames <- string(frame)
		}
	}()
	return somebody
}

// until returns the frames that have a text in them, up to the one that ends with
// the other text.
func (p *person) until(t *testing.T, end, text string) (found []string) {
	t.Helper()
	for deadline := time.After(patience); ; {
		select {
		case frame, ok := <-p.frames:
			if !ok {
				t.Fatalf("%s was disconnected", p.name)
			}
			if strings.Contains(frame, end) {
				return found
			}
			if strings.Contains(frame, text) {
				found = append(found, frame)
			}
		case <-deadline:
			t.Fatalf("%s did not get %q", p.name, end)
		}
	}
}

// got reports whether a frame with a text has come; those before it are gone then.
func (p *person) got(text string) bool {
	for {
		select {
		case frame := <-p.frames:
			if strings.Contains(frame, text) {
				return true
			}
		default:
			return false
		}
	}
}
