// Package centrifuge is centrifugal/centrifuge as its README uses it: a node with its memory broker, JSON clients that are subscribed
// by the server to a channel of all and to one of their own, and Publish to those. Up to 16 messages that wait go out as one
// frame.
package centrifuge
