package main

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/switchboard-go/switchboard/websocket"
)

const (
	// listed is how many users the page is told of by name.
	listed = 200
	// between is the least time between two lists: a thousand users who come at
	// once are one change.
	between = time.Second
)

// online tells the pages who is connected to this node.
type online struct {
	manager *websocket.SessionManager
	last    atomic.Pointer[websocket.Message]
	changed chan struct{} // holds one token when the list is out of date
	quit    chan struct{}
	done    chan struct{}
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
	manager.Watch(func(websocket.Target, bool) { o.change() })
	return o
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
		// Of this node only, and so not by the sender. A list that could not be
		// sent is followed by another.
		list := o.list()
		o.last.Store(&list)
		_, _ = o.manager.Deliver(websocket.ToAll(), list)
		select {
		case <-o.quit:
			return
		case <-time.After(between):
		}
	}
}

// greet sends a new session the last list, which the next one follows: the one
// it has now may be out of date, and Watch tells of a user's first session a
// moment before the session can be listed, and of no other.
func (o *online) greet(s *websocket.Session) {
	if list := o.last.Load(); list != nil {
		// A session that has ended meanwhile needs no greeting.
		_ = s.Send(*list)
	}
	o.change()
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
