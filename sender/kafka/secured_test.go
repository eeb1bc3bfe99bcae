package kafka_test

import (
	"crypto/tls"
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

	"github.com/switchboard-go/switchboard/internal/drivertest"
	"github.com/switchboard-go/switchboard/sender/kafka"
)

// guarded is a broker that speaks as much of Kafka's protocol as it takes to let
// a client in. It then knows no topic, or takes what is published.
type guarded struct {
	address   string
	lifetime  int64   // of a session, in ms
	produces  []int16 // what it answers to the produce requests, which there are a topic for
	mechanism string
	accept    func(message string) bool // nil: nobody is let in

	mu       sync.Mutex
	clients  []string // their ids
	messages []string // what they authenticate with
}

const noSuchTopic = "create-topic is false"

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
		if g.accept != nil && g.accept(string(r.AuthBytes)) {
			response = &saslauthenticate.Response{SessionLifetimeMs: g.lifetime}
		} else {
			response = &saslauthenticate.Response{ErrorCode: 58, ErrorMessage: "who are you"}
		}
	case *metadata.Request:
		topic := metadata.ResponseTopic{Name: r.TopicNames[0], ErrorCode: 3}
		if g.produces != nil {
			topic.ErrorCode, topic.Partitions = 0, []metadata.ResponsePartition{{LeaderID: 7}}
		}
		host, port, _ := net.SplitHostPort(g.address)
		number, _ := strconv.Atoi(port)
		response = &metadata.Response{
			Brokers: []metadata.ResponseBroker{{NodeID: 7, Host: host, Port: int32(number)}},
			Topics:  []metadata.ResponseTopic{topic},
		}
	case *produce.Request:
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
	broker := guarded{mechanism: "PLAIN", accept: func(string) bool { return true }, produces: make([]int16, 3), lifetime: 1 << 40}
	c := broker.serve(t, listen(t))
	c.Username, c.Password = "app", "hunter2"
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

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

// refusal subscribes and returns the error, which has no password.
func refusal(t *testing.T, c kafka.Config) string {
	t.Helper()
	b := open(t, c, "n1")
	err := b.Subscribe(t.Context())
	if err == nil {
		t.Fatal("Subscribe succeeded")
	}
	for _, text := range []string{err.Error(), fmt.Sprintf("%+v %#v", b, b)} {
		if strings.Contains(text, "hunter2") {
			t.Errorf("the password is shown: %s", text)
		}
	}
	return err.Error()
}

func TestSASL(t *testing.T) {
	tests := []struct {
		mechanism kafka.Mechanism
		broker    guarded
		message   string // begins what the client authenticates with
		want      string
	}{
		{kafka.Plain, guarded{mechanism: "PLAIN", accept: func(m string) bool { return m == "\x00app\x00hunter2" }}, "\x00app\x00hunter2", noSuchTopic},
		{kafka.Plain, guarded{mechanism: "PLAIN"}, "\x00app", "SASL Authentication Failed: SASL Authentication failed: who are you"},
		{kafka.Plain, guarded{mechanism: "SCRAM-SHA-256"}, "", `mechanism PLAIN, the broker has ["SCRAM-SHA-256"]`},
		{kafka.ScramSHA256, guarded{mechanism: "SCRAM-SHA-256"}, "n,,n=app,r=", "who are you"},
		{kafka.ScramSHA512, guarded{mechanism: "SCRAM-SHA-512"}, "n,,n=app,r=", "who are you"},
		// A broker that cannot prove that it knows the password is not believed.
		{kafka.ScramSHA512, guarded{mechanism: "SCRAM-SHA-512", accept: func(string) bool { return true }}, "n,,n=app,r=", "authenticate by SCRAM-SHA-512"},
	}
	for i := range tests {
		test := &tests[i]
		t.Run(test.broker.mechanism+"/"+string(test.mechanism), func(t *testing.T) {
			noLeaks(t)
			c := test.broker.serve(t, listen(t))
			c.Username, c.Password, c.Mechanism = "app", "hunter2", test.mechanism
			if got := refusal(t, c); !strings.Contains(got, test.want) {
				t.Errorf("Subscribe returned %s, want something with %q", got, test.want)
			}
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

func TestTLS(t *testing.T) {
	noLeaks(t)
	files := drivertest.Certify(t, "127.0.0.1")
	certificate, err := tls.LoadX509KeyPair(files.Cert, files.Key)
	if err != nil {
		t.Fatal(err)
	}
	broker := guarded{mechanism: "PLAIN", accept: func(string) bool { return true }}
	c := broker.serve(t, tls.NewListener(listen(t), &tls.Config{Certificates: []tls.Certificate{certificate}}))
	c.Username, c.Password = "app", "hunter2"

	c.TLS, c.TLSCAFile = true, files.CA
	if got := refusal(t, c); !strings.Contains(got, noSuchTopic) {
		t.Errorf("with the authority that signed: %s", got)
	}
	c.TLSCAFile = ""
	if got := refusal(t, c); !strings.Contains(got, "certificate signed by unknown authority") {
		t.Errorf("with the system's authorities: %s", got)
	}
	c.TLS = false
	if got := refusal(t, c); !strings.Contains(got, "wants TLS or SASL and is not given it") {
		t.Errorf("without TLS: %s", got)
	}
	// And TLS to a broker that has none, as the real one.
	c = settings(fresh())
	c.TLS = true
	if got := refusal(t, c); !strings.Contains(got, shared.Address) {
		t.Errorf("with TLS to a broker without: %s", got)
	}
}
