// Package writev is no server but the physical limit of sending: one thread that keeps bare sockets and writes all frames that wait
// for one of them with one writev. It has no queues, timeouts, locks or goroutines.
package writev
