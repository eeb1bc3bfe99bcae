// Command chat is a chat that people can open in a browser: one page, single
// and group messages over WebSocket, notices pushed over HTTP.
//
//	go run ./examples/chat
//
// It serves http://127.0.0.1:48080/ in development mode, in which the token
// test1 is user 1. Its flags are --addr, --config FILE and any configuration
// key, as --websocket.KEY=VALUE or --chat.KEY=VALUE. Several chats on one broker are
// one chat:
//
//	go run ./examples/chat --websocket.sender-type=redis --websocket.sender-redis.addrs=127.0.0.1:6379
package main
