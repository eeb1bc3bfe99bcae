package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	_ "github.com/switchboard-go/switchboard/sender/all"
)

// grace is how long a shutdown may take.
const grace = 10 * time.Second

// Exit statuses.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Environ(), os.Stderr))
}

// run serves until ctx ends and returns the exit status.
func run(ctx context.Context, args, environ []string, output io.Writer) int {
	flags := flag.NewFlagSet("chat", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // a mistake is told in one line, below
	address := flags.String("addr", "127.0.0.1:48080", "`host:port` to listen on")
	file := flags.String("config", "", "configuration `file`, YAML")
	keys, rest := splitKeys(args)
	if err := flags.Parse(rest); errors.Is(err, flag.ErrHelp) {
		tell(output, "usage: chat [flags] [--SECTION.KEY=VALUE ...]")
		flags.SetOutput(output)
		flags.PrintDefaults()
		return exitOK
	} else if err != nil {
		tell(output, fmt.Sprintf("chat: %v; -h lists the flags", err))
		return exitUsage
	}
	if flags.NArg() > 0 {
		// It is not repeated: behind --chat.rpc-secret it is the secret.
		tell(output, "chat: an argument is not a flag; the value of a key goes behind =, as in --websocket.path=/ws")
		return exitUsage
	}
	settings, err := load(*file, environ, keys)
	if err != nil {
		tell(output, err)
		return exitUsage
	}
	log := slog.New(slog.NewTextHandler(output, nil))
	if err := serve(ctx, *address, settings, log); err != nil {
		log.Error("chat failed", "error", err)
		return exitFailed
	}
	return exitOK
}

// tell prints a line. Where that fails there is nobody to tell.
func tell(output io.Writer, line any) { _, _ = fmt.Fprintln(output, line) }

// splitKeys takes the configuration keys, --SECTION.KEY=VALUE, out of the arguments.
func splitKeys(args []string) (keys map[string]string, rest []string) {
	keys = make(map[string]string)
	for _, arg := range args {
		name, value, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if strings.HasPrefix(arg, "-") && strings.Contains(name, ".") {
			keys[name] = value
			continue
		}
		rest = append(rest, arg)
	}
	return keys, rest
}

// serve runs the chat on address until ctx ends.
func serve(ctx context.Context, address string, settings settings, log *slog.Logger) error {
	chat, err := newApp(ctx, settings, log)
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return errors.Join(err, chat.shutdown(ctx))
	}
	server := &http.Server{
		Handler:           chat.handler(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second, // of requests; WebSockets have their own
		IdleTimeout:       time.Minute,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	log.Info("chat is open", "url", "http://"+listener.Addr().String()+"/", "node", chat.manager.Node(), "sender", settings.WebSocket.SenderType)

	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	log.Info("chat is shutting down")
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	// The sessions first: /readyz tells meanwhile that this node is going.
	return errors.Join(err, chat.shutdown(ending), server.Shutdown(ending))
}
