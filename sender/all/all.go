package all

import (
	// Each registers itself when it is linked in.
	_ "github.com/switchboard-go/switchboard/sender/kafka"
	_ "github.com/switchboard-go/switchboard/sender/local"
	_ "github.com/switchboard-go/switchboard/sender/rabbitmq"
	_ "github.com/switchboard-go/switchboard/sender/redis"
	_ "github.com/switchboard-go/switchboard/sender/rocketmq"
)
