package centrifuge

import (
	"context"
	"log"
	"net/http"

	"github.com/centrifugal/centrifuge"

	"github.com/switchboard-go/switchboard/bench/peer"
)

const (
	everybody = "bench:all"
	personal  = "user:"
)

// Server implements peer.Server. What its clients send is not answered.
type Server struct {
	http.Handler
	node *centrifuge.Node
}

// New returns a Server whose node runs.
func New() (*Server, error) {
	node, err := centrifuge.New(centrifuge.Config{})
	if err != nil {
		return nil, err
	}
	node.OnConnecting(func(ctx context.Context, _ centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		credentials, _ := centrifuge.GetCredentials(ctx)
		return centrifuge.ConnectReply{Subscriptions: map[string]centrifuge.SubscribeOptions{
			everybody: {}, personal + credentials.UserID: {},
		}}, nil
	})
	node.OnConnect(func(*centrifuge.Client) {})
	if err := node.Run(); err != nil {
		return nil, err
	}
	websocket := centrifuge.NewWebsocketHandler(node, centrifuge.WebsocketConfig{})
	return &Server{node: node, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		credentials := &centrifuge.Credentials{UserID: r.URL.Query().Get("user")}
		websocket.ServeHTTP(w, r.WithContext(centrifuge.SetCredentials(r.Context(), credentials)))
	})}, nil
}

// Template implements peer.Server: the data, which centrifuge puts into a push.
func (s *Server) Template(size int) []byte {
	push := `{"push":{"channel":"` + everybody + `","pub":{"data":}}}`
	return peer.Padded(`{"text":"`, `"}`, size-len(push))
}

// Broadcast implements peer.Server.
func (s *Server) Broadcast(message []byte) { s.publish(everybody, message) }

// Send implements peer.Server.
func (s *Server) Send(user string, message []byte) { s.publish(personal+user, message) }

func (s *Server) publish(channel string, data []byte) {
	if _, err := s.node.Publish(channel, data); err != nil {
		log.Print(err)
	}
}

// Sessions implements peer.Server.
func (s *Server) Sessions() int { return s.node.Hub().NumSubscribers(everybody) }
