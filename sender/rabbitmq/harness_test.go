package rabbitmq_test

import (
	"context"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/switchboard-go/switchboard/internal/brokers"
	"github.com/switchboard-go/switchboard/internal/drivertest"
	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/rabbitmq"
)

// server is the RabbitMQ that the tests share.
var server *brokers.Broker

func TestMain(m *testing.M) {
	brokers.Main(m, brokers.RabbitMQ, func(b *brokers.Broker) { server = b })
}

// The words of package drivertest. The link may break and come back between the
// packets that a test expects, unless it asks for that.
var (
	proxied    = drivertest.Proxied
	eventually = drivertest.Eventually
	say        = drivertest.PublishTo
	insist     = drivertest.Insist
	hear       = drivertest.Hear
	expect     = drivertest.ExpectPayloads
	many       = drivertest.Numbered
)

// app returns the name of an application that no test has had.
func app(testing.TB) string { return drivertest.Fresh() }

// bounded returns a context that ends long after what should have happened.
func bounded(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), drivertest.Patience)
	t.Cleanup(cancel)
	return ctx
}

// configured returns the configuration of an application on the broker at address.
func configured(address, app string) rabbitmq.Config {
	config := rabbitmq.Defaults()
	config.URL = sender.Secret("amqp://guest:guest@" + address + "/")
	config.Exchange = app + "-exchange"
	config.Queue = app + "-queue"
	return config
}

// open returns a node of an application, closed with the test.
func open(t testing.TB, config rabbitmq.Config, node string) *rabbitmq.Broker {
	t.Helper()
	b, err := rabbitmq.New(config, node)
	return drivertest.Opened(t, b, err)
}

// subscribe returns a node that receives.
func subscribe(t testing.TB, config rabbitmq.Config, node string) *rabbitmq.Broker {
	t.Helper()
	b := open(t, config, node)
	drivertest.Subscribe(t, b)
	return b
}

func change(l sender.Link) func(sender.Event) bool {
	return func(e sender.Event) bool { return e.Link == l }
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// client returns a channel of another program.
func client(t testing.TB, config rabbitmq.Config) (*amqp.Connection, *amqp.Channel) {
	t.Helper()
	conn, err := amqp.Dial(config.URL.Reveal())
	must(t, err)
	channel, err := conn.Channel()
	must(t, err)
	return conn, channel
}
