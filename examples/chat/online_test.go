package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	client "github.com/coder/websocket"
)

// pipes is a network in memory, as the fake time of a bubble needs it.
type pipes struct {
	incoming chan net.Conn
	closed   chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.incoming:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error {
	close(p.closed)
	return nil
}

func (p pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes", Net: "unix"} }

func (p pipes) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	p.incoming <- theirs
	return ours, nil
}

// watcher is a page that reads all that it is sent, which is lists.
type watcher struct {
	conn *client.Conn

	mu    sync.Mutex
	lists []onlineUsers
}

func (w *watcher) read(t *testing.T) {
	for {
		_, text, err := w.conn.Read(context.Background())
		if err != nil {
			return
		}
		var frame struct{ Type, Content string }
		var list onlineUsers
		if err := json.Unmarshal(text, &frame); err != nil || frame.Type != "online-users" {
			t.Errorf("a page was sent %s", text)
		}
		if err := json.Unmarshal([]byte(frame.Content), &list); err != nil {
			t.Errorf("a page was sent %s", text)
		}
		w.mu.Lock()
		w.lists = append(w.lists, list)
		w.mu.Unlock()
	}
}

// seen returns the lists so far, and forgets them.
func (w *watcher) seen() []onlineUsers {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	lists := w.lists
	w.lists = nil
	return lists
}

// ask is what a page sends that wants to know who is online.
const ask = `{"type":"online-watch"}`

// say sends a frame.
func (w *watcher) say(t *testing.T, frame string) {
	t.Helper()
	if err := w.conn.Write(t.Context(), client.MessageText, []byte(frame)); err != nil {
		t.Fatal(err)
	}
}

// bubble runs f with a chat, in fake time, and a func that opens a page, which
// does not ask anything.
func bubble(t *testing.T, f func(t *testing.T, open func(token string) *watcher)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s, err := load("", nil, map[string]string{"websocket.node-id": "node1"})
		if err != nil {
			t.Fatal(err)
		}
		a, err := newApp(t.Context(), s, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		network := pipes{make(chan net.Conn), make(chan struct{})}
		server := &http.Server{Handler: a.handler()}
		go server.Serve(network)
		defer func() {
			if err := a.shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			server.Close()
			synctest.Wait()
		}()
		transport := &http.Transport{DialContext: network.dial, DisableKeepAlives: true}
		f(t, func(token string) *watcher {
			conn, _, err := client.Dial(t.Context(), "ws://chat/infra/ws?token="+token, &client.DialOptions{HTTPClient: &http.Client{Transport: transport}})
			if err != nil {
				t.Fatal(err)
			}
			conn.SetReadLimit(-1)
			w := &watcher{conn: conn}
			go w.read(t)
			return w
		})
	})
}

// text is a list as people read it: "2 on node1: 1/5 2/1x2" are user 5 of type
// 1 and user 1 of type 2 with two pages.
func (o onlineUsers) text() string {
	var b strings.Builder
	b.WriteString(strconv.Itoa(o.Total) + " on " + o.Node + ":")
	for _, user := range o.Users {
		b.WriteString(" " + strconv.Itoa(int(user.UserType)) + "/" + string(user.UserID))
		if user.Sessions > 1 {
			b.WriteString("x" + strconv.Itoa(user.Sessions))
		}
	}
	return b.String()
}

func TestWhoIsOnline(t *testing.T) {
	bubble(t, func(t *testing.T, open func(string) *watcher) {
		watch := func(token string) *watcher {
			page := open(token)
			page.say(t, ask)
			return page
		}
		first := watch("test1")
		pages := []*watcher{first}
		// expect checks what every page was told last, once the list is due.
		expect := func(want string) {
			t.Helper()
			<-time.After(between)
			for i, page := range pages {
				lists := page.seen()
				if len(lists) == 0 {
					t.Errorf("page %d is not told: %s", i, want)
				} else if got := lists[len(lists)-1].text(); got != want {
					t.Errorf("page %d is told: %s, want %s", i, got, want)
				}
			}
		}
		expect("1 on node1: 2/1")

		second := watch("test10")
		if got := second.seen(); len(got) == 0 || got[0].text() != "1 on node1: 2/1" && got[0].text() != "2 on node1: 2/1 2/10" {
			t.Errorf("a new page is greeted with %v", got)
		}
		third := watch("test9")
		pages = append(pages, second, third)
		expect("3 on node1: 2/1 2/9 2/10")

		pages = append(pages, watch("test5:1"))
		expect("4 on node1: 1/5 2/1 2/9 2/10")

		again := watch("test1") // another page of somebody who is there
		pages = append(pages, again)
		expect("5 on node1: 1/5 2/1x2 2/9 2/10")

		again.conn.Close(client.StatusNormalClosure, "")
		pages = pages[:4]
		expect("4 on node1: 1/5 2/1 2/9 2/10")

		third.conn.CloseNow() // breaks off
		pages = slices.Delete(pages, 2, 3)
		expect("3 on node1: 1/5 2/1 2/10")

		<-time.After(20 * between) // less than the interval of pings
		for i, page := range pages {
			if lists := page.seen(); len(lists) > 0 {
				t.Errorf("page %d is told %v though nothing has changed", i, lists)
			}
		}
	})
}

// A page that does not ask is listed and told nothing: its client may not know
// what to do with it.
func TestOnlyWhoAsksIsTold(t *testing.T) {
	bubble(t, func(t *testing.T, open func(string) *watcher) {
		silent, asking := open("test1"), open("test2")
		asking.say(t, `{"type":"online-watch","content":"of no interest"}`)
		<-time.After(2 * between)
		if lists := asking.seen(); len(lists) == 0 || lists[len(lists)-1].text() != "2 on node1: 2/1 2/2" {
			t.Errorf("the page that asks is told %v", lists)
		}
		if lists := silent.seen(); len(lists) > 0 {
			t.Errorf("the page that does not ask is told %v", lists)
		}

		// It is told at once when it asks, again when it asks again, and the other
		// one not at all.
		for range 2 {
			silent.say(t, ask)
			if lists := silent.seen(); len(lists) != 1 || lists[0].text() != "2 on node1: 2/1 2/2" {
				t.Errorf("the page that asks now is told %v", lists)
			}
		}
		<-time.After(2 * between)
		if lists := asking.seen(); len(lists) > 0 {
			t.Errorf("the other page is told %v", lists)
		}

		open("test3").conn.CloseNow()
		<-time.After(2 * between)
		for name, page := range map[string]*watcher{"the first page": silent, "the other page": asking} {
			lists := page.seen()
			if n := len(lists); n == 0 || n > 2 || lists[n-1].text() != "2 on node1: 2/1 2/2" {
				t.Errorf("%s is told of a page that comes and goes: %v", name, lists)
			}
		}
	})
}

// However many come and go at once, a page is told once a second, of not more
// than 200 users.
func TestCrowd(t *testing.T) {
	bubble(t, func(t *testing.T, open func(string) *watcher) {
		first := open("test1:1")
		first.say(t, ask)
		<-time.After(5 * between)
		first.seen()

		const crowd = 250
		pages := make([]*watcher, crowd)
		for i := range pages {
			pages[i] = open("test" + strconv.Itoa(i+1))
			pages[i].say(t, ask)
			<-time.After(between / 100)
		}
		<-time.After(between)
		lists := first.seen()
		if n := len(lists); n == 0 || n > 4 { // in three and a half seconds
			t.Fatalf("a crowd that comes in two and a half seconds makes %d lists, want 1 to 4", n)
		}
		list := lists[len(lists)-1]
		if list.Total != crowd+1 || len(list.Users) != listed {
			t.Errorf("the list has %d of %d, want %d of %d", len(list.Users), list.Total, listed, crowd+1)
		}
		for i, user := range list.Users {
			if want := (onlineUser{"1", 1, 1}); i == 0 && user != want {
				t.Errorf("the first is %v, want %v", user, want)
			}
			if i > 0 && string(user.UserID) != strconv.Itoa(i) {
				t.Errorf("user %d is %v", i, user)
			}
		}

		for _, page := range pages {
			page.conn.CloseNow()
		}
		<-time.After(5 * between)
		lists = first.seen()
		if n := len(lists); n == 0 || n > 2 {
			t.Fatalf("a crowd that leaves at once makes %d lists, want 1 or 2", n)
		}
		if got := lists[len(lists)-1].text(); got != "1 on node1: 1/1" {
			t.Errorf("in the end the page is told: %s", got)
		}
	})
}
