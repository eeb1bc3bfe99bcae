package sender_test

import (
	"context"
	"fmt"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/websocket"
)

// printer is a Sender of one's own: it prints instead of sending.
type printer struct{ prefix string }

func (p printer) Send(_ context.Context, t websocket.Target, m websocket.Message) (sender.Receipt, error) {
	if err := t.Validate(); err != nil {
		return sender.Receipt{}, err
	}
	fmt.Printf("%s %s to %s: %s\n", p.prefix, m.Type, t, m.Content)
	return sender.Receipt{}, nil
}

func (printer) Ready() error                   { return nil }
func (printer) Shutdown(context.Context) error { return nil }

// init makes the driver known, in the driver's package.
func init() {
	sender.Register("printer", func(_ context.Context, o sender.OpenOptions) (sender.Sender, error) {
		section := struct {
			Prefix string `koanf:"prefix"`
		}{Prefix: ">"}
		if err := o.Decode(&section); err != nil {
			return nil, err
		}
		return printer{section.Prefix}, nil
	})
}

// An application chooses its sender by the name in its configuration.
func Example_registry() {
	manager, err := websocket.NewSessionManager("node1")
	if err != nil {
		fmt.Println(err)
		return
	}
	s, err := sender.Open(context.Background(), "printer", sender.OpenOptions{Manager: manager})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Shutdown(context.Background())

	type order struct {
		ID int `json:"id"`
	}
	for _, target := range []websocket.Target{
		websocket.ToUser(websocket.Member, "1024"),
		websocket.ToUserType(websocket.Admin).InTenant("7"),
		websocket.ToKey("order/5"),
		websocket.ToUser(websocket.Member, ""),
	} {
		if _, err := sender.SendJSON(context.Background(), s, target, "order-shipped", order{5}); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// > order-shipped to user/1/1024: {"id":5}
	// > order-shipped to type/2?tenant=7: {"id":5}
	// > order-shipped to key/order%2F5: {"id":5}
	// invalid target: user/1/ has no id
}
