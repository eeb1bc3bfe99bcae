package brokers_test

import (
	"testing"
	"time"

	"github.com/rabbitmq/amqp091-go"

	"github.com/switchboard-go/switchboard/internal/brokers"
)

func TestRabbit(t *testing.T) {
	s := time.Now()
	lap := func(n string) { t.Log(n, time.Since(s)); s = time.Now() }
	b, err := brokers.Start(brokers.RabbitMQ)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close(); lap("close") })
	lap("start")
	dial := func() {
		c, err := amqp091.Dial("amqp://guest:guest@" + b.Address + "/")
		if err != nil {
			t.Fatal(err)
		}
		ch, err := c.Channel()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ch.QueueDeclare("a", true, false, false, false, nil); err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	dial()
	lap("dial")
	if err := b.Kill(); err != nil {
		t.Fatal(err)
	}
	lap("kill")
	if err := b.Restart(); err != nil {
		t.Fatal(err)
	}
	lap("restart")
	dial()
	if err := b.Pause(); err != nil {
		t.Fatal(err)
	}
	lap("pause")
	if err := b.Restart(); err != nil {
		t.Fatal(err)
	}
	lap("restart")
	t.Log(b.Logs())
}
