// Package sender pushes messages to people, wherever they are connected.
//
// A [Sender] is what an application sends through. Which implementation it gets
// is configuration: [Open] finds it by name among those that are linked in.
// Package sender/local has the one for a single node.
//
//	_ "github.com/switchboard-go/switchboard/sender/local" // links "local" in
//
//	s, err := sender.Open(ctx, "local", sender.OpenOptions{Manager: manager})
//	receipt, err := sender.SendJSON(ctx, s, websocket.ToUser(websocket.Admin, "1024"), "notice-push", notice)
package sender
