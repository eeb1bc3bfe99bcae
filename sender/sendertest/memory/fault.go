package memory

// Fault is a defect that a driver may have, for tests that must notice it.
type Fault string

// The faults.
const (
	// Drops: every seventh packet does not arrive.
	Drops Fault = "drops"
	// DropsEmpty: an empty payload does not arrive.
	DropsEmpty Fault = "drops-empty"
	// Duplicates: every seventh packet arrives twice.
	Duplicates Fault = "duplicates"
	// Reorders: the last two packets of a batch change places.
	Reorders Fault = "reorders"
	// RoutesOvertake: routed packets of a batch come before those to all.
	RoutesOvertake Fault = "routes-overtake"
	// SplitsBatches: what is past the first thousand of a batch does not arrive.
	SplitsBatches Fault = "splits-batches"
	// ServesOne: a packet to all goes to one node, as from a queue.
	ServesOne Fault = "serves-one"
	// SkipsPublisher: a node does not receive its own packets.
	SkipsPublisher Fault = "skips-publisher"
	// ReplaysOld: Subscribe begins with what was published before.
	ReplaysOld Fault = "replays-old"
	// ReplaysToNames: a name that comes back gets what it missed.
	ReplaysToNames Fault = "replays-to-names"
	// LateSubscribe: Subscribe returns 10 ms before it is live.
	LateSubscribe Fault = "late-subscribe"
	// SubscribeKeepsContext: the subscription ends with Subscribe's context.
	SubscribeKeepsContext Fault = "subscribe-keeps-context"
	// SubscribeHangs: Subscribe with an ended context hangs.
	SubscribeHangs Fault = "subscribe-hangs"
	// SubscribeGivesUp: once Subscribe has failed it fails for ever.
	SubscribeGivesUp Fault = "subscribe-gives-up"
	// SubscribesTwice: a Subscribe that fails subscribes nevertheless.
	SubscribesTwice Fault = "subscribes-twice"
	// MixesApplications: an application gets what one whose name begins its own publishes.
	MixesApplications Fault = "mixes-applications"
	// OverstatesLimit: a payload of MaxPayload bytes is refused.
	OverstatesLimit Fault = "overstates-limit"
	// ChangesBytes: what is not UTF-8 is replaced.
	ChangesBytes Fault = "changes-bytes"
	// KeepsBuffers: the publisher's payload is not copied.
	KeepsBuffers Fault = "keeps-buffers"
	// SharesPayloads: the nodes get the same slice.
	SharesPayloads Fault = "shares-payloads"
	// ReusesBuffer: Receive returns the same buffer each time.
	ReusesBuffer Fault = "reuses-buffer"
	// ForgetsDone: Publish leaves Packet.Done unset.
	ForgetsDone Fault = "forgets-done"
	// Miscounts: Packet.Nodes is one too many.
	Miscounts Fault = "miscounts"
	// BlocksOnSlow: Publish waits for the node that has received least.
	BlocksOnSlow Fault = "blocks-on-slow"
	// DropsForSlow: packets for a node that does not receive are lost unseen.
	DropsForSlow Fault = "drops-for-slow"
	// ReceiveIgnoresContext: only an event or Close ends Receive.
	ReceiveIgnoresContext Fault = "receive-ignores-context"
	// ReceiveDropsOnCancel: a cancelled Receive takes the next event with it.
	ReceiveDropsOnCancel Fault = "receive-drops-on-cancel"
	// PublishHangs: Publish with an ended context hangs.
	PublishHangs Fault = "publish-hangs"
	// PublishDefers: what a cancelled Publish gave up arrives after the next one.
	PublishDefers Fault = "publish-defers"
	// BeginsLate: the packets of a Begin arrive when they are confirmed.
	BeginsLate Fault = "begins-late"
	// ConfirmsEarly: packets are confirmed that arrive 10 ms later, or never.
	ConfirmsEarly Fault = "confirms-early"
	// ConfirmHangs: when the node has been closed a confirm does not return for an hour.
	ConfirmHangs Fault = "confirm-hangs"
	// PublishAfterClose: Publish works on when the node has been closed.
	PublishAfterClose Fault = "publish-after-close"
	// CloseHangs: Close does not return for an hour.
	CloseHangs Fault = "close-hangs"
	// CloseLeavesReceive: Close does not wake Receive for an hour.
	CloseLeavesReceive Fault = "close-leaves-receive"
	// CloseTwiceFails: the second Close returns an error.
	CloseTwiceFails Fault = "close-twice-fails"
	// CloseLeavesGoroutine: a goroutine is left for an hour.
	CloseLeavesGoroutine Fault = "close-leaves-goroutine"
	// WrongCloseError: Receive on a closed node returns another error than ErrClosed.
	WrongCloseError Fault = "wrong-close-error"
	// NeedsSubscribe: Publish fails before Subscribe.
	NeedsSubscribe Fault = "needs-subscribe"
	// RoutesToAll: routed packets go to all nodes.
	RoutesToAll Fault = "routes-to-all"
	// RoutesByPrefix: a packet goes to every name and address that begins as its own.
	RoutesByPrefix Fault = "routes-by-prefix"
	// ForgetsEarlyTakes: what is taken before Subscribe is not taken after it.
	ForgetsEarlyTakes Fault = "forgets-early-takes"
	// IgnoresTakeOff: an address stays taken.
	IgnoresTakeOff Fault = "ignores-take-off"
	// TakesOutOfOrder: giving an address back is done later than taking it.
	TakesOutOfOrder Fault = "takes-out-of-order"
	// TakesFew: a node can have taken a hundred addresses.
	TakesFew Fault = "takes-few"
	// HidesBreaks: a broken link is mended and not reported.
	HidesBreaks Fault = "hides-breaks"
	// LosesDurable: a durable bus does not keep what was published.
	LosesDurable Fault = "loses-durable"
	// ForgetsAddresses: what was taken is not taken after a break.
	ForgetsAddresses Fault = "forgets-addresses"
	// ForgetsNode: nothing is routed to the node's name after a break.
	ForgetsNode Fault = "forgets-node"
	// StaysDown: after a break nothing is received, though LinkUp is reported.
	StaysDown Fault = "stays-down"
)

// Faults returns all of them.
func Faults() []Fault {
	return []Fault{
		Drops, DropsEmpty, Duplicates, Reorders, RoutesOvertake,
		SplitsBatches, ServesOne, SkipsPublisher, ReplaysOld, ReplaysToNames,
		LateSubscribe, SubscribeKeepsContext, SubscribeHangs, SubscribeGivesUp, SubscribesTwice,
		MixesApplications, OverstatesLimit,
		ChangesBytes, KeepsBuffers, SharesPayloads, ReusesBuffer, ForgetsDone,
		Miscounts, BlocksOnSlow, DropsForSlow, ReceiveIgnoresContext, ReceiveDropsOnCancel,
		PublishHangs, PublishDefers, BeginsLate, ConfirmsEarly, ConfirmHangs,
		PublishAfterClose, CloseHangs, CloseLeavesReceive, CloseTwiceFails, CloseLeavesGoroutine, WrongCloseError, NeedsSubscribe, RoutesToAll,
		RoutesByPrefix, ForgetsEarlyTakes, IgnoresTakeOff, TakesOutOfOrder, TakesFew, HidesBreaks,
		LosesDurable, ForgetsAddresses, ForgetsNode, StaysDown,
	}
}
