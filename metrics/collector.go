package metrics

import (
	"strconv"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/websocket"
)

// Collector is a prometheus.Collector for one node. It is safe for concurrent
// use, and has nothing to be closed.
type Collector struct {
	server  *websocket.Server
	manager *websocket.SessionManager
	sender  sender.Sender
	cluster cluster // nil where the sender links no nodes

	mu        sync.Mutex
	userTypes map[websocket.UserType]bool // that have a label of their own
}

// cluster is what a sender.Cluster tells beside a Sender.
type cluster interface {
	Stats() sender.ClusterStats
	Peers() []sender.Peer
}

var _ cluster = (*sender.Cluster)(nil)

// New returns a Collector for a server, the manager of its sessions and the
// sender. Any of them may be nil, and its metrics are left out then: an emitter
// has only a sender. The metrics of links between nodes are there where the
// sender is a sender.Cluster or has its Stats and Peers.
func New(server *websocket.Server, manager *websocket.SessionManager, s sender.Sender) *Collector {
	c := &Collector{server: server, manager: manager, sender: s}
	c.userTypes = map[websocket.UserType]bool{websocket.Member: true, websocket.Admin: true}
	c.cluster, _ = s.(cluster)
	return c
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(to chan<- *prometheus.Desc) {
	var groups [][]*prometheus.Desc
	if c.server != nil {
		groups = append(groups, []*prometheus.Desc{opened, closed, refused, received, frames, dropped, messageErrors, panics})
	}
	if c.manager != nil {
		groups = append(groups, []*prometheus.Desc{sessions, delivered, outboxMessages, outboxBytes})
	}
	if c.sender != nil {
		groups = append(groups, []*prometheus.Desc{ready})
	}
	if c.cluster != nil {
		groups = append(groups, []*prometheus.Desc{
			publishes, publishErrors, batches, clusterReceived, duplicates, foreign, gaps, missing, silent, namesakes, reconnects, roundTrip, peers,
		})
	}
	for _, group := range groups {
		for _, desc := range group {
			to <- desc
		}
	}
}

// Collect implements prometheus.Collector.
func (c *Collector) Collect(to chan<- prometheus.Metric) {
	if c.server != nil {
		collectServer(to, c.server.Stats())
	}
	if c.manager != nil {
		for label, n := range c.sessions() {
			gauge(to, sessions, float64(n), label)
		}
		for messageType, n := range c.manager.DeliveredByType() {
			count(to, delivered, n, messageType)
		}
		messages, bytes := c.manager.Queued()
		gauge(to, outboxMessages, float64(messages))
		gauge(to, outboxBytes, float64(bytes))
	}
	if c.sender != nil {
		isReady := 0.0
		if c.sender.Ready() == nil {
			isReady = 1
		}
		gauge(to, ready, isReady)
	}
	if c.cluster != nil {
		collectCluster(to, c.cluster.Stats())
		gauge(to, peers, float64(len(c.cluster.Peers())))
	}
}

// sessions returns the numbers of sessions by the label of their user type. A
// type keeps the label that it was given.
func (c *Collector) sessions() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.manager.CountByType()
	for userType := range now {
		if len(c.userTypes) < websocket.MaxCountedTypes {
			c.userTypes[userType] = true
		}
	}
	labels := make(map[string]int, len(c.userTypes))
	for userType := range c.userTypes {
		labels[strconv.Itoa(int(userType))] = now[userType]
		delete(now, userType)
	}
	for _, n := range now {
		labels[websocket.OtherTypes] += n
	}
	return labels
}

func collectServer(to chan<- prometheus.Metric, s websocket.Stats) {
	count(to, opened, s.Opened)
	count(to, refused, s.Refused)
	for code, n := range s.Closed {
		label := websocket.OtherTypes
		if code != 0 {
			label = strconv.Itoa(int(code))
		}
		count(to, closed, n, label)
	}
	for messageType, n := range s.ReceivedByType {
		count(to, received, n, messageType)
	}
	count(to, frames, s.Sent)
	count(to, dropped, s.Dropped)
	for code, n := range s.Errors {
		count(to, messageErrors, n, string(code))
	}
	count(to, panics, s.Panics)
}

func collectCluster(to chan<- prometheus.Metric, s sender.ClusterStats) {
	count(to, publishes, s.Published)
	count(to, publishErrors, s.PublishErrors)
	count(to, batches, s.Batches)
	count(to, clusterReceived, s.Received)
	count(to, duplicates, s.Duplicates)
	count(to, foreign, s.Foreign)
	count(to, gaps, s.Gaps)
	count(to, missing, s.Missing)
	count(to, silent, s.Silent)
	count(to, namesakes, s.Namesakes)
	count(to, reconnects, s.Reconnects)
	gauge(to, roundTrip, s.ProbeRoundTrip.Seconds())
}

func count(to chan<- prometheus.Metric, desc *prometheus.Desc, n uint64, labels ...string) {
	to <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(n), labels...)
}

func gauge(to chan<- prometheus.Metric, desc *prometheus.Desc, value float64, labels ...string) {
	to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
}
