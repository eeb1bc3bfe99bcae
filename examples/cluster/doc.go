// Command cluster runs three nodes of one application in one process, each on a
// port of its own, with a client on each. It sends to a user, a user type, a key
// and to all, from one node to the clients of others, and shows who got what.
//
//	make brokers-up
//	go run ./examples/cluster
//	go run ./examples/cluster --sender=rabbitmq
//
// The environment says where the broker is, where it is not on this machine:
// WEBSOCKET_SENDER_REDIS_ADDRS=10.0.0.7:6379.
package main
