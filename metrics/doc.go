// Package metrics shows a Switchboard node to Prometheus.
//
//	registry.MustRegister(metrics.New(server, manager, push))
//	http.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
//
// Everything is read when it is scraped: a node that nobody scrapes pays for its
// counters only. The gauges of the outboxes look at every session.
//
// No client can make a label's values grow: message types beyond the first 64,
// and those that no listener handles, are counted as "other", and so are user
// types beyond the first 64.
package metrics
