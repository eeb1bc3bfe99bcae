// Package brokers runs real message brokers for tests, as child processes and without a container engine.
//
// A package that shares one broker among its tests starts it in TestMain:
//
//	var broker *brokers.Broker
//
//	func TestMain(m *testing.M) {
//		brokers.Main(m, brokers.Redis, func(b *brokers.Broker) { broker = b })
//	}
//
// A test that breaks its broker takes one of its own from [Start], or one behind a [Proxy] from [StartBehindProxy]:
//
//	broker, proxy, err := brokers.StartBehindProxy(brokers.Kafka)
//	...
//	proxy.Cut()        // the network is gone: connections drop, new ones are refused
//	proxy.Blackhole()  // the worse kind: connections stand, nothing arrives
//	proxy.Heal()
//	broker.Pause()     // the process hangs: it accepts, and answers nothing
//	broker.Resume()
//	broker.Kill()      // SIGKILL
//	broker.Restart()   // on the same ports, with its data
//	broker.Close()
//
// A Kafka or a RocketMQ from [StartTLS] serves nobody who has no certificate and does not log in.
//
// Each broker listens on loopback addresses only, on free ports below those that the system gives to outgoing connections, so
// that nobody takes a stopped broker's port. It keeps its data, configuration and logs in a temporary folder of its own.
// Whatever way the test process ends, its brokers and their folders end with it.
//
// What a broker needs installed is put there by scripts/install-brokers.sh.
package brokers
