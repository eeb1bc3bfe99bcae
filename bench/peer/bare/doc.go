// Package bare is no server but the physical limit of sending: one thread that keeps bare sockets and gives each of them all frames
// that wait for it in one system call. It has no queues, timeouts, locks or goroutines, and it reads nothing.
package bare
