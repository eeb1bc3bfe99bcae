// Package sender pushes messages to people, wherever they are connected.
//
// A [Sender] is what an application sends through. Which implementation it gets
// is configuration: [Open] finds it by name among those that are linked in.
// Package sender/local has the one for a single node; the drivers beside it link
// many nodes by a broker.
//
//	_ "github.com/switchboard-go/switchboard/sender/local" // links "local" in
//
//	s, err := sender.Open(ctx, "local", sender.OpenOptions{Manager: manager})
//	receipt, err := sender.SendJSON(ctx, s, websocket.ToUser(websocket.Admin, "1024"), "notice-push", notice)
//
// # What a send promises
//
// To one session, the messages of one sending node arrive in the order of their
// sends, and none arrives twice. A slow client delays nobody: its session is
// closed when its outbox is full.
//
// The sessions of the sending node are served first and directly. A broker that
// is down, slow or full therefore costs delivery to other nodes only, and Send's
// error says so: [ErrNotPublished], [ErrBusy] or [ErrTooLarge]. What waits for
// the broker is bounded, and goes out in batches: one at a time, or several where
// the broker is a [Pipeliner].
//
// Each loss is either told to the sender, or covered by a report at the receiver.
// What goes to all nodes is numbered by its origin, so that a node knows how many
// messages it has missed. What goes to some nodes only has no number; there the
// break of the link is what is reported, with the time that it began and no
// number. [ClusterOptions.OnGap] gets the reports: an application has its clients
// load again what they may have missed.
//
// A message is for those who are connected: at most once to a socket. Keeping it
// for those who are away is for the application's history to do.
//
// # Readiness
//
// [Cluster.Ready] is for the probe of a load balancer. Every node sends a probe
// through the broker every two seconds and hears it itself. Ready returns why
// other nodes' messages may be missed: the broker has not been reached yet, the
// driver says that the link is down, no own probe has come back for three
// intervals, or messages were missed and no own message has come back that was
// sent after that. It is nil again when the link is proven, without a restart.
//
// A [Cluster] waits for its broker for up to 10 s when it starts, or as long as it
// takes in the background, see [ClusterOptions.Background].
//
// # Writing a driver
//
// A driver implements [Broker], which moves packets of bytes between nodes. It is
// a [Router] too if its broker can deliver to some nodes only, and a [Pipeliner] if
// that keeps the order of batches that are under way together. It registers itself
// with [RegisterBroker] in init, and package sender/sendertest has the suite that it
// must pass. Addressing, encoding, batching, limits, numbers and readiness are
// written once, in [Cluster].
package sender
