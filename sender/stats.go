package sender

import (
	"sync/atomic"
	"time"
)

// ClusterStats are a Cluster's counters since its start.
type ClusterStats struct {
	// Published counts the envelopes that the broker took, PublishErrors those
	// that it did not or may not have, Batches the publishes that they went in.
	Published, PublishErrors, Batches uint64
	// Received counts the messages that came from other nodes, Duplicates those
	// that came again and were dropped, Foreign what is no envelope of ours.
	Received, Duplicates, Foreign uint64
	// Gaps counts the gaps, Missing the messages known to be missing in them.
	Gaps, Missing uint64
	// Silent counts the nodes that went without a goodbye.
	Silent uint64
	// Namesakes counts the envelopes of another process that has this node's name,
	// which must be its own. The first is logged.
	Namesakes uint64
	// Reconnects counts the times that the link came back.
	Reconnects uint64
	// ProbeRoundTrip is how long the last own envelope took through the broker.
	ProbeRoundTrip time.Duration
}

type clusterCounters struct {
	published, publishErrors, batches, received, duplicates, foreign atomic.Uint64
	gaps, missing, silent, namesakes, reconnects                     atomic.Uint64
	probeRoundTrip                                                   atomic.Int64
}

// Stats returns the counters, read one by one while the cluster runs.
func (c *Cluster) Stats() ClusterStats {
	n := &c.counts
	return ClusterStats{
		Published:      n.published.Load(),
		PublishErrors:  n.publishErrors.Load(),
		Batches:        n.batches.Load(),
		Received:       n.received.Load(),
		Duplicates:     n.duplicates.Load(),
		Foreign:        n.foreign.Load(),
		Gaps:           n.gaps.Load(),
		Missing:        n.missing.Load(),
		Silent:         n.silent.Load(),
		Namesakes:      n.namesakes.Load(),
		Reconnects:     n.reconnects.Load(),
		ProbeRoundTrip: time.Duration(n.probeRoundTrip.Load()),
	}
}
