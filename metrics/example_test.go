package metrics_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/switchboard-go/switchboard/listener"
	"github.com/switchboard-go/switchboard/metrics"
	"github.com/switchboard-go/switchboard/security"
	"github.com/switchboard-go/switchboard/sender/local"
	"github.com/switchboard-go/switchboard/websocket"
)

// An application registers the collector of its node where it likes, and mounts
// what Prometheus scrapes.
func Example() {
	manager, err := websocket.NewSessionManager("node1")
	if err != nil {
		fmt.Println(err)
		return
	}
	server, err := websocket.NewServer(manager, websocket.Options{
		Authenticator: security.FromToken(func(context.Context, string) (websocket.LoginUser, error) {
			return websocket.LoginUser{ID: "1", Type: websocket.Admin}, nil
		}),
		Dispatcher: listener.NewMux(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Shutdown(context.Background())
	push := local.New(manager)

	registry := prometheus.NewRegistry()
	registry.MustRegister(metrics.New(server, manager, push))
	http.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))

	if _, err := push.Send(context.Background(), websocket.ToAll(), websocket.Message{Type: "notice-push"}); err != nil {
		fmt.Println(err)
	}
	scraped := httptest.NewRecorder()
	http.DefaultServeMux.ServeHTTP(scraped, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for line := range strings.Lines(scraped.Body.String()) {
		if strings.HasPrefix(line, "switchboard_messages_delivered_total") || strings.HasPrefix(line, "switchboard_ready") {
			fmt.Print(line)
		}
	}
	// Output:
	// switchboard_messages_delivered_total{type="notice-push"} 1
	// switchboard_ready 1
}
