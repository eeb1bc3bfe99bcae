package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/switchboard-go/switchboard/listener"
	"github.com/switchboard-go/switchboard/security"
	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/local"
	"github.com/switchboard-go/switchboard/websocket"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:48080")
	if err == nil {
		err = run(ctx, l, slog.Default())
	}
	if err != nil {
		slog.Error("modular failed", "error", err)
		os.Exit(1)
	}
}

// run serves both modules on l until ctx ends.
func run(ctx context.Context, l net.Listener, log *slog.Logger) error {
	manager, err := websocket.NewSessionManager("")
	if err != nil {
		return err
	}
	push := local.New(manager)
	messages := listener.NewMux(listener.Logging(log), listener.Recover(), listener.Timeout(10*time.Second))
	routes := http.NewServeMux()
	err = errors.Join(
		orders{push, map[string]string{"5": "1024", "6": "2048"}}.register(messages, routes),
		support{push}.register(messages),
	)
	if err != nil {
		return err
	}
	sockets, err := websocket.NewServer(manager, websocket.Options{
		Authenticator: security.TestTokens(log)(nil), // in production, security.FromToken
		Dispatcher:    messages,
		Logger:        log,
	})
	if err != nil {
		return err
	}
	routes.Handle("/ws", sockets)

	server := &http.Server{Handler: routes, ReadHeaderTimeout: 5 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return errors.Join(err, sockets.Shutdown(ending), server.Shutdown(ending), push.Shutdown(ending))
}

// orders is the module that ships what customers have ordered.
type orders struct {
	push      sender.Sender
	customers map[string]string // by order
}

func (o orders) register(messages *listener.Mux, routes *http.ServeMux) error {
	routes.HandleFunc("POST /orders/{id}/ship", o.ship) // in production, behind a login
	return listener.HandleFunc(messages, "order-watch", o.watch)
}

// ship tells the customer, on every device, and whoever watches the order.
func (o orders) ship(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	customer, known := o.customers[id]
	if !known {
		http.NotFound(w, r)
		return
	}
	_, err := sender.SendJSON(r.Context(), o.push, websocket.ToUser(websocket.Member, customer), "order-shipped", id)
	_, watchErr := sender.SendJSON(r.Context(), o.push, websocket.ToKey("order/"+id), "order-changed", id)
	if errors.Join(err, watchErr) != nil {
		http.Error(w, "not everybody could be told", http.StatusServiceUnavailable)
	}
}

// watch has a session told of an order for as long as the session lasts.
func (o orders) watch(_ context.Context, s *websocket.Session, id string) error {
	user := s.User()
	own := user.Type == websocket.Member && user.ID == o.customers[id]
	if !own && user.Type != websocket.Admin {
		return &websocket.MessageError{Code: "forbidden", Detail: "this is not your order"}
	}
	return s.Bind("order/" + id)
}

// support is the module in which customers ask and employees answer.
type support struct{ push sender.Sender }

// line is a question or an answer.
type line struct {
	Customer websocket.UserID `json:"customer"`
	Text     string           `json:"text"`
}

func (m support) register(messages *listener.Mux) error {
	return errors.Join(
		listener.HandleFunc(messages, "support-question", m.ask),
		listener.HandleFunc(messages, "support-answer", m.answer),
	)
}

// ask puts a customer's question to all employees.
func (m support) ask(ctx context.Context, s *websocket.Session, in line) error {
	if s.User().Type != websocket.Member {
		return &websocket.MessageError{Code: "forbidden", Detail: "only customers ask"}
	}
	in.Customer = websocket.UserID(s.User().ID) // whatever the client says
	_, err := sender.SendJSON(ctx, m.push, websocket.ToUserType(websocket.Admin), "support-question", in)
	return err
}

// answer brings an employee's answer to the customer who asked.
func (m support) answer(ctx context.Context, s *websocket.Session, in line) error {
	if s.User().Type != websocket.Admin {
		return &websocket.MessageError{Code: "forbidden", Detail: "only employees answer"}
	}
	_, err := sender.SendJSON(ctx, m.push, websocket.ToUser(websocket.Member, string(in.Customer)), "support-answer", in)
	return err
}
