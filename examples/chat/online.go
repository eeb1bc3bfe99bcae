package main

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/switchboard-go/switchboard/websocket"
)

const (
	// watchers is the key of the sessions that are told.
	watchers = "online-users"
	// listed is how many users the page is told of by name.
	listed = 200
	// between is the least time between two lists: a thousand users who come at
	// once are one change.
	between = time.Second
)

// online tells who is connected to this node, and only pages that ask for it:
// yudao's own complains to its user about each type of message that it does not
// know.
type online struct {
	manager *websocket.SessionManager
	changed chan struct{} // holds one token when the list is out of date
	quit    chan struct{}
	done    chan struct{}

	mu   sync.Mutex
	last websocket.Message // without a type until there is a list
}

// onlineUsers is the content of online-users.
type onlineUsers struct {
	Node  string       `json:"node"`
	Total int          `json:"total"` // sessions
	Users []onlineUser `json:"users"`
}

type onlineUser struct {
	UserID   websocket.UserID   `json:"userId"`
	UserType websocket.UserType `json:"userType"`
	Sessions int                `json:"sessions"`
}

func newOnline(manager *websocket.SessionManager) *online {
	o := &online{manager: manager, changed: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{})}
	// OnOpen and OnClose are not called where a handshake breaks off at its very
	// end, and by then the session may have been in a list.
	manager.Watch(func(websocket.Target, bool) { o.change() })
	return o
}

// watch takes online-watch: from now on the session is told who is online. It
// has no content.
func (o *online) watch(_ context.Context, s *websocket.Session, _ json.RawMessage) error {
	// Under the lock the session gets the last list and all that follow, and none
	// before an older one.
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := s.Bind(watchers); err != nil {
		return err
	}
	if o.last.Type != "" {
		// To a session that does not take it the next list tells as much.
		_ = s.Send(o.last)
	}
	return nil
}

// change notes that the list is out of date.
func (o *online) change() {
	select {
	case o.changed <- struct{}{}:
	default:
	}
}

// start runs the goroutine that sends the list when it changes, until stop.
func (o *online) start() { go o.run() }

func (o *online) stop() {
	close(o.quit)
	<-o.done
}

func (o *online) run() {
	defer close(o.done)
	for {
		select {
		case <-o.quit:
			return
		case <-o.changed:
		}
		o.tell()
		select {
		case <-o.quit:
			return
		case <-time.After(between):
		}
	}
}

// tell sends the list to whoever watches.
func (o *online) tell() {
	list := o.list()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last = list
	// Of this node only, and so not by the sender. A list that could not be sent
	// is followed by another.
	_, _ = o.manager.Deliver(websocket.ToKey(watchers), list)
}

// list returns the message with who is online now.
func (o *online) list() websocket.Message {
	sessions := make(map[onlineUser]int)
	total := 0
	for s := range o.manager.Sessions(websocket.ToAll()) {
		total++
		user := s.User()
		sessions[onlineUser{UserID: websocket.UserID(user.ID), UserType: user.Type}]++
	}
	list := slices.SortedFunc(maps.Keys(sessions), func(a, b onlineUser) int {
		return cmp.Or(cmp.Compare(a.UserType, b.UserType), cmp.Compare(len(a.UserID), len(b.UserID)), cmp.Compare(a.UserID, b.UserID))
	})
	list = list[:min(len(list), listed)]
	for i := range list {
		list[i].Sessions = sessions[list[i]]
	}
	content, err := json.Marshal(onlineUsers{o.manager.Node(), total, list})
	if err != nil {
		panic(err) // plain fields
	}
	return websocket.Message{Type: "online-users", Content: content}
}
