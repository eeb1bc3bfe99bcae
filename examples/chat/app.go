package main

import (
	"context"
	"embed"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/switchboard-go/switchboard/config"
	"github.com/switchboard-go/switchboard/listener"
	"github.com/switchboard-go/switchboard/metrics"
	"github.com/switchboard-go/switchboard/security"
	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/websocket"
)

// app is the chat: a WebSocket endpoint, what it listens for, and the HTTP
// endpoints that push to it.
type app struct {
	settings settings
	manager  *websocket.SessionManager
	sockets  *websocket.Server
	sender   sender.Sender
	online   *online
	metrics  http.Handler
	draining atomic.Bool
	log      *slog.Logger
}

// newApp builds the chat. Whoever gets it shuts it down.
func newApp(ctx context.Context, s settings, log *slog.Logger) (_ *app, err error) {
	manager, err := websocket.NewSessionManager(s.WebSocket.NodeID)
	if err != nil {
		return nil, err
	}
	a := &app{settings: s, manager: manager, log: log}
	a.sender, err = sender.Open(ctx, s.WebSocket.SenderType, sender.OpenOptions{
		Manager: manager,
		Decode:  config.Decode(s.senders[s.WebSocket.SenderType]),
		Cluster: sender.ClusterOptions{Logger: log, Background: !s.WebSocket.SenderRequired},
	})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.sender.Shutdown(ctx))
		}
	}()
	mux := listener.NewMux(listener.Logging(log), listener.Recover(), listener.Timeout(30*time.Second))
	if err := listener.Handle(mux, "demo-message-send", messages{a.sender}); err != nil {
		return nil, err
	}
	if err := listener.HandleFunc(mux, "room-join", joinRoom); err != nil {
		return nil, err
	}
	a.online = newOnline(manager)
	if err := listener.HandleFunc(mux, "online-watch", a.online.watch); err != nil {
		return nil, err
	}
	change := func(*websocket.Session) { a.online.change() }
	a.sockets, err = websocket.NewServer(manager, websocket.Options{
		Authenticator:  newAuthenticator(s, log),
		CheckOrigin:    s.origins,
		Dispatcher:     mux,
		Limits:         s.WebSocket.Limits(),
		Compression:    s.WebSocket.Compression,
		SuppressErrors: !s.WebSocket.SendErrors,
		OnOpen:         change,
		OnClose:        change,
		Logger:         log,
	})
	if err != nil {
		return nil, err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		metrics.New(a.sockets, manager, a.sender),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	a.metrics = promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	a.online.start()
	return a, nil
}

// newAuthenticator returns who may connect: the configured logins and, in
// development mode, anybody with a test token.
func newAuthenticator(s settings, log *slog.Logger) websocket.Authenticator {
	authenticator := security.FromToken(func(_ context.Context, token string) (websocket.LoginUser, error) {
		user, ok := s.logins[token]
		if !ok {
			return websocket.LoginUser{}, errors.New("unknown token")
		}
		return user, nil
	})
	if s.WebSocket.Development {
		authenticator = security.TestTokens(log)(authenticator)
	}
	return authenticator
}

//go:embed web
var web embed.FS

// contentPolicy lets the page load its own files and connect to its own server,
// and nothing else.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// handler returns all of the chat's HTTP endpoints.
func (a *app) handler() http.Handler {
	files, err := fs.Sub(web, "web")
	if err != nil {
		panic(err) // the folder is embedded
	}
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(files))
	mux.Handle("POST /rpc-api/infra/websocket/send", a.settings.protect(http.HandlerFunc(a.send)))
	mux.Handle("POST /notice/push", a.settings.protect(http.HandlerFunc(a.pushNotice)))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /readyz", a.ready)
	mux.Handle("GET /metrics", a.metrics)
	if a.settings.WebSocket.Enable {
		mux.HandleFunc("GET /chat.json", a.describe)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Not a pattern of the mux, because the path is the operator's choice.
		if a.settings.WebSocket.Enable && r.URL.Path == a.settings.WebSocket.Path {
			a.sockets.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Security-Policy", contentPolicy)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Referrer-Policy", "no-referrer")
		mux.ServeHTTP(w, r)
	})
}

// describe tells the page where its WebSocket is.
func (a *app) describe(w http.ResponseWriter, _ *http.Request) {
	path := url.URL{Path: a.settings.WebSocket.Path}
	writeJSON(w, http.StatusOK, map[string]string{"path": path.EscapedPath()})
}

// ready answers whether this node should get new clients: not while it shuts down,
// and not while it may miss messages of other nodes, or they its own.
func (a *app) ready(w http.ResponseWriter, _ *http.Request) {
	if a.draining.Load() {
		writeJSON(w, http.StatusServiceUnavailable, map[string]string{"status": "draining"})
		return
	}
	if err := a.sender.Ready(); err != nil {
		writeJSON(w, http.StatusServiceUnavailable, map[string]string{"status": "not_ready", "reason": err.Error()})
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"status": "ready"})
}

// shutdown ends the sessions and what serves them.
func (a *app) shutdown(ctx context.Context) error {
	a.draining.Store(true)
	err := a.sockets.Shutdown(ctx)
	a.online.stop()
	if err := a.sender.Shutdown(ctx); err != nil {
		// Whoever sends has been told of what was lost, and the other nodes notice
		// by themselves. That the broker is down is no failure of this node.
		a.log.Warn("the other nodes were not told", "error", err)
	}
	return err
}
