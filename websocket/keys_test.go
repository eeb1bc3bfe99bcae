package websocket_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	client "github.com/coder/websocket"
	"github.com/switchboard-go/switchboard/websocket"
)

func TestKeys(t *testing.T) {
	limits := websocket.DefaultLimits()
	limits.MaxKeys = 3
	n := serve(t, websocket.Options{Limits: limits})
	conn := n.connect(t, "1")
	s := n.session(t, "1")
	keys := func() []string {
		got := s.Keys()
		slices.Sort(got)
		return got
	}
	for _, step := range []struct {
		bind, unbind string
		err          error
		want         []string
	}{
		{bind: "", err: websocket.ErrInvalidTarget},
		{bind: strings.Repeat("k", websocket.MaxNameLength+1), err: websocket.ErrInvalidTarget},
		{bind: "a", want: []string{"a"}},
		{bind: "a", want: []string{"a"}},
		{unbind: "b", want: []string{"a"}},
		{bind: "b", want: []string{"a", "b"}},
		{bind: "c", want: []string{"a", "b", "c"}},
		{bind: "d", err: websocket.ErrTooManyKeys, want: []string{"a", "b", "c"}},
		{bind: "c", want: []string{"a", "b", "c"}},
		{unbind: "b", want: []string{"a", "c"}},
		{bind: "d", want: []string{"a", "c", "d"}},
	} {
		if step.unbind != "" {
			s.Unbind(step.unbind)
		} else if err := s.Bind(step.bind); !errors.Is(err, step.err) {
			t.Errorf("bind %.20q: %v, want %v", step.bind, err, step.err)
		}
		if got := keys(); !slices.Equal(got, step.want) {
			t.Errorf("after %+v the keys are %v", step, got)
		}
		for _, key := range []string{"a", "b", "c", "d"} {
			if got, want := n.manager.Count(websocket.ToKey(key)) == 1, slices.Contains(step.want, key); got != want {
				t.Errorf("after %+v key %s is bound: %t", step, key, got)
			}
		}
	}
	_ = conn.CloseNow()
	ended(t, s)
	if got := keys(); len(got) > 0 {
		t.Errorf("an ended session has the keys %v", got)
	}
	if err := s.Bind("e"); !errors.Is(err, websocket.ErrSessionClosed) {
		t.Errorf("bind after the end: %v", err)
	}
	s.Unbind("a")
	if sessions, scopes, groups := n.manager.Leftovers(); sessions+scopes+groups != 0 {
		t.Errorf("left are %d sessions, %d scopes, %d groups", sessions, scopes, groups)
	}
}

func TestWatch(t *testing.T) {
	n := serve(t, websocket.Options{})
	told := make(chan string, 100)
	n.manager.Watch(func(address websocket.Target, present bool) { told <- fmt.Sprint(address, " ", present) })
	expect := func(want string) {
		t.Helper()
		select {
		case got := <-told:
			if got != want {
				t.Errorf("told was %s, want %s", got, want)
			}
		case <-time.After(patience):
			t.Fatalf("nobody told %s", want)
		}
	}
	n.connect(t, "1")
	expect("user/2/1 true")
	first := n.session(t, "1")
	second := n.connect(t, "1")
	if err := first.Bind("k"); err != nil {
		t.Fatal(err)
	}
	expect("key/k true")
	for s := range n.manager.Sessions(websocket.ToUser(websocket.Admin, "1")) {
		if err := s.Bind("k"); err != nil {
			t.Fatal(err)
		}
	}
	first.Unbind("k")
	first.Close(websocket.CloseNormal, "")
	ended(t, first)
	_ = second.CloseNow()
	expect("key/k false")
	expect("user/2/1 false")
	if len(told) > 0 {
		t.Errorf("told was %s too", <-told)
	}
}

// A protocol may bind and even end a session in Open, before any index has it.
func TestOpenMayBindAndEnd(t *testing.T) {
	p := &probeProtocol{Protocol: websocket.JSON}
	p.opened = func(s *websocket.Session) {
		if err := s.Bind("k"); err != nil {
			t.Errorf("bind: %v", err)
		}
		if s.User().ID == "banned" {
			s.Close(websocket.CloseKicked, "banned")
		}
	}
	limits := websocket.DefaultLimits()
	limits.MaxSessionsPerUser = 1
	n := serve(t, websocket.Options{Protocols: []websocket.Protocol{p}, Limits: limits})
	conn := n.connect(t, "banned")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if _, _, err := conn.Read(ctx); client.CloseStatus(err) != client.StatusCode(websocket.CloseKicked) {
		t.Errorf("the banned client's connection ended with %v", err)
	}
	if got := n.manager.Count(websocket.ToAll()) + n.manager.Count(websocket.ToKey("k")); got != 0 {
		t.Errorf("an ended session is in %d indexes", got)
	}
	n.connect(t, "1")
	if _, _, err := client.Dial(ctx, n.url("1"), nil); err == nil {
		t.Error("a second session of the user was accepted")
	}
	if got := n.manager.Count(websocket.ToKey("k")); got != 1 {
		t.Errorf("%d sessions are bound, want 1", got)
	}
	n.session(t, "1").Close(websocket.CloseNormal, "")
	if sessions, scopes, groups := n.manager.Leftovers(); sessions+scopes+groups != 0 {
		t.Errorf("left are %d sessions, %d scopes, %d groups", sessions, scopes, groups)
	}
}

// A session can be found and ended while it is being added; it must be in all
// indexes or in none.
func TestSessionsEndedWhileAdded(t *testing.T) {
	n := serve(t, websocket.Options{})
	// The watcher is told amid the adding.
	added := make(chan struct{}, 1)
	n.manager.Watch(func(_ websocket.Target, present bool) {
		if present {
			select {
			case added <- struct{}{}:
			default: // it is looking already
			}
		}
	})
	var kicking sync.WaitGroup
	kicking.Go(func() {
		for range added {
			for s := range n.manager.Sessions(websocket.ToUser(websocket.Admin, "1")) {
				s.Close(websocket.CloseKicked, "")
			}
		}
	})
	for range 300 {
		_ = n.connect(t, "1").CloseNow()
	}
	close(added)
	kicking.Wait()
	for s := range n.manager.Sessions(websocket.ToAll()) {
		ended(t, s)
	}
	if sessions, scopes, groups := n.manager.Leftovers(); sessions+scopes+groups != 0 {
		t.Errorf("left are %d sessions, %d scopes, %d groups", sessions, scopes, groups)
	}
}

// The server and the client end a session at the same moment, many times.
func TestSessionsEndedFromBothSides(t *testing.T) {
	n := serve(t, websocket.Options{})
	for range 1000 {
		conn := n.connect(t, "1")
		s := n.session(t, "1")
		var group sync.WaitGroup
		group.Go(func() { s.Close(websocket.CloseKicked, "") })
		group.Go(func() { _ = conn.CloseNow() })
		group.Wait()
		ended(t, s)
	}
}
