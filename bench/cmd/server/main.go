package main

import (
	"crypto/tls"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/switchboard-go/switchboard/bench/control"
	"github.com/switchboard-go/switchboard/bench/drive"
	"github.com/switchboard-go/switchboard/bench/peer"
	"github.com/switchboard-go/switchboard/bench/peer/bare"
	"github.com/switchboard-go/switchboard/bench/peer/centrifuge"
	"github.com/switchboard-go/switchboard/bench/peer/gorilla"
	"github.com/switchboard-go/switchboard/bench/peer/melody"
	"github.com/switchboard-go/switchboard/bench/peer/rawgws"
	"github.com/switchboard-go/switchboard/bench/peer/switchboard"
)

func main() {
	kind := flag.String("kind", peer.Switchboard, "which `server`: gws, gws-bare, melody, centrifuge, gorilla, switchboard or limit")
	secure := flag.Bool("tls", false, "serve TLS")
	compress := flag.Bool("compress", false, "offer permessage-deflate (gws and switchboard)")
	flag.Parse()
	if err := run(*kind, *secure, peer.Options{Compression: *compress}); err != nil {
		log.Fatal(err)
	}
}

func run(kind string, secure bool, o peer.Options) error {
	server, err := newServer(kind, o)
	if err != nil {
		return err
	}
	credits, err := control.OpenCreditReader()
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // the process's own
	if err != nil {
		return err
	}
	if err := control.Announce(control.ServerReady{Address: l.Addr().String()}); err != nil {
		return err
	}
	if secure {
		certificate, err := selfSigned()
		if err != nil {
			return err
		}
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{certificate}})
	}
	web := &http.Server{Handler: server, ReadHeaderTimeout: 10 * time.Second}
	go func() { log.Fatal(web.Serve(l)) }()
	driver := drive.New(server, credits)
	return control.Serve(func(c control.ServerCommand) (any, error) { return driver.Do(c) })
}

func newServer(kind string, o peer.Options) (peer.Server, error) {
	switch kind {
	case peer.GWS:
		return rawgws.New(o, false), nil
	case peer.GWSBare:
		return rawgws.New(o, true), nil
	case peer.Melody:
		return melody.New(), nil
	case peer.Centrifuge:
		return centrifuge.New()
	case peer.Gorilla:
		return gorilla.New(), nil
	case peer.Switchboard:
		return switchboard.New(o)
	case peer.Limit:
		return bare.New(), nil
	}
	return nil, fmt.Errorf("unknown server %q", kind)
}
