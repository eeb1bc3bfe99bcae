package metrics

import "github.com/prometheus/client_golang/prometheus"

// Of a server.
var (
	opened        = desc("sessions_opened_total", "Sessions that began.")
	closed        = desc("sessions_closed_total", "Sessions that ended, by close code.", "code")
	refused       = desc("handshakes_refused_total", "Handshakes that were answered with an HTTP status instead of a session.")
	received      = desc("messages_received_total", "Messages of clients that were handled, by type; those that no listener takes are other.", "type")
	frames        = desc("frames_sent_total", "Frames with messages that were written to connections.")
	dropped       = desc("messages_dropped_total", "Messages that a full outbox did not take.")
	messageErrors = desc("message_errors_total", "Messages of clients that were not handled, by error code.", "code")
	panics        = desc("panics_total", "Panics of the application's code that were contained.")
)

// Of a manager.
var (
	sessions       = desc("sessions", "Sessions on this node, by user type.", "user_type")
	delivered      = desc("messages_delivered_total", "Messages for the sessions of this node, by type; one however many sessions take it.", "type")
	outboxMessages = desc("outbox_messages", "Messages that wait to be written, over all sessions.")
	outboxBytes    = desc("outbox_bytes", "Size of what waits to be written, over all sessions.")
)

// Of a sender.
var ready = desc("ready", "Whether the sender is ready: 0 where this node may miss messages of others, or they its own.")

// Of a sender that links nodes.
var (
	publishes       = desc("cluster_published_total", "Messages and probes that the broker took.")
	publishErrors   = desc("cluster_publish_errors_total", "Messages and probes that the broker did not take, or may not have.")
	batches         = desc("cluster_batches_total", "Publishes that messages and probes went in.")
	clusterReceived = desc("cluster_received_total", "Messages that came from other nodes.")
	duplicates      = desc("cluster_duplicates_total", "Messages that came again and were dropped.")
	foreign         = desc("cluster_foreign_total", "What came through the broker and is no message of ours.")
	gaps            = desc("cluster_gaps_total", "Gaps that were noticed in what other nodes send.")
	missing         = desc("cluster_missing_total", "Messages of other nodes that are known to be missing.")
	silent          = desc("cluster_silent_nodes_total", "Nodes that went without a goodbye.")
	namesakes       = desc("cluster_namesakes_total", "Envelopes of another process that has this node's name.")
	reconnects      = desc("cluster_reconnects_total", "Times that the link to the broker came back.")
	roundTrip       = desc("cluster_probe_round_trip_seconds", "How long this node's last own message or probe took through the broker.")
	peers           = desc("cluster_peers", "Other nodes that something has come from lately.")
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("switchboard_"+name, help, labels, nil)
}
