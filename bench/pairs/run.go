package pairs

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/switchboard-go/switchboard/internal/brokers"
)

// Options say what to measure.
type Options struct {
	Brokers []string      // of redis, rabbitmq, kafka and rocketmq, in this order
	Only    []string      // pairs; empty means all of the brokers'
	Rounds  int           // of each pair
	Flood   time.Duration // how long a round floods
	Pace    time.Duration // how long a round sends at Rate; zero measures no latency
	Rate    int           // the modest one, in messages a second
	Senders int           // goroutines, instead of each pair's own number; zero keeps that
	Batch   int           // messages of a goroutine at a time, likewise
	// Profiles is a folder for CPU profiles of A and B, of the last round; empty
	// means none.
	Profiles string
	Log      io.Writer
}

// Round is what was measured of a pair in a round.
type Round struct {
	Pair     string
	Round    int
	Sent     int64
	Lost     int64         // sent, and never arrived
	Wrong    int64         // came twice, out of order, or to another user
	Failed   int64         // not acknowledged
	Closed   int64         // sockets that the server closed
	Rate     float64       // messages a second
	A, B     time.Duration // CPU for each message
	Load     time.Duration
	Broker   time.Duration
	Switches float64       // voluntary context switches of A and B for each message
	Noise    float64       // share of the processors that others used
	P50, P99 time.Duration // one way, at the modest rate
	Acked    time.Duration // likewise, until half of the sends were acknowledged
	Error    string        `json:",omitempty"`
}

// Run measures. What it returns is there even with an error.
func Run(ctx context.Context, o Options) ([]Round, error) {
	dir, err := os.MkdirTemp("", "switchboard-pairs-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	r := &runner{Options: o, board: filepath.Join(dir, "board")}
	if r.load, err = spawn(ctx, Role{Side: "load", Board: r.board}); err != nil {
		return nil, err
	}
	defer r.load.end()
	for _, broker := range o.Brokers {
		if err := r.broker(ctx, broker); err != nil {
			return r.rounds, fmt.Errorf("%s: %w", broker, err)
		}
	}
	return r.rounds, nil
}

type runner struct {
	Options
	board  string
	load   *child
	rounds []Round
}

// pairNames returns those of a broker, in the order of their turns.
func (r *runner) pairNames(broker string) (names []string) {
	for name, p := range pairs {
		if p.broker != broker {
			continue
		}
		if len(r.Only) == 0 || slices.ContainsFunc(r.Only, func(only string) bool { return strings.HasSuffix(name, only) }) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// running is a pair's processes.
type running struct {
	name string
	pair pair
	a, b *child // a is nil where there is B alone
	sees *child // who counts: the load generator or B
}

func (r *runner) broker(ctx context.Context, kind string) error {
	r.note("start %s", kind)
	broker, err := brokers.Start(brokers.Kind(kind))
	if err != nil {
		return err
	}
	defer func() { _ = broker.Close() }()
	var all []*running
	defer func() {
		for _, p := range all {
			if p.a != nil {
				p.a.end()
			}
			p.b.end()
		}
	}()
	for _, name := range r.pairNames(kind) {
		p, err := r.start(ctx, name, broker.Address)
		if err != nil {
			return err
		}
		all = append(all, p)
	}
	for round := range r.Rounds + 1 { // the first one warms up
		for i := range all {
			p := all[(i+round)%len(all)]
			measured, err := r.round(p, round)
			if err != nil {
				return fmt.Errorf("%s, round %d: %w", p.name, round, err)
			}
			r.note("%s", measured)
			if round > 0 {
				r.rounds = append(r.rounds, measured)
			}
		}
	}
	return nil
}

// start starts a pair: B first, which makes what A publishes to.
func (r *runner) start(ctx context.Context, name, address string) (*running, error) {
	p := &running{name: name, pair: pairs[name]}
	role := Role{Pair: name, Address: address, Board: r.board, Name: "bench-" + strings.ReplaceAll(name, "/", "-")}
	var err error
	role.Side = "b"
	if p.b, err = spawn(ctx, role); err != nil {
		return nil, err
	}
	if p.pair.send != nil {
		role.Side = "a"
		if p.a, err = spawn(ctx, role); err != nil {
			p.b.end()
			return nil, err
		}
	}
	p.sees = p.b
	if p.b.first.Address != "" {
		p.sees = r.load
	}
	return p, nil
}

// round measures a pair once.
func (r *runner) round(p *running, number int) (m Round, err error) {
	m = Round{Pair: p.name, Round: number}
	if p.sees == r.load {
		if _, err = r.load.ask(order{Do: "connect", Address: p.b.first.Address, Path: p.b.first.Path, Hello: p.b.first.Hello}); err != nil {
			return m, err
		}
		time.Sleep(300 * time.Millisecond) // the broker hears of subscriptions a moment later
	}
	if p.a != nil {
		if err = r.flood(p, number, &m); err != nil {
			return m, err
		}
	}
	if r.Pace > 0 && !p.pair.reference {
		err = r.pace(p, &m)
	}
	return m, err
}

func (r *runner) flood(p *running, number int, m *Round) error {
	if r.Profiles != "" && number == r.Rounds {
		for side, c := range map[string]*child{"a": p.a, "b": p.b} {
			if _, err := c.ask(order{Do: "profile", File: filepath.Join(r.Profiles, strings.ReplaceAll(p.name, "/", "-")+"-"+side+".pprof")}); err != nil {
				return err
			}
			defer func() { _, _ = c.ask(order{Do: "profile"}) }()
		}
	}
	if _, err := p.sees.ask(order{Do: "begin"}); err != nil {
		return err
	}
	before, err := r.usage(p)
	if err != nil {
		return err
	}
	flood := order{Do: "flood", Senders: p.pair.senders, Batch: p.pair.batch, Window: cmp.Or(p.pair.window, defaultWindow), For: r.Flood}
	if r.Senders > 0 {
		flood.Senders = r.Senders
	}
	if r.Batch > 0 {
		flood.Batch = r.Batch
	}
	sent, err := p.a.ask(flood)
	if err != nil {
		return err
	}
	seen, err := p.sees.ask(order{Do: "await", Count: sent.Sent.Count})
	if err != nil {
		return err
	}
	after, err := r.usage(p)
	if err != nil {
		return err
	}
	m.Sent, m.Failed, m.Error = sent.Sent.Count, sent.Sent.Failed, sent.Sent.First
	m.Lost, m.Wrong, m.Closed = m.Sent-seen.Arrived.Count, seen.Arrived.Wrong, seen.Closed
	if n := seen.Arrived.Count; n > 0 {
		m.Rate = float64(n) / time.Duration(seen.Arrived.Last-sent.Sent.Began).Seconds()
		m.A, m.B = (after.a.CPU-before.a.CPU)/time.Duration(n), (after.b.CPU-before.b.CPU)/time.Duration(n)
		m.Load = (after.load.CPU - before.load.CPU) / time.Duration(n)
		m.Broker = (after.machine.broker - before.machine.broker) / time.Duration(n)
		m.Noise = float64(after.machine.others-before.machine.others) / float64(after.at.Sub(before.at)) / float64(runtime.NumCPU())
		m.Switches = float64(after.a.Calls-before.a.Calls+after.b.Calls-before.b.Calls) / float64(n)
	}
	return nil
}

func (r *runner) pace(p *running, m *Round) error {
	from := p.a
	if from == nil {
		from = p.b
	}
	if _, err := p.sees.ask(order{Do: "begin", Sampling: true}); err != nil {
		return err
	}
	sent, err := from.ask(order{Do: "pace", Rate: r.Rate, For: r.Pace})
	if err != nil {
		return err
	}
	seen, err := p.sees.ask(order{Do: "await", Count: sent.Sent.Count})
	if err != nil {
		return err
	}
	m.P50, m.P99, m.Acked = seen.Arrived.P50, seen.Arrived.P99, sent.Sent.Acked
	m.Lost += sent.Sent.Count - seen.Arrived.Count
	m.Wrong += seen.Arrived.Wrong
	m.Failed += sent.Sent.Failed
	if m.Error == "" {
		m.Error = sent.Sent.First
	}
	return nil
}

// usage is what the processes have used up to now.
type usage struct {
	a, b, load reply
	at         time.Time
	machine    machineUse
}

func (r *runner) usage(p *running) (u usage, err error) {
	for _, of := range []struct {
		c    *child
		into *reply
	}{{p.a, &u.a}, {p.b, &u.b}, {r.load, &u.load}} {
		if *of.into, err = of.c.ask(order{Do: "usage"}); err != nil {
			return u, err
		}
	}
	u.at = time.Now()
	u.machine, err = useOfMachine()
	return u, err
}

func (r *runner) note(format string, values ...any) {
	if r.Log != nil {
		_, _ = fmt.Fprintf(r.Log, format+"\n", values...)
	}
}

func (m Round) String() string {
	text := fmt.Sprintf("%-18s %d  %8.0f/s  A %6.2f  B %6.2f  load %5.2f  broker %6.2f µs  %5.3f switches  p50 %7.3f  p99 %7.3f  acked %7.3f ms",
		m.Pair, m.Round, m.Rate, micros(m.A), micros(m.B), micros(m.Load), micros(m.Broker), m.Switches, millis(m.P50), millis(m.P99), millis(m.Acked))
	if m.Lost+m.Wrong+m.Failed+m.Closed > 0 {
		text += fmt.Sprintf("  LOST %d WRONG %d FAILED %d CLOSED %d of %d %s", m.Lost, m.Wrong, m.Failed, m.Closed, m.Sent, m.Error)
	}
	return text
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }
func millis(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }
