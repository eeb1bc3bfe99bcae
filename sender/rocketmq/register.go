package rocketmq

import "github.com/switchboard-go/switchboard/sender"

func init() { sender.RegisterBroker("rocketmq", open) }

// open is the sender.BrokerOpener.
func open(node string, decode func(any) error) (sender.Broker, error) {
	config := Defaults()
	if err := decode(&config); err != nil {
		return nil, err
	}
	b, err := New(config, node)
	if err != nil {
		return nil, err
	}
	return b, nil
}
