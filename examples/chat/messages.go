package main

import (
	"context"
	"errors"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/websocket"
)

// messageSend is the content of demo-message-send.
type messageSend struct {
	ToUserID websocket.UserID `json:"toUserId"` // empty: everybody
	Text     string           `json:"text"`
}

// messageReceive is the content of demo-message-receive.
type messageReceive struct {
	FromUserID websocket.UserID `json:"fromUserId"`
	Text       string           `json:"text"`
	Single     bool             `json:"single"`
}

// messages passes on what users write to each other.
type messages struct{ sender sender.Sender }

// OnMessage implements listener.Listener.
func (l messages) OnMessage(ctx context.Context, s *websocket.Session, in messageSend) error {
	target := websocket.ToUserType(websocket.Admin)
	if in.ToUserID != "" {
		target = websocket.ToUser(websocket.Admin, string(in.ToUserID))
	}
	_, err := sender.SendJSON(ctx, l.sender, target, "demo-message-receive", messageReceive{
		FromUserID: websocket.UserID(s.User().ID),
		Text:       in.Text,
		Single:     in.ToUserID != "",
	})
	if errors.Is(err, websocket.ErrInvalidTarget) || errors.Is(err, websocket.ErrMessageTooLarge) {
		return &websocket.MessageError{Code: websocket.CodeInvalidContent, Detail: "toUserId or text is too long", Err: err}
	}
	if isPartly(err) {
		return &websocket.MessageError{Code: "partly_sent", Detail: "people on other nodes may not have the message", Err: err}
	}
	return err
}

// joinRoom takes room-join, whose content is the name of a room: from now on the
// session gets what is pushed to the key room/NAME.
func joinRoom(_ context.Context, s *websocket.Session, room string) error {
	err := s.Bind("room/" + room)
	if errors.Is(err, websocket.ErrInvalidTarget) || errors.Is(err, websocket.ErrTooManyKeys) {
		return &websocket.MessageError{Code: websocket.CodeInvalidContent, Detail: err.Error(), Err: err}
	}
	return err
}
