package pairs

import "context"

// pair is one way to bring messages from A to B.
type pair struct {
	broker string // what runs meanwhile
	// senders and batch are those with which it does best, of 64, 256 and 1,024:
	// goroutines of A, and messages that each hands over at a time.
	senders, batch int
	// window is how many messages may be under way between A and the receiver;
	// zero means defaultWindow.
	window int
	// reference: it is not acknowledged, and no goal is measured by it.
	reference bool

	send func(ctx context.Context, r Role) (link, error) // nil where B alone sends and receives
	// receive makes B: either all that comes goes to s, or it serves sockets, as its
	// reply says.
	receive func(ctx context.Context, r Role, s *stream) (reply, link, error)
}

// pairs are all that there are, by name.
var pairs = map[string]pair{
	"redis/local":                    {broker: "redis", receive: receiveLocal},
	"redis/switchboard":              {broker: "redis", senders: 256, batch: 1, send: sendOurs, receive: receiveOurs},
	"redis/client":                   {broker: "redis", senders: 2, batch: 100, send: sendRedis, receive: receiveRedis},
	"redis/centrifuge":               {broker: "redis", window: 1000, senders: 256, batch: 1, send: sendCentrifuge, receive: receiveCentrifuge},
	"rabbitmq/local":                 {broker: "rabbitmq", receive: receiveLocal},
	"rabbitmq/switchboard":           {broker: "rabbitmq", senders: 1024, batch: 1, send: sendOurs, receive: receiveOurs},
	"rabbitmq/client":                {broker: "rabbitmq", senders: 1, batch: 100, send: sendRabbitMQ, receive: receiveRabbitMQ},
	"rabbitmq/client-transient":      {broker: "rabbitmq", senders: 1, batch: 100, send: sendRabbitMQ, receive: receiveRabbitMQ},
	"rabbitmq/switchboard-transient": {broker: "rabbitmq", senders: 1024, batch: 1, send: sendOurs, receive: receiveOurs},
	"rabbitmq/client-unacked":        {broker: "rabbitmq", senders: 1, batch: 100, reference: true, send: sendRabbitMQ, receive: receiveRabbitMQ},
	"kafka/local":                    {broker: "kafka", receive: receiveLocal},
	"kafka/switchboard":              {broker: "kafka", senders: 1024, batch: 1, send: sendOurs, receive: receiveOurs},
	"kafka/client":                   {broker: "kafka", senders: 1, batch: 100, send: sendKafka, receive: receiveKafka},
	"kafka/client-unacked":           {broker: "kafka", senders: 1, batch: 100, reference: true, send: sendKafka, receive: receiveKafka},
	"rocketmq/local":                 {broker: "rocketmq", receive: receiveLocal},
	"rocketmq/switchboard":           {broker: "rocketmq", senders: 1024, batch: 1, send: sendOurs, receive: receiveOurs},
	"rocketmq/client":                {broker: "rocketmq", senders: 1, batch: 32, send: sendRocketMQ, receive: receiveRocketMQ},
}
