package brokers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Kind names a message broker.
type Kind string

// The brokers that there is a driver for.
const (
	Redis    Kind = "redis"
	RabbitMQ Kind = "rabbitmq"
	Kafka    Kind = "kafka"
	RocketMQ Kind = "rocketmq"
)

const (
	// loopback is where the brokers themselves listen.
	loopback = "127.0.0.1"

	// startTimeout is far more than any broker takes, even on a busy machine: what runs into it hangs.
	startTimeout = 2 * time.Minute
)

// Broker is a running broker. Its methods may be called from several goroutines.
type Broker struct {
	Kind    Kind
	Address string // host:port that clients dial: of a RocketMQ, the name server's; behind a [Proxy], the proxy's
	Dir     string // its data, configuration and logs

	ports     *ports
	advertise string        // the host that clients are redirected to
	tls       *Certificates // nil: it serves clients in plain
	recipe    recipe

	mu        sync.Mutex // guards what follows
	guard     *guard
	processes []*process // in the order of their start
}

// recipe is how a kind of broker is run. The broker's first port, ports.numbers[0], is the one that clients dial.
type recipe struct {
	ports    int                    // how many it needs, one after the other
	patience time.Duration          // how long it may take to stop before it is killed
	clients  []int                  // which of them clients dial; the first one always
	tls      bool                   // it can encrypt
	missing  func() error           // says what is not installed, and how to install it
	prepare  func(b *Broker) error  // writes configuration, once
	steps    func(b *Broker) []step // what to run, in order
}

// step is one process of a broker. The next one starts when this one is ready.
type step struct {
	name  string
	argv  []string
	env   []string // beside the test's own environment
	ready func(ctx context.Context) error
}

var recipes = map[Kind]recipe{
	Redis:    redisRecipe,
	RabbitMQ: rabbitRecipe,
	Kafka:    kafkaRecipe,
	RocketMQ: rocketRecipe,
}

// Start runs a broker of a kind on free ports and returns when it answers clients.
func Start(kind Kind) (*Broker, error) {
	return start(kind, 0, nil)
}

// StartAt is Start with the port that clients dial given. It is for people; tests take any port.
func StartAt(kind Kind, port int) (*Broker, error) {
	return start(kind, port, nil)
}

// start runs a broker. Shape, where given, is called before the broker is configured and says how clients reach it.
func start(kind Kind, port int, shape func(b *Broker) error) (_ *Broker, err error) {
	recipe, ok := recipes[kind]
	if !ok {
		return nil, fmt.Errorf("brokers: there is no broker %q", kind)
	}
	if err := recipe.missing(); err != nil {
		return nil, fmt.Errorf("brokers: %s: %w", kind, err)
	}
	b := &Broker{Kind: kind, recipe: recipe, advertise: loopback}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("brokers: start %s: %w", kind, err), b.Close())
		}
	}()
	if b.ports, err = reserve(recipe.ports, port); err != nil {
		return nil, err
	}
	b.Address = b.listen(0)
	if b.Dir, err = os.MkdirTemp("", "switchboard-"+string(kind)+"-"); err != nil {
		return nil, err
	}
	if b.guard, err = newGuard(b.Dir); err != nil {
		return nil, err
	}
	if shape != nil {
		if err := shape(b); err != nil {
			return nil, err
		}
	}
	if recipe.prepare != nil {
		if err := recipe.prepare(b); err != nil {
			return nil, err
		}
	}
	return b, b.run()
}

// listen is the address of the broker's own port, whatever stands in front of it.
func (b *Broker) listen(port int) string {
	return net.JoinHostPort(loopback, strconv.Itoa(b.ports.numbers[port]))
}

// run starts the processes, one after the other. The caller holds the lock, or is the only one to know b.
func (b *Broker) run() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	for _, step := range b.recipe.steps(b) {
		p, err := startProcess(step.argv, step.env, b.Dir, filepath.Join(b.Dir, step.name+".log"))
		if err != nil {
			return err
		}
		b.processes = append(b.processes, p)
		if err := b.guard.watch(b.processes); err != nil {
			return err
		}
		if err := p.await(ctx, step.ready); err != nil {
			return fmt.Errorf("%s: %w; its log ends:\n%s", step.name, err, tail(p.log))
		}
	}
	return nil
}

// Stop ends the broker as its service manager would: it is asked to, and killed when it takes long. Its data stays for
// [Broker.Restart].
func (b *Broker) Stop() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stop()
}

func (b *Broker) stop() error {
	var errs []error
	for _, p := range slices.Backward(b.processes) {
		errs = append(errs, p.stop(b.recipe.patience))
	}
	return errors.Join(append(errs, b.ended())...)
}

// Kill ends the broker with SIGKILL: it has no time to say goodbye to its clients, nor to write anything down.
func (b *Broker) Kill() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.kill()
}

func (b *Broker) kill() error {
	var errs []error
	for _, p := range b.processes {
		errs = append(errs, p.kill())
	}
	return errors.Join(append(errs, b.ended())...)
}

// ended forgets the processes, which are gone.
func (b *Broker) ended() error {
	b.processes = nil
	if b.guard == nil {
		return nil
	}
	return b.guard.watch(nil)
}

// Restart stops the broker, if it runs, and runs it again on the same ports and data. It returns when the broker answers.
func (b *Broker) Restart() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.guard == nil {
		return fmt.Errorf("brokers: restart %s: it is closed", b.Kind)
	}
	if err := b.stop(); err != nil {
		return fmt.Errorf("brokers: restart %s: %w", b.Kind, err)
	}
	if err := b.run(); err != nil {
		return errors.Join(fmt.Errorf("brokers: restart %s: %w", b.Kind, err), b.kill())
	}
	return nil
}

// Pause stops the broker's processes where they are: connections stand and can be made, and nothing answers.
// It returns when all of them stand.
func (b *Broker) Pause() error {
	if err := b.signal(pauseSignal); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.processes {
		if err := p.awaitPause(); err != nil {
			return fmt.Errorf("brokers: pause %s: %w", b.Kind, err)
		}
	}
	return nil
}

// Resume lets a paused broker go on.
func (b *Broker) Resume() error { return b.signal(resumeSignal) }

func (b *Broker) signal(signal syscall.Signal) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var errs []error
	if len(b.processes) == 0 {
		errs = append(errs, fmt.Errorf("brokers: %s does not run", b.Kind))
	}
	for _, p := range b.processes {
		errs = append(errs, p.signal(signal))
	}
	return errors.Join(errs...)
}

// Close ends the broker at once and removes its data. A second call does nothing.
func (b *Broker) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	errs := []error{b.kill()}
	if b.guard != nil {
		errs = append(errs, b.guard.close())
		b.guard = nil
	}
	if b.Dir != "" {
		errs = append(errs, os.RemoveAll(b.Dir))
	}
	if b.ports != nil {
		b.ports.release()
	}
	return errors.Join(errs...)
}

// Logs is the end of what the broker's processes have logged.
func (b *Broker) Logs() string {
	logs, err := filepath.Glob(filepath.Join(b.Dir, "*.log"))
	if err != nil {
		return err.Error()
	}
	var text strings.Builder
	for _, log := range logs {
		fmt.Fprintf(&text, "%s:\n%s\n", filepath.Base(log), tail(log))
	}
	return text.String()
}

// tail is the end of a log.
func tail(path string) string {
	const lines = 40
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimSpace(string(text)), "\n")
	return cmp.Or(strings.Join(all[max(0, len(all)-lines):], "\n"), "(nothing)")
}
