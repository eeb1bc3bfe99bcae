package main

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	client "github.com/coder/websocket"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait. A test that meets it has failed.
const patience = 30 * time.Second

// site is the application on a port of its own.
type site struct {
	address string
	stop    context.CancelFunc
	ended   chan error
}

func start(t *testing.T) *site {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &site{l.Addr().String(), stop, make(chan error, 1)}
	go func() {
		s.ended <- run(ctx, l, slog.New(slog.DiscardHandler))
		close(s.ended)
	}()
	t.Cleanup(func() { s.shutdown(t) })
	return s
}

// shutdown ends the application.
func (s *site) shutdown(t *testing.T) {
	t.Helper()
	s.stop()
	select {
	case err := <-s.ended:
		if err != nil {
			t.Errorf("run: %v", err)
		}
	case <-time.After(patience):
		t.Error("run does not return")
	}
}

// person is somebody with a connection.
type person struct{ *client.Conn }

func (s *site) connect(t *testing.T, token string) person {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, _, err := client.Dial(ctx, "ws://"+s.address+"/ws?token="+token, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseNow() })
	return person{conn}
}

func (p person) writes(t *testing.T, frame string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := p.Write(ctx, client.MessageText, []byte(frame)); err != nil {
		t.Fatal(err)
	}
}

// gets checks the next frames, and with a ping that no other came before now:
// frames to one session keep their order.
func (p person) gets(t *testing.T, frames ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	p.writes(t, "ping")
	pongs := 0
	for i := 0; i < len(frames) || pongs == 0; {
		_, got, err := p.Read(ctx)
		switch {
		case err != nil:
			t.Fatal(err)
		case string(got) == "pong":
			pongs++
		case i == len(frames):
			t.Fatalf("got %s as well", got)
		case string(got) != frames[i]:
			t.Fatalf("got %s, want %s", got, frames[i])
		default:
			i++
		}
	}
}

func (s *site) ship(t *testing.T, order string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+s.address+"/orders/"+order+"/ship", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode
}

const (
	shipped = `{"type":"order-shipped","content":"\"5\""}`
	changed = `{"type":"order-changed","content":"\"5\""}`
)

func forbidden(messageType, detail string) string {
	return `{"type":"error","content":"{\"code\":\"forbidden\",\"type\":\"` + messageType + `\",\"detail\":\"` + detail + `\"}"}`
}

func TestOrders(t *testing.T) {
	s := start(t)
	customer, phone := s.connect(t, "test1024:1"), s.connect(t, "test1024:1")
	other, namesake := s.connect(t, "test2048:1"), s.connect(t, "test1024:3")
	employee, idle := s.connect(t, "test1"), s.connect(t, "test1024") // has the customer's number

	watch := `{"type":"order-watch","content":"\"5\""}`
	phone.writes(t, watch)
	employee.writes(t, watch)
	for _, p := range []person{other, namesake} {
		p.writes(t, watch)
		p.gets(t, forbidden("order-watch", "this is not your order"))
	}
	// A session's messages are handled in order, so the orders are being watched
	// by the time that the next message is answered.
	for _, p := range []person{phone, employee} {
		p.writes(t, `{"type":"order-watch","content":"\"\""}`)
	}
	phone.gets(t, forbidden("order-watch", "this is not your order"))
	employee.writes(t, `{"type":"no such type"}`)
	employee.gets(t, `{"type":"error","content":"{\"code\":\"unknown_type\",\"type\":\"no such type\",\"detail\":\"no listener for type \\\"no such type\\\"\"}"}`)

	if status := s.ship(t, "5"); status != http.StatusOK {
		t.Errorf("shipping was answered %d", status)
	}
	customer.gets(t, shipped)
	phone.gets(t, shipped, changed)
	employee.gets(t, changed)

	phone.Close(client.StatusNormalClosure, "") // and watches no more
	if status := s.ship(t, "5"); status != http.StatusOK {
		t.Errorf("shipping was answered %d", status)
	}
	customer.gets(t, shipped)
	employee.gets(t, changed)

	if status := s.ship(t, "7"); status != http.StatusNotFound {
		t.Errorf("shipping an unknown order was answered %d", status)
	}
	for _, p := range []person{customer, other, namesake, employee, idle} {
		p.gets(t)
	}
}

func TestSupport(t *testing.T) {
	s := start(t)
	customer, phone, other := s.connect(t, "test1024:1"), s.connect(t, "test1024:1"), s.connect(t, "test2048:1")
	employees := []person{s.connect(t, "test1"), s.connect(t, "test2")}

	customer.writes(t, `{"type":"support-question","content":"{\"customer\":2048,\"text\":\"where is it?\"}"}`)
	for _, p := range employees {
		p.gets(t, `{"type":"support-question","content":"{\"customer\":1024,\"text\":\"where is it?\"}"}`)
	}
	employees[0].writes(t, `{"type":"support-answer","content":"{\"customer\":1024,\"text\":\"on its way\"}"}`)
	for _, p := range []person{customer, phone} {
		p.gets(t, `{"type":"support-answer","content":"{\"customer\":1024,\"text\":\"on its way\"}"}`)
	}

	customer.writes(t, `{"type":"support-answer","content":"{\"customer\":2048,\"text\":\"pay again\"}"}`)
	customer.gets(t, forbidden("support-answer", "only employees answer"))
	employees[1].writes(t, `{"type":"support-question","content":"{\"text\":\"anybody?\"}"}`)
	employees[1].gets(t, forbidden("support-question", "only customers ask"))
	for _, p := range append(employees, customer, phone, other) {
		p.gets(t)
	}
}

func TestShutdown(t *testing.T) {
	s := start(t)
	p := s.connect(t, "test1")
	s.stop()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, _, err := p.Read(ctx); client.CloseStatus(err) != client.StatusGoingAway {
		t.Errorf("the session ended with %v", err)
	}
	s.shutdown(t)
	if conn, err := new(net.Dialer).DialContext(ctx, "tcp", s.address); err == nil {
		conn.Close()
		t.Error("something listens still")
	}
}

// A listener that is closed already is all that can fail once everything is
// registered.
func TestServeFails(t *testing.T) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	err = run(t.Context(), l, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "use of closed network connection") {
		t.Errorf("run returns %v", err)
	}
}
