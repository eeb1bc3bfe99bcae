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
)

// nodeVariable is the environment variable that makes this program a node. It holds an identity.
const nodeVariable = "SWITCHBOARD_FAULTS_NODE"

// identity is what a child process is to be.
type identity struct {
	Place   place
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
	emit := func(e entry) {
		mu.Lock()
		defer mu.Unlock()
		_ = encoder.Encode(e) // who no longer listens has ended
	}
	if err := beNode(text, emit); err != nil {
		emit(entry{Kind: withdrew, Text: err.Error()})
	}
	return true
}

func beNode(text string, emit func(entry)) error {
	var id identity
	if err := json.Unmarshal([]byte(text), &id); err != nil {
		return err
	}
	for _, d := range Drivers() {
		if d.Name != id.Driver {
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		n, err := startNode(ctx, id.Place, id.Probe, d.opener(id.Address, id.App), emit)
		if err != nil {
			return err
		}
		emit(entry{Kind: serving, Text: n.url()})
		return n.obey(os.Stdin)
	}
	return fmt.Errorf("there is no driver %q", id.Driver)
}

// obey does what it is told until the orders end, or it is to leave.
func (n *node) obey(orders io.Reader) error {
	for decoder := json.NewDecoder(orders); ; {
		var o order
		var err error
		if decoder.Decode(&o) != nil {
			return n.close() // the parent has ended
		}
		switch o.Do {
		case "speak":
			err = n.speak(o.Targets)
		case "hush":
			err = n.hush()
		case "fence":
			err = n.fence()
		case "leave":
			err = n.close()
		}
		if err != nil {
			return err
		}
		n.emit(entry{Kind: done})
		if o.Do == "leave" {
			return nil
		}
	}
}

// process is a node in a child process.
type process struct {
	place
	cmd     *exec.Cmd
	orders  io.WriteCloser
	address string
	// answers has serving, done and withdrew. It is closed when the child has ended.
	answers chan entry
}

// startProcess runs this program once more, as a node.
func startProcess(ctx context.Context, id identity, emit func(entry)) (*process, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(id)
	if err != nil {
		return nil, err
	}
	p := &process{place: id.Place, answers: make(chan entry, 1)}
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
	go p.read(output, emit) // ends with the child, which kill and close wait for
	e, err := p.answer(ctx)
	if err != nil {
		return nil, errors.Join(err, p.kill())
	}
	p.address = e.Text
	return p, nil
}

// read passes on what the child writes. The last line of one that was killed may be cut short.
func (p *process) read(output io.Reader, emit func(entry)) {
	defer close(p.answers)
	for lines := bufio.NewScanner(output); lines.Scan(); {
		var e entry
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

func (p *process) answer(ctx context.Context) (entry, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case e, ok := <-p.answers:
		switch {
		case !ok:
			return e, fmt.Errorf("the process of %s has ended", p.place)
		case e.Kind == withdrew:
			return e, fmt.Errorf("the process of %s: %s", p.place, e.Text)
		}
		return e, nil
	case <-ctx.Done():
		return entry{}, fmt.Errorf("the process of %s does not answer: %w", p.place, ctx.Err())
	}
}

func (p *process) tell(o order) error {
	if err := json.NewEncoder(p.orders).Encode(o); err != nil {
		return fmt.Errorf("the process of %s: %w", p.place, err)
	}
	_, err := p.answer(context.Background())
	return err
}

func (p *process) speak(targets []string) error { return p.tell(order{Do: "speak", Targets: targets}) }
func (p *process) hush() error                  { return p.tell(order{Do: "hush"}) }
func (p *process) fence() error                 { return p.tell(order{Do: "fence"}) }

// close has the child leave, and returns when it has ended.
func (p *process) close() error {
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
