package kafka_test

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/apiversions"
	"github.com/segmentio/kafka-go/protocol/metadata"
	"github.com/segmentio/kafka-go/protocol/produce"
	"github.com/segmentio/kafka-go/protocol/saslauthenticate"
	"github.com/segmentio/kafka-go/protocol/saslhandshake"

	"github.com/switchboard-go/switchboard/internal/brokers"
	"github.com/switchboard-go/switchboard/sender/kafka"
)

// guarded is a broker for what the real one does rarely. It speaks as much of
// Kafka's protocol as it takes to let a client in, whoever it is, and takes what is
// published.
type guarded struct {
	address   string
	lifetime  int64   // of a session, in ms
	produces  []int16 // what it answers to the produce requests
	mechanism string

	mu       sync.Mutex
	clients  []string // their ids
	messages []string // what they authenticate with
}

// serve answers connections until the test ends.
func (g *guarded) serve(t *testing.T, listener net.Listener) kafka.Config {
	t.Helper()
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer connection.Close()
				for err == nil {
					err = g.answer(connection)
				}
			})
		}
	})
	t.Cleanup(serving.Wait)
	t.Cleanup(func() { listener.Close() })
	g.address = listener.Addr().String()
	c := kafka.Defaults()
	c.Brokers, c.CreateTopic = []string{g.address}, false
	return c
}

func (g *guarded) answer(connection net.Conn) error {
	version, id, client, request, err := protocol.ReadRequest(connection)
	if err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	var response protocol.Message
	switch r := request.(type) {
	case *apiversions.Request:
		g.clients = append(g.clients, client)
		known := []apiversions.ApiKeyResponse{}
		for _, key := range []protocol.ApiKey{protocol.ApiVersions, protocol.SaslHandshake, protocol.SaslAuthenticate, protocol.Metadata, protocol.Produce} {
			known = append(known, apiversions.ApiKeyResponse{ApiKey: int16(key), MaxVersion: key.MaxVersion()})
		}
		response = &apiversions.Response{ApiKeys: known}
	case *saslhandshake.Request:
		refusal := int16(0)
		if r.Mechanism != g.mechanism {
			refusal = 33
		}
		response = &saslhandshake.Response{ErrorCode: refusal, Mechanisms: []string{g.mechanism}}
	case *saslauthenticate.Request:
		g.messages = append(g.messages, string(r.AuthBytes))
		response = &saslauthenticate.Response{SessionLifetimeMs: g.lifetime}
	case *metadata.Request:
		host, port, _ := net.SplitHostPort(g.address)
		number, _ := strconv.Atoi(port)
		response = &metadata.Response{
			Brokers: []metadata.ResponseBroker{{NodeID: 7, Host: host, Port: int32(number)}},
			Topics:  []metadata.ResponseTopic{{Name: r.TopicNames[0], Partitions: []metadata.ResponsePartition{{LeaderID: 7}}}},
		}
	case *produce.Request:
		if len(g.produces) == 0 {
			return errors.New("it has no answer")
		}
		topic := r.Topics[0].Topic
		response = &produce.Response{Topics: []produce.ResponseTopic{{Topic: topic, Partitions: []produce.ResponsePartition{{ErrorCode: g.produces[0]}}}}}
		g.produces = g.produces[1:]
	default:
		return fmt.Errorf("unexpected %T", request)
	}
	return protocol.WriteResponse(connection, version, id, response)
}

// A broker ends a session of SASL when its time is over. The driver leaves before,
// so that no publish fails of it.
func TestSASLSessionsEnd(t *testing.T) {
	noLeaks(t)
	broker := guarded{mechanism: "PLAIN", produces: make([]int16, 3), lifetime: 1 << 40}
	c := broker.serve(t, listen(t))
	c.Username, c.Password = brokers.User, brokers.Password
	b := open(t, c, "n1")
	publish(t, b, "1")
	publish(t, b, "2")
	if n := len(broker.clients); n != 2 { // one finds the leader, one publishes
		t.Errorf("two publishes made %d connections", n)
	}
	broker.produces = append(broker.produces, 0, 0)
	broker.lifetime = 1
	again := open(t, c, "n2")
	publish(t, again, "1")
	<-time.After(time.Millisecond)
	publish(t, again, "2")
	if n := len(broker.clients); n != 6 {
		t.Errorf("there were %d connections, want the second session's, too", n)
	}
}

// When brokers are updated one by one, a leader that has just handed over refuses
// a batch that the next one takes. The publisher does not notice.
func TestTheLeaderMoves(t *testing.T) {
	noLeaks(t)
	const notLeader, noReplicas = 6, 19
	broker := guarded{produces: []int16{notLeader, notLeader, 0, noReplicas}}
	b := open(t, broker.serve(t, listen(t)), "n1")
	publish(t, b, "moved")
	if len(broker.produces) != 1 {
		t.Errorf("%d answers are left", len(broker.produces))
	}
	batch := packets("refused")
	if err := b.Publish(t.Context(), batch); !errors.Is(err, kafkago.NotEnoughReplicas) || batch[0].Done {
		t.Errorf("Publish returned %v, done %t", err, batch[0].Done)
	}
}

// A broker that hangs up in the end is not said to want something else from the
// beginning.
func TestTheBrokerHangsUp(t *testing.T) {
	noLeaks(t)
	broker := guarded{mechanism: "PLAIN", produces: make([]int16, 1)}
	c := broker.serve(t, listen(t))
	c.Username, c.Password = brokers.User, brokers.Password
	b := open(t, c, "n1")
	publish(t, b, "answered")
	if err := b.Publish(t.Context(), packets("not answered")); err == nil || strings.Contains(err.Error(), "wants TLS") {
		t.Errorf("Publish returned %v", err)
	}
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

func TestSASL(t *testing.T) {
	tests := []struct {
		mechanism kafka.Mechanism
		broker    guarded
		message   string // begins what the client authenticates with
		want      string
	}{
		{kafka.Plain, guarded{mechanism: "SCRAM-SHA-256"}, "", `mechanism PLAIN, the broker has ["SCRAM-SHA-256"]`},
		// A broker that cannot prove that it knows the password is not believed.
		{kafka.ScramSHA256, guarded{mechanism: "SCRAM-SHA-256"}, "n,,n=app,r=", "authenticate by SCRAM-SHA-256"},
		{kafka.ScramSHA512, guarded{mechanism: "SCRAM-SHA-512"}, "n,,n=app,r=", "authenticate by SCRAM-SHA-512"},
	}
	for i := range tests {
		test := &tests[i]
		t.Run(test.broker.mechanism+"/"+string(test.mechanism), func(t *testing.T) {
			noLeaks(t)
			c := test.broker.serve(t, listen(t))
			c.Username, c.Password, c.Mechanism = brokers.User, brokers.Password, test.mechanism
			refused(t, c, test.want)
			first := strings.Join(test.broker.messages, "|")
			if !strings.HasPrefix(first, test.message) || (first == "") != (test.message == "") {
				t.Errorf("the client sent %q, want something that begins with %q", first, test.message)
			}
			if id := test.broker.clients[0]; id != "app-websocket-consumer-n1" {
				t.Errorf("the client's id is %q", id)
			}
		})
	}
}
