package witness

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/websocket"
)

// Cluster is the nodes that live, and all that happens to them. The zero value has none and lacks Speakers.
type Cluster struct {
	Journal Journal
	// Speakers are the names of the nodes that send, the others only hear.
	Speakers [2]string
	// Members has those that live, by name.
	Members map[string]*Member
}

// Speaker is a node, here or in another process.
type Speaker interface {
	// URL is where clients connect.
	URL() string
	// Speak has it send to the targets, in place of what it sent before.
	Speak(targets []string) error
	// Hush ends that, when what is under way has been sent.
	Hush() error
	// Fence sends a last word to all.
	Fence() error
	// Close ends the node.
	Close() error
}

// Member is a node with its client.
type Member struct {
	Place
	Speaker
	session string
	ear     *ear
}

// Join connects a client to a node, which is the Cluster's from then on.
func (c *Cluster) Join(ctx context.Context, p Place, s Speaker) error {
	m := &Member{Place: p, Speaker: s}
	if c.Members == nil {
		c.Members = map[string]*Member{}
	}
	c.Members[p.Node] = m
	var err error
	if m.ear, err = listen(ctx, s.URL(), p, &c.Journal); err != nil {
		return err
	}
	return c.Journal.Await(ctx, p.String()+" has a session", func(all []Entry) error {
		for _, e := range all {
			if e.Kind == Opened && e.Place == p {
				m.session = e.Text
				return nil
			}
		}
		return errors.New("it has none")
	})
}

// Lose ends the client of a node that has been killed, which is a member no more.
func (c *Cluster) Lose(name string) {
	c.Members[name].ear.close()
	delete(c.Members, name)
}

// Close ends what lives.
func (c *Cluster) Close() error {
	var errs []error
	for _, m := range c.Members {
		if m.ear != nil {
			m.ear.close()
		}
		errs = append(errs, m.Close())
	}
	return errors.Join(errs...)
}

// Speak has the Speakers send to all, and to a user and a session of each other.
func (c *Cluster) Speak() error {
	a, b := c.Speakers[0], c.Speakers[1]
	for _, pair := range [][2]string{{a, b}, {b, a}} {
		from, to := c.Members[pair[0]], c.Members[pair[1]]
		err := from.Speak([]string{
			websocket.ToAll().String(),
			websocket.ToUser(websocket.Admin, to.Node).String(),
			websocket.ToSession(to.session).String(),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// hear waits until what is sent from now on comes: some of it from each of the Speakers to each other node.
func (c *Cluster) hear(ctx context.Context) error {
	const enough = 30
	now := time.Now()
	seen := 0
	fresh := map[Message]bool{}
	came := map[[2]Place]int{}
	return c.Journal.Await(ctx, "new messages come", func(all []Entry) error {
		// The entries of another process can be late, so that a message may come before it has been sent.
		for _, e := range all[seen:] {
			if e.Kind == Sending && e.At.After(now) {
				fresh[e.Message] = true
			}
		}
		clear(came)
		for _, e := range all {
			if e.Kind == Arrived && fresh[e.Message] {
				came[[2]Place{e.Message.From, e.Place}]++
			}
		}
		seen = len(all)
		return c.each(func(from, to *Member) error {
			if n := came[[2]Place{from.Place, to.Place}]; n < enough {
				return fmt.Errorf("%d have come from %s to %s", n, from, to)
			}
			return nil
		})
	})
}

// Begin waits until all nodes are ready, has the Speakers send, and returns when what they send is heard.
func (c *Cluster) Begin(ctx context.Context) error {
	if err := c.ready(ctx); err != nil {
		return err
	}
	if err := c.Speak(); err != nil {
		return err
	}
	return c.hear(ctx)
}

// End waits until the cluster is whole and all that was sent has come, if it ever does, and judges by what the driver can. Nobody
// sends any more then. The fault has ended at ended.
func (c *Cluster) End(ctx context.Context, can sender.Capabilities, ended time.Time) Outcome {
	unwell := c.recover(ctx)
	o := judge(c.Journal.All(), can)
	o.Whole = wholeAfter(c.Journal.All(), ended)
	if unwell != nil {
		o.Violations = append([]string{unwell.Error()}, o.Violations...)
	}
	return o
}

func (c *Cluster) recover(ctx context.Context) error {
	heard := c.hear(ctx)
	for _, name := range c.Speakers {
		if err := c.Members[name].Hush(); err != nil {
			return err
		}
	}
	return errors.Join(heard, c.finish(ctx), c.ready(ctx))
}

// finish sends a last word from each of the Speakers, again until it comes.
func (c *Cluster) finish(ctx context.Context) error {
	const again = 500 * time.Millisecond
	now, last := time.Now(), time.Time{}
	return c.Journal.Await(ctx, "the last word comes", func(all []Entry) error {
		err := c.fenced(all, now)
		if err == nil || time.Since(last) < again {
			return err
		}
		for _, name := range c.Speakers {
			err = errors.Join(err, c.Members[name].Fence())
		}
		last = time.Now()
		return err
	})
}

// fenced reports who has not got the last words.
func (c *Cluster) fenced(all []Entry, since time.Time) error {
	came := map[[2]Place]bool{}
	for _, e := range all {
		if e.Kind == Arrived && e.Message.Voice == fenceVoice && e.At.After(since) {
			came[[2]Place{e.Message.From, e.Place}] = true
		}
	}
	return c.each(func(from, to *Member) error {
		if !came[[2]Place{from.Place, to.Place}] {
			return fmt.Errorf("that of %s has not come to %s", from, to)
		}
		return nil
	})
}

// each calls f for each of the Speakers with each other member.
func (c *Cluster) each(f func(from, to *Member) error) error {
	for _, name := range c.Speakers {
		from := c.Members[name]
		for _, to := range c.Members {
			if from == to {
				continue
			}
			if err := f(from, to); err != nil {
				return err
			}
		}
	}
	return nil
}

// ready waits until all nodes say that they are.
func (c *Cluster) ready(ctx context.Context) error {
	return c.Journal.Await(ctx, "the nodes are ready", func(all []Entry) error {
		said := map[Place]string{}
		for _, e := range all {
			if e.Kind == Readied {
				said[e.Place] = e.Text
			}
		}
		for _, m := range c.Members {
			text, ok := said[m.Place]
			if !ok {
				return fmt.Errorf("%s has not said anything", m)
			}
			if text != "" {
				return fmt.Errorf("%s: %s", m, text)
			}
		}
		return nil
	})
}

// wholeAfter returns how long after the fault's end the last node was ready that was not.
func wholeAfter(all []Entry, ended time.Time) time.Duration {
	well := map[Place]bool{}
	after := time.Duration(0)
	for _, e := range all {
		switch e.Kind {
		case Killed:
			delete(well, e.Place)
		case Readied:
			if before, known := well[e.Place]; known && !before && e.Text == "" {
				after = max(after, e.At.Sub(ended))
			}
			well[e.Place] = e.Text == ""
		}
	}
	return after
}
