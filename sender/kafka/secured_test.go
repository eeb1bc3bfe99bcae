package kafka_test

import (
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/apiversions"
	"github.com/segmentio/kafka-go/protocol/metadata"
	"github.com/segmentio/kafka-go/protocol/saslauthenticate"
	"github.com/segmentio/kafka-go/protocol/saslhandshake"

	"github.com/switchboard-go/switchboard/sender/kafka"
)

// guarded is a broker that speaks as much of Kafka's protocol as it takes to let
// a client in: it then knows no topic.
type guarded struct {
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
				for g.answer(connection) == nil {
				}
			})
		}
	})
	t.Cleanup(serving.Wait)
	t.Cleanup(func() { listener.Close() })
	c := kafka.Defaults()
	c.Brokers, c.CreateTopic = []string{listener.Addr().String()}, false
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
		for _, key := range []protocol.ApiKey{protocol.ApiVersions, protocol.SaslHandshake, protocol.SaslAuthenticate, protocol.Metadata} {
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
			response = &saslauthenticate.Response{}
		} else {
			response = &saslauthenticate.Response{ErrorCode: 58, ErrorMessage: "who are you"}
		}
	case *metadata.Request:
		topics := []metadata.ResponseTopic{}
		for _, name := range r.TopicNames {
			topics = append(topics, metadata.ResponseTopic{Name: name, ErrorCode: 3})
		}
		response = &metadata.Response{Topics: topics}
	default:
		return fmt.Errorf("unexpected %T", request)
	}
	return protocol.WriteResponse(connection, version, id, response)
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
	site := httptest.NewUnstartedServer(nil)
	site.StartTLS()
	certificates := site.TLS.Certificates
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: site.Certificate().Raw})
	site.Close()
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, authority, 0o600); err != nil {
		t.Fatal(err)
	}
	broker := guarded{mechanism: "PLAIN", accept: func(string) bool { return true }}
	c := broker.serve(t, tls.NewListener(listen(t), &tls.Config{Certificates: certificates}))
	c.Username, c.Password = "app", "hunter2"

	c.TLS, c.TLSCAFile = true, file
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
