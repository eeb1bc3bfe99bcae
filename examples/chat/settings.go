package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/switchboard-go/switchboard/config"
	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/websocket"
)

// settings is the chat's whole configuration.
type settings struct {
	config.Config
	chat section
}

// section is the chat's own section.
type section struct {
	// RPCSecret is what callers of the HTTP endpoints send as a bearer token
	// outside development mode.
	RPCSecret config.Secret `koanf:"rpc-secret"`
	// Tokens are the logins outside development mode, each as
	// TOKEN=USERID or TOKEN=USERID:USERTYPE.
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
	s := settings{loaded, chat}
	if !s.WebSocket.Development && chat.RPCSecret.Reveal() == "" {
		return settings{}, errors.New("chat.rpc-secret must be set where websocket.development is false")
	}
	if _, err := s.logins(); err != nil {
		return settings{}, err
	}
	return s, nil
}

// logins returns the users by their tokens.
func (s settings) logins() (map[string]websocket.LoginUser, error) {
	logins := make(map[string]websocket.LoginUser, len(s.chat.Tokens))
	for i, entry := range s.chat.Tokens {
		token, user, _ := strings.Cut(entry, "=")
		id, userType, typed := strings.Cut(user, ":")
		login := websocket.LoginUser{ID: id, Type: websocket.Admin}
		if typed {
			n, err := strconv.Atoi(userType)
			if err != nil {
				return nil, fmt.Errorf("chat.tokens: the user type of entry %d is not a number", i+1)
			}
			login.Type = websocket.UserType(n)
		}
		if token == "" || id == "" {
			return nil, fmt.Errorf("chat.tokens: entry %d is not TOKEN=USERID or TOKEN=USERID:USERTYPE", i+1)
		}
		logins[token] = login
	}
	return logins, nil
}
