package websocket

// CloseCode is the code of a WebSocket close frame (RFC 6455, section 7.4).
// Codes below 4000 have the RFC's meaning; of ours, 4000 to 4499 ask the client
// to connect again and 4500 to 4999 tell it not to.
type CloseCode uint16

// The close codes that a server sends. CloseCodes tells which of them mean that
// connecting again makes sense.
const (
	CloseNormal          CloseCode = 1000
	CloseGoingAway       CloseCode = 1001
	CloseProtocolError   CloseCode = 1002
	CloseUnsupportedData CloseCode = 1003
	CloseInvalidText     CloseCode = 1007
	ClosePolicyViolation CloseCode = 1008
	CloseMessageTooBig   CloseCode = 1009
	CloseInternalError   CloseCode = 1011

	ClosePeerSilent   CloseCode = 4000
	CloseReadTimeout  CloseCode = 4001
	CloseSlowConsumer CloseCode = 4002
	CloseWriteTimeout CloseCode = 4003

	CloseLoginExpired CloseCode = 4500
	CloseKicked       CloseCode = 4501

	// CloseAbnormal is never sent: it is what Session.Closed reports when the
	// connection broke without a close frame (RFC 6455, section 7.1.5).
	CloseAbnormal CloseCode = 1006
	// CloseNoStatus is never sent: the peer's close frame carried no code.
	CloseNoStatus CloseCode = 1005
)

// CloseMeaning is what a close code tells a client.
type CloseMeaning struct {
	Code CloseCode
	// Reconnect says whether the client should connect again, with a backoff.
	Reconnect bool
	// Text says when the code is sent.
	Text string
}

// CloseCodes is the table of all close codes that a Server uses, in the order
// of their numbers. An application may send others with Session.Close.
var CloseCodes = []CloseMeaning{
	{CloseNormal, false, "the application or the client ended the session"},
	{CloseGoingAway, true, "the server is shutting down"},
	{CloseProtocolError, false, "a frame broke RFC 6455"},
	{CloseUnsupportedData, false, "a binary message, which the session's protocol does not have"},
	{CloseNoStatus, false, "the client closed without saying why; never sent"},
	{CloseAbnormal, true, "the connection broke; never sent"},
	{CloseInvalidText, false, "a text message was not UTF-8, or a compressed one was corrupt"},
	{ClosePolicyViolation, false, "frames came faster than the frame rate allows"},
	{CloseMessageTooBig, false, "a message was over the read limit"},
	{CloseInternalError, true, "a defect of the server; its log has the cause"},
	{ClosePeerSilent, true, "nothing was received for the pong timeout after a ping, or for the idle timeout"},
	{CloseReadTimeout, true, "a message was begun and not finished within the read timeout"},
	{CloseSlowConsumer, true, "more waited to be sent than the outbox holds"},
	{CloseWriteTimeout, true, "the client took nothing for the write timeout"},
	{CloseLoginExpired, false, "the login expired; connect again with a new token"},
	{CloseKicked, false, "the application ended this session for good, for example after a logout"},
}

// Reconnect reports whether a client that was closed with c should connect
// again. Codes outside the table follow the range rule of CloseCode; other
// unknown codes mean yes.
func (c CloseCode) Reconnect() bool {
	for _, meaning := range CloseCodes {
		if meaning.Code == c {
			return meaning.Reconnect
		}
	}
	return c < 4500
}
