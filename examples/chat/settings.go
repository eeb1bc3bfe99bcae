package main

import (
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
	var chat section
	loaded, err := config.Load(config.Options{
		Defaults: &defaults,
		File:     file,
		Environ:  environ,
		Flags:    flags,
		Sections: map[string]any{"chat": &chat},
		Choices:  map[string][]string{"websocket.sender-type": sender.Names()},
	})
	if err != nil {
		return settings{}, err
	}
	s := settings{Config: loaded, chat: chat}
	if err := s.prepare(); err != nil {
		return settings{}, err
	}
	return s, nil
}

// prepare makes of the values what they stand for, so that one that stands for
// nothing is told before anything starts.
func (s *settings) prepare() (err error) {
	if _, err = websocket.NewSessionManager(s.WebSocket.NodeID); err != nil {
		return fmt.Errorf("websocket.node-id: %w", err)
	}
	if s.origins, err = security.Origins(s.WebSocket.AllowedOrigins...); err != nil {
		return fmt.Errorf("websocket.allowed-origins: %w", err)
	}
	if s.logins, err = parseLogins(s.chat.Tokens); err != nil {
		return fmt.Errorf("chat.tokens: %w", err)
	}
	secret := s.chat.RPCSecret.Reveal()
	if secret == "" && s.WebSocket.Development {
		s.protect = func(next http.Handler) http.Handler { return next }
		return nil
	}
	if s.protect, err = security.SharedSecret(secret); err != nil {
		return fmt.Errorf("chat.rpc-secret, needed where websocket.development is false: %w", err)
	}
	return nil
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
