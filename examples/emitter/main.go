package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/switchboard-go/switchboard/config"
	"github.com/switchboard-go/switchboard/sender"
	_ "github.com/switchboard-go/switchboard/sender/all"
	"github.com/switchboard-go/switchboard/websocket"
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Environ(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "emitter:", err)
		os.Exit(1)
	}
}

// run sends the notice that args name and prints the receipt.
func run(ctx context.Context, args, environ []string, output io.Writer) (err error) {
	keys, notice := make(map[string]string), []string{}
	for _, arg := range args {
		if key, ok := strings.CutPrefix(arg, "--"); ok {
			name, value, _ := strings.Cut(key, "=")
			keys[name] = value
			continue
		}
		notice = append(notice, arg)
	}
	if len(notice) != 2 {
		return errors.New("usage: emitter [--websocket.KEY=VALUE ...] TITLE CONTENT")
	}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	drivers := sender.Sections()
	loaded, err := config.Load(config.Options{Environ: environ, Flags: keys, Senders: drivers})
	if err != nil {
		return err
	}
	name := loaded.WebSocket.SenderType
	push, err := sender.Open(ctx, name, sender.OpenOptions{Decode: config.Decode(drivers[name])}) // no Manager: an emitter
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, push.Shutdown(ctx)) }()
	content := map[string]string{"title": notice[0], "content": notice[1]}
	receipt, err := sender.SendJSON(ctx, push, websocket.ToUserType(websocket.Admin), "notice-push", content)
	_, printErr := fmt.Fprintf(output, "%+v\n", receipt)
	return errors.Join(err, printErr)
}
