package websocket_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	client "github.com/coder/websocket"
	"github.com/switchboard-go/switchboard/websocket"
)

// A server that says hello to each message's sender and pushes to a user.
func Example() {
	manager, err := websocket.NewSessionManager("node1")
	if err != nil {
		panic(err)
	}
	server, err := websocket.NewServer(manager, websocket.Options{
		Authenticator: func(r *http.Request) (websocket.LoginUser, error) {
			if r.URL.Query().Get("token") != "secret" {
				return websocket.LoginUser{}, websocket.Unauthenticated(nil)
			}
			return websocket.LoginUser{ID: "1024", Type: websocket.Member}, nil
		},
		Dispatcher: hello{},
	})
	if err != nil {
		panic(err)
	}
	site := httptest.NewServer(server)
	defer site.Close()

	ctx := context.Background()
	conn, _, err := client.Dial(ctx, strings.Replace(site.URL, "http", "ws", 1)+"?token=secret", nil)
	if err != nil {
		panic(err)
	}
	_ = conn.Write(ctx, client.MessageText, []byte(`{"type":"hello","content":"\"Ann\""}`))
	_, answer, _ := conn.Read(ctx)
	fmt.Println(string(answer))

	n, _ := manager.Deliver(websocket.ToUser(websocket.Member, "1024"), websocket.Message{Type: "notice", Content: []byte(`{"title":"Lunch"}`)})
	_, pushed, _ := conn.Read(ctx)
	fmt.Println(n, string(pushed))

	go server.Shutdown(ctx)
	_, _, err = conn.Read(ctx)
	fmt.Println(client.CloseStatus(err))

	// Output:
	// {"type":"hello","content":"\"hello \\\"Ann\\\"\""}
	// 1 {"type":"notice","content":"{\"title\":\"Lunch\"}"}
	// StatusGoingAway
}

// hello is a websocket.Dispatcher; applications use listener.Mux.
type hello struct{}

func (hello) Dispatch(_ context.Context, s *websocket.Session, m websocket.Message) error {
	return s.Send(websocket.Message{Type: m.Type, Content: fmt.Appendf(nil, "%q", "hello "+string(m.Content))})
}

// A target says whom a message is for, and has a text form.
func ExampleTarget() {
	t := websocket.ToUserType(websocket.Admin).InTenant("acme").Except("node1-abc")
	fmt.Println(t)
	fmt.Println(websocket.ToUser(websocket.Member, "a/b"))
	_, err := websocket.ParseTarget("user/2/")
	fmt.Println(err)

	// Output:
	// type/2?tenant=acme&except=node1-abc
	// user/1/a%2Fb
	// invalid target: user/2/ has no id
}
