package sender_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/sendertest/memory"
	"github.com/switchboard-go/switchboard/websocket"
)

// Two nodes of a cluster, over a broker in the process. Drivers of real ones are
// in the packages below this one.
func ExampleNewCluster() {
	ctx := context.Background()
	bus := memory.New(memory.Options{CountNodes: true})
	node := func(name string) *sender.Cluster {
		manager, err := websocket.NewSessionManager(name)
		if err != nil {
			panic(err)
		}
		cluster, err := sender.NewCluster(ctx, bus.Open("chat", name), manager, "", sender.ClusterOptions{
			OnGap: func(g sender.Gap) { fmt.Println("clients may have to reload:", g) },
		})
		if err != nil {
			panic(err)
		}
		return cluster
	}
	a, b := node("a"), node("b")
	defer a.Shutdown(ctx)
	defer b.Shutdown(ctx)

	receipt, err := a.Send(ctx, websocket.ToAll(), websocket.Message{Type: "notice", Content: []byte(`"lunch"`)})
	fmt.Printf("%+v %v\n", receipt, err)
	fmt.Println("ready:", b.Ready() == nil)
	// Output:
	// {Local:0 Published:true Nodes:2} <nil>
	// ready: true
}

// A job in a process of its own sends to the sessions of all nodes.
func ExampleNewCluster_emitter() {
	ctx := context.Background()
	bus := memory.New(memory.Options{Capabilities: sender.Capabilities{MaxPayload: 4096}})
	job, err := sender.NewCluster(ctx, bus.Open("chat", "billing"), nil, "billing", sender.ClusterOptions{})
	if err != nil {
		panic(err)
	}
	defer job.Shutdown(ctx)
	_, err = sender.SendJSON(ctx, job, websocket.ToUser(websocket.Member, "1024"), "invoice", map[string]string{"text": string(make([]byte, 4096))})
	fmt.Println(errors.Is(err, sender.ErrTooLarge))
	// Output:
	// true
}
