// Package rawgws is lxzan/gws as its README uses it: Broadcaster for all, WriteAsync for one, a map by user. It queues without
// bounds, and has no timeouts, limits, metrics or heartbeat.
package rawgws
