package main

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/switchboard-go/switchboard/config"
	"github.com/switchboard-go/switchboard/security"
	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/websocket"
)

// settings is the chat's whole configuration.
type settings struct {
	config.Config
	chat section
	// senders are the sections of the linked-in senders, by name.
	senders map[string]any

	// What the values stand for.
	origins func(*http.Request) bool
	logins  map[string]websocket.LoginUser  // by token
	protect func(http.Handler) http.Handler // lets only callers with the secret through
}

// section is the chat's own section.
type section struct {
	// RPCSecret is what callers of the HTTP endpoints send as a bearer token.
	// Only development mode does without one.
	RPCSecret config.Secret `koanf:"rpc-secret"`
	// Tokens are the logins outside development mode, each as
	// TOKEN=USERID, TOKEN=USERID:USERTYPE or TOKEN=USERID:USERTYPE:TENANT.
	Tokens []string `koanf:"tokens"`
}

// load reads the settings and checks what only the chat knows.
func load(file string, environ []string, flags map[string]string) (settings, error) {
	// Unlike a server that is to be reached by others, the chat starts in
	// development mode.
	defaults := config.Default()
	defaults.WebSocket.Development = true
	s := settings{senders: sender.Sections()}
	loaded, err := config.Load(config.Options{
		Defaults: &defaults,
		File:     file,
		Environ:  environ,
		Flags:    flags,
		Sections: map[string]any{"chat": &s.chat},
		Senders:  s.senders,
		Choices:  map[string][]string{"websocket.sender-type": sender.Names()},
		Checks:   s.checks(),
	})
	if err != nil {
		return settings{}, err
	}
	s.Config = loaded
	return s, nil
}

// checks make of the values what they stand for, so that one that stands for
// nothing is told before anything starts.
func (s *settings) checks() map[string]func(config.Config) error {
	return map[string]func(config.Config) error{
		"websocket.node-id": func(c config.Config) error {
			_, err := websocket.NewSessionManager(c.WebSocket.NodeID)
			return err
		},
		"websocket.allowed-origins": func(c config.Config) (err error) {
			s.origins, err = security.Origins(c.WebSocket.AllowedOrigins...)
			return err
		},
		"chat.tokens": func(config.Config) (err error) {
			s.logins, err = parseLogins(s.chat.Tokens)
			return err
		},
		"chat.rpc-secret": func(c config.Config) (err error) {
			secret := s.chat.RPCSecret.Reveal()
			if secret == "" && c.WebSocket.Development {
				s.protect = func(next http.Handler) http.Handler { return next }
				return nil
			}
			if secret == "" {
				return errors.New("needed where websocket.development is false")
			}
			s.protect, err = security.SharedSecret(secret)
			return err
		},
	}
}

// parseLogins returns the users by their tokens. Its errors have no tokens in them.
func parseLogins(entries []string) (map[string]websocket.LoginUser, error) {
	logins := make(map[string]websocket.LoginUser, len(entries))
	for i, entry := range entries {
		equals := max(0, strings.LastIndexByte(entry, '=')) // tokens in base64 end with =
		token, user := entry[:equals], strings.TrimPrefix(entry[equals:], "=")
		id, rest, typed := strings.Cut(user, ":")
		userType, tenant, _ := strings.Cut(rest, ":")
		login := websocket.LoginUser{ID: id, Type: websocket.Admin, Tenant: tenant}
		if typed {
			n, err := strconv.Atoi(userType)
			if err != nil {
				return nil, fmt.Errorf("the user type of entry %d is not a number", i+1)
			}
			login.Type = websocket.UserType(n)
		}
		if token == "" || id == "" {
			return nil, fmt.Errorf("entry %d is not TOKEN=USERID, with :USERTYPE or :USERTYPE:TENANT behind it or not", i+1)
		}
		if _, taken := logins[token]; taken {
			return nil, fmt.Errorf("entry %d has the token of an earlier one", i+1)
		}
		logins[token] = login
	}
	return logins, nil
}
