package listener_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/switchboard-go/switchboard/listener"
	"github.com/switchboard-go/switchboard/websocket"
)

// chat and orders are two modules of one application. Neither knows the other.

type chat struct{}

type chatMessage struct {
	ToUserID websocket.UserID `json:"toUserId"` // empty: everybody
	Text     string           `json:"text"`
}

func (chat) OnMessage(_ context.Context, _ *websocket.Session, content chatMessage) error {
	if content.Text == "" {
		return &websocket.MessageError{Code: websocket.CodeInvalidContent, Detail: "text is empty"}
	}
	fmt.Printf("chat: %q to user %s\n", content.Text, content.ToUserID)
	return nil
}

func registerChat(mux *listener.Mux) error {
	return listener.Handle(mux, "demo-message-send", chat{})
}

func registerOrders(mux *listener.Mux) error {
	return errors.Join(
		listener.HandleFunc(mux, "order-watch", func(_ context.Context, _ *websocket.Session, orderIDs []int64) error {
			fmt.Println("orders: watch", orderIDs)
			return nil
		}),
		listener.HandleFunc(mux, "order-watch-end", func(_ context.Context, _ *websocket.Session, _ struct{}) error {
			return errors.New("orders: database is away")
		}),
	)
}

func Example() {
	mux := listener.NewMux(
		listener.Logging(slog.New(slog.DiscardHandler)),
		listener.Recover(),
		listener.Timeout(10*time.Second),
	)
	if err := errors.Join(registerChat(mux), registerOrders(mux)); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("again:", registerChat(mux))

	// A websocket.Server does this with what its sessions receive.
	for _, message := range []websocket.Message{
		{Type: "demo-message-send", Content: []byte(`{"toUserId":1024,"text":"hi"}`)},
		{Type: "order-watch", Content: []byte(`[7,8]`)},
		{Type: "order-watch-end"},
		{Type: "demo-message-send", Content: []byte(`{"toUserId":1024,"text":""}`)},
		{Type: "demo-message-send", Content: []byte(`{"toUserId":1024,"text":5}`)},
		{Type: "demo-message-sent"},
	} {
		err := mux.Dispatch(context.Background(), &websocket.Session{}, message)
		if answer, ok := errors.AsType[*websocket.MessageError](err); ok {
			fmt.Printf("the client is told %s %q\n", answer.Code, answer.Detail)
		}
	}

	// Output:
	// again: message type "demo-message-send" already has a listener
	// chat: "hi" to user 1024
	// orders: watch [7 8]
	// the client is told listener_failed ""
	// the client is told invalid_content "text is empty"
	// the client is told invalid_content "number does not fit field \"text\" (byte 25)"
	// the client is told unknown_type "no listener for type \"demo-message-sent\""
}

// A Middleware sees every message before its content is decoded. This one asks
// for a right that the login brought along.
func ExampleMiddleware() {
	onlyWriters := func(next listener.Handler) listener.Handler {
		return func(ctx context.Context, s *websocket.Session, m websocket.Message) error {
			if s.User().Attributes["role"] != "writer" {
				return &websocket.MessageError{Code: "forbidden", Detail: "you may only read"}
			}
			return next(ctx, s, m)
		}
	}
	mux := listener.NewMux(onlyWriters)
	fmt.Println(mux.Dispatch(context.Background(), &websocket.Session{}, websocket.Message{Type: "post"}))

	// Output: forbidden: you may only read
}

// Recover is for middleware like this one, which has to undo something when a
// message was not handled. Without Recover, a panic would leave the transaction
// open.
func ExampleRecover() {
	transaction := func(next listener.Handler) listener.Handler {
		return func(ctx context.Context, s *websocket.Session, m websocket.Message) error {
			fmt.Println("begin")
			err := next(ctx, s, m)
			if err != nil {
				fmt.Println("roll back:", err)
				return err
			}
			fmt.Println("commit")
			return nil
		}
	}
	mux := listener.NewMux(transaction, listener.Recover())
	err := listener.HandleFunc(mux, "order", func(_ context.Context, _ *websocket.Session, quantities []int) error {
		fmt.Println("ordered", quantities[0])
		return nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, content := range []string{"[2]", "[]"} {
		// A websocket.Server logs and counts the panic, because of this error.
		_ = mux.Dispatch(context.Background(), &websocket.Session{}, websocket.Message{Type: "order", Content: []byte(content)})
	}

	// Output:
	// begin
	// ordered 2
	// commit
	// begin
	// roll back: listener_failed: panic: runtime error: index out of range [0] with length 0
}
