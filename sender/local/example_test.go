package local_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	client "github.com/coder/websocket"
	"github.com/switchboard-go/switchboard/listener"
	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/local"
	"github.com/switchboard-go/switchboard/websocket"
)

// A server of a single node, and what a client of it gets. Errors are left out.
func Example() {
	ctx := context.Background()
	manager, _ := websocket.NewSessionManager("node1")
	server, _ := websocket.NewServer(manager, websocket.Options{
		Authenticator: func(*http.Request) (websocket.LoginUser, error) {
			return websocket.LoginUser{ID: "1024", Type: websocket.Admin}, nil
		},
		Dispatcher: listener.NewMux(),
	})
	site := httptest.NewServer(server)
	conn, _, _ := client.Dial(ctx, strings.Replace(site.URL, "http", "ws", 1), nil)

	s := local.New(manager) // or sender.Open(ctx, "local", sender.OpenOptions{Manager: manager})
	notice := map[string]string{"title": "Lunch"}
	receipt, _ := sender.SendJSON(ctx, s, websocket.ToUserType(websocket.Admin), "notice-push", notice)
	fmt.Println("sessions:", receipt.Local)
	receipt, _ = sender.SendJSON(ctx, s, websocket.ToUser(websocket.Admin, "77"), "notice-push", notice)
	fmt.Println("sessions of somebody who is away:", receipt.Local)

	_, frame, _ := conn.Read(ctx)
	fmt.Println("the client got:", string(frame))

	conn.CloseNow()
	site.Close()
	_ = server.Shutdown(ctx)
	_ = s.Shutdown(context.Background())
	// Output:
	// sessions: 1
	// sessions of somebody who is away: 0
	// the client got: {"type":"notice-push","content":"{\"title\":\"Lunch\"}"}
}
