package load

import (
	"time"

	"github.com/switchboard-go/switchboard/bench/control"
	"github.com/switchboard-go/switchboard/bench/stamp"
	"github.com/switchboard-go/switchboard/bench/stats"
)

// window is more messages than are ever in flight of one broadcast.
const window = 1 << 12

// tally counts what arrives during one command.
type tally struct {
	command   control.LoadCommand
	credits   *control.CreditWriter
	receivers int
	want      int // deliveries
	got       int
	last      []uint32    // the number each connection got last
	copies    [window]int // how many connections have a message, by its number
	owed      int         // credits not yet given
	latency   stats.Histogram
	part      stats.Histogram // of the part of the deliveries that is under way
	partP99   []float64       // of each part that is done
	result    control.LoadResult
}

func newTally(c control.LoadCommand, credits *control.CreditWriter, connections, receivers int) *tally {
	t := &tally{command: c, credits: credits, receivers: receivers, want: c.Messages, last: make([]uint32, connections)}
	if c.Copies {
		t.want *= receivers
	}
	return t
}

// parts is in how many parts the latencies are taken: a machine that was busy with something else for a moment spoils one of them.
const parts = 10

// take counts the messages of one payload and returns how many there were.
func (t *tally) take(connection int, payload []byte, now int64) (messages int) {
	t.result.Payload += len(payload)
	for {
		seq, sent, rest, ok := stamp.Next(payload)
		if !ok {
			return messages
		}
		messages++
		t.got++
		t.latency.Add(time.Duration(now - sent))
		if t.part.Add(time.Duration(now - sent)); t.part.Count() >= uint64(max(t.want/parts, 1)) {
			t.partP99 = append(t.partP99, float64(t.part.Quantile(0.99)))
			t.part = stats.Histogram{}
		}
		switch last := t.last[connection]; {
		case seq == last+1:
		case seq > last:
			t.result.Lost += int(seq - last - 1)
		default:
			t.result.Misordered++
		}
		t.last[connection] = max(seq, t.last[connection])
		if !t.command.Copies {
			t.owed++
		} else if copies := &t.copies[seq%window]; *copies+1 == t.receivers {
			*copies = 0
			t.owed++
		} else {
			*copies++
		}
		payload = rest
	}
}

func (t *tally) done() bool { return t.got >= t.want }

// impatient says that the server waits for credits that are owed.
func (t *tally) impatient() bool { return t.owed > 0 && t.command.CreditEvery < t.command.Messages }

// settle gives the credits that are owed, when there are enough of them or when idle.
func (t *tally) settle(idle bool) error {
	if t.owed >= t.command.CreditEvery || t.done() && t.owed > 0 || idle && t.impatient() {
		n := t.owed
		t.owed = 0
		return t.credits.Write(n)
	}
	return nil
}

func (t *tally) finish(used control.Usage) control.LoadResult {
	t.result.Usage = used
	t.result.Deliveries = t.got
	t.result.P50, t.result.P99 = t.latency.Quantile(0.5), t.latency.Quantile(0.99)
	t.result.TypicalP99 = time.Duration(stats.Of(t.partP99).Median)
	return t.result
}
