package kafka

import "github.com/switchboard-go/switchboard/sender"

func init() { sender.RegisterBroker("kafka", open) }

// open is the sender.BrokerOpener.
func open(node string, decode func(any) error) (sender.Broker, error) {
	config := Defaults()
	if err := decode(&config); err != nil {
		return nil, err
	}
	return New(config, node)
}
