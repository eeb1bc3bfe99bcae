package sender

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// startTimeout is how long NewCluster tries to reach the broker. It leaves a second of ten to give up in.
const startTimeout = 9 * time.Second

// How long connect waits before it tries again: at first, and at the most.
const (
	firstRetry = 200 * time.Millisecond
	lastRetry  = 5 * time.Second
)

// errConnecting is why a node is not ready that has not been linked yet.
var errConnecting = errors.New("the first try is under way")

// connect links the node to the others for the first time, trying again until
// ctx ends. Its error is that of the last whole try. A try is bounded too.
func (c *Cluster) connect(ctx context.Context) error {
	var failure error
	for wait := firstRetry; ; wait = min(2*wait, lastRetry) {
		err := c.tryConnect(ctx)
		if err == nil {
			c.health.connected(time.Now())
			return nil
		}
		if failure == nil || ctx.Err() == nil {
			failure = err
		}
		c.health.broke(failure, time.Now())
		c.report(time.Now())
		select {
		case <-time.After(wait/2 + rand.N(wait/2)): // jitter, so that the nodes do not come all at once
		case <-ctx.Done():
			return fmt.Errorf("connect to the broker: %w", failure)
		}
	}
}

// tryConnect makes the node hear the others. An emitter, which hears nothing,
// sends a probe.
func (c *Cluster) tryConnect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if c.manager != nil {
		return c.broker.Subscribe(ctx)
	}
	_, err := c.publish(ctx, Packet{}, &envelope{kind: kindProbe, origin: c.self})
	return err
}
