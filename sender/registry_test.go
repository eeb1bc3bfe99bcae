package sender_test

import (
	"errors"
	"testing"

	"github.com/switchboard-go/switchboard/sender"
)

// mineConfig is the configuration of a third party's driver.
type mineConfig struct{ Address string }

// carelessDriver asks for its configuration and does not look at the answer.
var carelessDriver = &closeCounter{}

type closeCounter struct {
	sender.Broker
	closed int
}

func (c *closeCounter) Close() error { c.closed++; return nil }

func init() {
	sender.RegisterBroker("mine", func(_ string, decode func(any) error) (sender.Broker, error) {
		config := mineConfig{Address: "default"}
		if err := decode(&config); err != nil {
			return nil, err
		}
		return nil, errors.New("opened")
	})
	sender.RegisterBroker("careless", func(_ string, decode func(any) error) (sender.Broker, error) {
		_ = decode(&mineConfig{})
		return carelessDriver, nil
	})
}

func TestSections(t *testing.T) {
	closed := carelessDriver.closed
	first := sender.Sections()
	mine, ok := first["mine"].(*mineConfig)
	if !ok || mine.Address != "default" {
		t.Fatalf("the section of mine is %#v", first["mine"])
	}
	mine.Address = "changed"
	if again := sender.Sections()["mine"].(*mineConfig); again.Address != "default" {
		t.Errorf("a change to one section made another caller's %+v", again)
	}
	if _, ok := first["printer"]; ok {
		t.Error("a sender that Register made known has a section")
	}
	if closed = carelessDriver.closed - closed; closed != 2 || first["careless"] == nil {
		t.Errorf("a driver that opens all the same was closed %d times of 2", closed)
	}
}
