package faults

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/switchboard-go/switchboard/internal/witness"
)

// nodeVariable is the environment variable that makes this program a node. It holds an identity.
const nodeVariable = "SWITCHBOARD_FAULTS_NODE"

// What a child says of itself, beside what it notes.
const (
	serving  witness.Kind = "serving"  // its server is at Text
	done     witness.Kind = "done"     // it has done what it was told
	withdrew witness.Kind = "withdrew" // it could not do it, because of Text
)

// identity is what a child process is to be.
type identity struct {
	Place   witness.Place
	Probe   time.Duration
	Driver  string
	Address string
	App     string
}

// order is what a child is told to do. Its answer is an entry done or withdrew.
type order struct {
	Do      string   `json:"do"` // speak, hush, fence, leave
	Targets []string `json:"targets,omitempty"`
}

// BeNode runs a node instead of the program where the program was started to be one, and reports whether it was. A program
// that calls Run calls it first.
func BeNode() bool {
	text := os.Getenv(nodeVariable)
	if text == "" {
		return false
	}
	var mu sync.Mutex
	encoder := json.NewEncoder(os.Stdout)
	emit := func(e witness.Entry) {
		mu.Lock()
		defer mu.Unlock()
		_ = encoder.Encode(e) // who no longer listens has ended
	}
	if err := beNode(text, emit); err != nil {
		emit(witness.Entry{Kind: withdrew, Text: err.Error()})
	}
	return true
}

func beNode(text string, emit func(witness.Entry)) error {
	var id identity
	if err := json.Unmarshal([]byte(text), &id); err != nil {
		return err
	}
	for _, d := range Drivers() {
		if d.Name != id.Driver {
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), witness.Patience)
		defer cancel()
		n, err := witness.StartNode(ctx, id.Place, id.Probe, d.opener(id.Address, id.App), emit)
		if err != nil {
			return err
		}
		emit(witness.Entry{Kind: serving, Text: n.URL()})
		return obey(n, os.Stdin, emit)
	}
	return fmt.Errorf("there is no driver %q", id.Driver)
}

// obey does what it is told until the orders end, or it is to leave.
func obey(n *witness.Node, orders io.Reader, emit func(witness.Entry)) error {
	for decoder := json.NewDecoder(orders); ; {
		var o order
		var err error
		if decoder.Decode(&o) != nil {
			return n.Close() // the parent has ended
		}
		switch o.Do {
		case "speak":
			err = n.Speak(o.Targets)
		case "hush":
			err = n.Hush()
		case "fence":
			err = n.Fence()
		case "leave":
			err = n.Close()
		}
		if err != nil {
			return err
		}
		emit(witness.Entry{Kind: done})
		if o.Do == "leave" {
			return nil
		}
	}
}

// process is a node in a child process.
type process struct {
	witness.Place
	cmd     *exec.Cmd
	orders  io.WriteCloser
	address string
	// answers has serving, done and withdrew. It is closed when the child has ended.
	answers chan witness.Entry
}

// startProcess runs this program once more, as a node.
func startProcess(ctx context.Context, id identity, emit func(witness.Entry)) (*process, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(id)
	if err != nil {
		return nil, err
	}
	p := &process{Place: id.Place, answers: make(chan witness.Entry, 1)}
	p.cmd = exec.Command(program) //nolint:noctx // it ends with its orders
	p.cmd.Env = append(os.Environ(), nodeVariable+"="+string(text))
	p.cmd.Stderr = os.Stderr
	if p.orders, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	output, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go p.read(output, emit) // ends with the child, which kill and Close wait for
	e, err := p.answer(ctx)
	if err != nil {
		return nil, errors.Join(err, p.kill())
	}
	p.address = e.Text
	return p, nil
}

// read passes on what the child writes. The last line of one that was killed may be cut short.
func (p *process) read(output io.Reader, emit func(witness.Entry)) {
	defer close(p.answers)
	for lines := bufio.NewScanner(output); lines.Scan(); {
		var e witness.Entry
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			continue
		}
		switch e.Kind {
		case serving, done, withdrew:
			p.answers <- e
		default:
			emit(e)
		}
	}
}

func (p *process) answer(ctx context.Context) (witness.Entry, error) {
	ctx, cancel := context.WithTimeout(ctx, witness.Patience)
	defer cancel()
	select {
	case e, ok := <-p.answers:
		switch {
		case !ok:
			return e, fmt.Errorf("the process of %s has ended", p.Place)
		case e.Kind == withdrew:
			return e, fmt.Errorf("the process of %s: %s", p.Place, e.Text)
		}
		return e, nil
	case <-ctx.Done():
		return witness.Entry{}, fmt.Errorf("the process of %s does not answer: %w", p.Place, ctx.Err())
	}
}

func (p *process) tell(o order) error {
	if err := json.NewEncoder(p.orders).Encode(o); err != nil {
		return fmt.Errorf("the process of %s: %w", p.Place, err)
	}
	_, err := p.answer(context.Background())
	return err
}

// URL, Speak, Hush and Fence are those of witness.Speaker.
func (p *process) URL() string                  { return p.address }
func (p *process) Speak(targets []string) error { return p.tell(order{Do: "speak", Targets: targets}) }
func (p *process) Hush() error                  { return p.tell(order{Do: "hush"}) }
func (p *process) Fence() error                 { return p.tell(order{Do: "fence"}) }

// Close has the child leave, and returns when it has ended.
func (p *process) Close() error {
	err := p.tell(order{Do: "leave"})
	if err != nil {
		return errors.Join(err, p.kill())
	}
	p.drain()
	return p.cmd.Wait()
}

// kill ends the child with SIGKILL. All that it wrote has been read then.
func (p *process) kill() error {
	if err := p.cmd.Process.Kill(); err != nil {
		return err
	}
	p.drain()
	_ = p.cmd.Wait() // the error says that it was killed
	return nil
}

func (p *process) drain() {
	for range p.answers { // until it is closed
	}
	_ = p.orders.Close()
}
