package listener_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	client "github.com/coder/websocket"
	"github.com/switchboard-go/switchboard/listener"
	"github.com/switchboard-go/switchboard/websocket"
)

// serve has mux handle one message of type "a" of a real session, and returns
// that session, the counters and what the client was answered.
func serve(t *testing.T, mux *listener.Mux, log journal) (session *websocket.Session, stats websocket.Stats, reply string) {
	t.Helper()
	manager, err := websocket.NewSessionManager("node1")
	if err != nil {
		t.Fatal(err)
	}
	server, err := websocket.NewServer(manager, websocket.Options{
		Authenticator: func(*http.Request) (websocket.LoginUser, error) {
			return websocket.LoginUser{ID: "1024", Type: websocket.Admin}, nil
		},
		Dispatcher: mux,
		OnOpen:     func(s *websocket.Session) { session = s },
		Logger:     log.Logger,
	})
	if err != nil {
		t.Fatal(err)
	}
	site := httptest.NewServer(server)
	defer site.Close()

	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	conn, _, err := client.Dial(ctx, strings.Replace(site.URL, "http", "ws", 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	if err := conn.Write(ctx, client.MessageText, []byte(`{"type":"a"}`)); err != nil {
		t.Fatal(err)
	}
	_, answer, err := conn.Read(ctx)
	if err != nil {
		t.Fatal(err)
	}
	conn.CloseRead(ctx)
	if err := server.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	return session, server.Stats(), string(answer)
}

// A failure is logged as an error and counted, both once, whatever the middleware.
func TestServerReportsFailuresOnce(t *testing.T) {
	for name, middleware := range map[string][]listener.Middleware{
		"none":              nil,
		"Recover":           {listener.Recover()},
		"all":               {listener.Logging(newJournal().Logger), listener.Recover(), listener.Timeout(time.Hour)},
		"Recover innermost": {listener.Timeout(time.Nanosecond), listener.Recover()},
	} {
		for kind, test := range map[string]struct {
			listener func(context.Context, string) error
			panics   uint64
		}{
			"error": {func(context.Context, string) error { return errors.New("out of luck") }, 0},
			"panic": {func(context.Context, string) error { panic("out of luck") }, 1},
		} {
			t.Run(name+", "+kind, func(t *testing.T) {
				log := newJournal()
				mux := listener.NewMux(middleware...)
				handle(t, mux, "a", test.listener)
				_, stats, reply := serve(t, mux, log)

				if !strings.Contains(reply, "listener_failed") || strings.Contains(reply, "luck") {
					t.Errorf("the client was answered %s", reply)
				}
				if stats.Panics != test.panics || stats.Errors[websocket.CodeListenerFailed] != 1 {
					t.Errorf("%d panics and the errors %v were counted", stats.Panics, stats.Errors)
				}
				var failures []map[string]any
				for _, line := range log.lines(t) {
					if line["level"] == "ERROR" {
						failures = append(failures, line)
					}
				}
				if len(failures) != 1 {
					t.Fatalf("%d errors were logged, want 1: %s", len(failures), log.text)
				}
				if cause, _ := failures[0]["error"].(string); !strings.Contains(cause, "out of luck") {
					t.Errorf("the line has no cause: %v", failures[0])
				}
				if stack, _ := failures[0]["stack"].(string); strings.Contains(stack, "TestServer") != (test.panics > 0) {
					t.Errorf("the stack is %q", stack)
				}
			})
		}
	}
}

func TestLoggingSaysWhoseMessage(t *testing.T) {
	log := newJournal()
	session, _, _ := serve(t, listener.NewMux(listener.Logging(log.Logger)), newJournal())
	line := log.line(t)
	if line["session"] != session.ID() || line["user"] != "1024" || line["user_type"] != float64(websocket.Admin) {
		t.Errorf("line %v, want session %s of user 1024", line, session.ID())
	}
}
