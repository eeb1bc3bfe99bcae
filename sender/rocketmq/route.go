package rocketmq

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// newQueues is how many queues a topic gets for each broker when it is created.
const newQueues = 4

// A broker that lets its clients create topics registers this one.
const creatableTopic = "TBW102"

// The bits of a queue's permissions.
const (
	mayWrite = 1 << 1
	mayRead  = 1 << 2
)

// queue is a queue of the topic.
type queue struct {
	broker string
	id     int
}

// route says where a topic's queues are.
type route struct {
	write []queue        // that can be written to, in an order that is every node's
	read  map[string]int // how many queues can be read, by broker
	addrs map[string]map[int]string
}

// master returns the address of a broker's master; empty where there is none.
func (r *route) master(broker string) string { return r.addrs[broker][0] }

// reader returns the address to read a broker's queues at: its master's, or else
// a slave's.
func (r *route) reader(broker string) string {
	addrs := r.addrs[broker]
	best := ""
	first := -1
	for id, addr := range addrs {
		if first < 0 || id < first {
			first, best = id, addr
		}
	}
	return best
}

// lane returns the queue that takes all that a node publishes.
func (r *route) lane(node string) queue {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(node))
	return r.write[hash.Sum32()%uint32(len(r.write))]
}

// writable is how many of a broker's queues can be written to.
func (r *route) writable(broker string) (count int) {
	for _, q := range r.write {
		if q.broker == broker {
			count++
		}
	}
	return count
}

// errNoTopic says that the name servers know no broker that has the topic.
var errNoTopic = errors.New("the topic does not exist, or its brokers are away")

// ensure returns the topic's route. Where there is no topic it is created, if
// the brokers or the configuration allow that.
func (c *client) ensure(ctx context.Context) (*route, error) {
	r, err := c.route(ctx, c.Topic)
	if !errors.Is(err, errNoTopic) {
		return r, err
	}
	masters, err := c.creators(ctx)
	if err != nil {
		return nil, err
	}
	for _, addr := range masters {
		if err := c.create(ctx, addr); err != nil {
			return nil, fmt.Errorf("%w; creating it at broker %s: %w", errNoTopic, addr, err)
		}
	}
	for {
		r, err := c.route(ctx, c.Topic)
		if !errors.Is(err, errNoTopic) {
			return r, err
		}
		select {
		case <-time.After(20 * time.Millisecond): // for the broker to tell the name servers
		case <-ctx.Done():
			return nil, fmt.Errorf("it was created and the name servers do not know it: %w", context.Cause(ctx))
		}
	}
}

// creators returns the addresses of the brokers that are to create the topic.
func (c *client) creators(ctx context.Context) ([]string, error) {
	r, err := c.route(ctx, creatableTopic)
	var addrs map[string]map[int]string
	switch {
	case err == nil:
		addrs = r.addrs
	case !errors.Is(err, errNoTopic):
		return nil, err
	case !c.CreateTopic:
		return nil, fmt.Errorf("%w; it is not created, as the brokers do not let their clients do that and create-topic is not set", errNoTopic)
	default:
		if addrs, err = c.clusterInfo(ctx); err != nil {
			return nil, err
		}
	}
	var masters []string
	for _, of := range addrs {
		if of[0] != "" {
			masters = append(masters, of[0])
		}
	}
	if len(masters) == 0 {
		return nil, fmt.Errorf("%w; there is no broker to create it at", errNoTopic)
	}
	return masters, nil
}

// create makes a broker create the topic.
func (c *client) create(ctx context.Context, addr string) error {
	a, err := c.ask(ctx, addr, request{code: codeCreateTopic, fields: map[string]string{
		"topic": c.Topic, "defaultTopic": creatableTopic,
		"readQueueNums": strconv.Itoa(newQueues), "writeQueueNums": strconv.Itoa(newQueues),
		"perm":            strconv.Itoa(mayRead | mayWrite),
		"topicFilterType": "SINGLE_TAG", "topicSysFlag": "0", "order": "false",
	}})
	if err == nil && a.Code != codeSuccess {
		err = a.refusal()
	}
	return err
}

// route asks the name servers, one after the other.
func (c *client) route(ctx context.Context, topic string) (*route, error) {
	a, err := c.askNames(ctx, request{code: codeRoute, fields: map[string]string{"topic": topic, "acceptStandardJsonOnly": "true"}})
	if err != nil {
		return nil, err
	}
	switch a.Code {
	case codeSuccess:
		return parseRoute(a.body)
	case codeTopicNotExist:
		return nil, errNoTopic
	}
	return nil, a.refusal()
}

// clusterInfo returns the addresses of all brokers.
func (c *client) clusterInfo(ctx context.Context) (map[string]map[int]string, error) {
	a, err := c.askNames(ctx, request{code: codeClusterInfo, fields: map[string]string{}})
	if err != nil {
		return nil, err
	}
	if a.Code != codeSuccess {
		return nil, a.refusal()
	}
	var info struct {
		BrokerAddrTable map[string]brokerData `json:"brokerAddrTable"`
	}
	if err := json.Unmarshal(quoteKeys(a.body), &info); err != nil {
		return nil, fmt.Errorf("the name server's list of brokers: %w", err)
	}
	addrs := make(map[string]map[int]string)
	for name, broker := range info.BrokerAddrTable {
		addrs[name] = broker.Addrs
	}
	return addrs, nil
}

// askNames asks one name server after the other until one answers.
func (c *client) askNames(ctx context.Context, r request) (*answer, error) {
	var errs []error
	for _, addr := range c.NameServers {
		a, err := c.ask(ctx, addr, r)
		if err == nil {
			return a, nil
		}
		errs = append(errs, fmt.Errorf("name server %s: %w", addr, err))
		if ctx.Err() != nil {
			break
		}
	}
	return nil, errors.Join(errs...)
}

// ask asks a server over a connection of its own.
func (c *client) ask(ctx context.Context, addr string, r request) (*answer, error) {
	connection, err := c.dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	defer func() { _ = connection.Close() }()
	return connection.call(ctx, r)
}

type brokerData struct {
	Name  string         `json:"brokerName"`
	Addrs map[int]string `json:"brokerAddrs"`
}

func parseRoute(body []byte) (*route, error) {
	var data struct {
		Queues []struct {
			Broker string `json:"brokerName"`
			Read   int    `json:"readQueueNums"`
			Write  int    `json:"writeQueueNums"`
			Perm   int    `json:"perm"`
		} `json:"queueDatas"`
		Brokers []brokerData `json:"brokerDatas"`
	}
	if err := json.Unmarshal(quoteKeys(body), &data); err != nil {
		return nil, fmt.Errorf("the name server's route: %w", err)
	}
	r := &route{read: make(map[string]int), addrs: make(map[string]map[int]string)}
	for _, b := range data.Brokers {
		r.addrs[b.Name] = b.Addrs
	}
	for _, q := range data.Queues {
		if q.Read < 0 || q.Write < 0 || max(q.Read, q.Write) > maxQueues {
			return nil, fmt.Errorf("the name server's route has %d and %d queues", q.Read, q.Write)
		}
		if q.Perm&mayRead != 0 && r.reader(q.Broker) != "" {
			r.read[q.Broker] = q.Read
		}
		if q.Perm&mayWrite != 0 && r.master(q.Broker) != "" {
			for id := range min(q.Write, q.Read) { // the others are never read
				r.write = append(r.write, queue{q.Broker, id})
			}
		}
	}
	slices.SortFunc(r.write, func(a, b queue) int {
		return cmp.Or(strings.Compare(a.broker, b.broker), cmp.Compare(a.id, b.id))
	})
	return r, nil
}

// maxQueues is more than any topic has at a broker.
const maxQueues = 1024

// Name servers before 4.9.4 write JSON with numbers as keys.
var numberKey = regexp.MustCompile(`([{,])(\d+):`)

func quoteKeys(text []byte) []byte { return numberKey.ReplaceAll(text, []byte(`$1"$2":`)) }
