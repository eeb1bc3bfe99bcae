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
	return err
}
