package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/switchboard-go/switchboard/internal/brokers"
)

// Two chats on a real broker, as an operator runs them.
func TestCluster(t *testing.T) {
	binary := build(t)
	for _, link := range links {
		t.Run(string(link.kind), func(t *testing.T) {
			broker, err := brokers.Start(link.kind)
			if err != nil {
				t.Fatal(err)
			}
			defer broker.Close()
			args := link.args(broker.Address)
			site := openSite(t, execute(t, binary, args...), execute(t, binary, args...))
			t.Run("everything arrives", site.everythingArrives)
			t.Run("broker is away", func(t *testing.T) { site.brokerIsAway(t, broker) })
			t.Run("everything arrives again", site.everythingArrives)
			for _, chat := range []*process{site.here, site.there} {
				chat.signal(t, syscall.SIGTERM)
				if status := chat.exitStatus(t); status != exitOK {
					t.Errorf("a chat exited with %d: %s", status, chat.console)
				}
			}
		})
	}
}

// site is two nodes and the people on them. Everything is sent from here.
type site struct {
	here, there      *process
	alice, bob, bob2 *person // admins 1 and 2; bob is there, and here with another device
	carol, carol2    *person // member 3, there and here
	everyone         []*person
	writes           int
	writer           *person // member 4, here, who writes what is written; what comes to it is not looked at
}

func openSite(t *testing.T, here, there *process) *site {
	t.Helper()
	s := &site{here: here, there: there}
	here.becomes(t, http.StatusOK)
	there.becomes(t, http.StatusOK)
	s.alice = joins(t, here, "alice", "test1")
	s.bob, s.bob2 = joins(t, there, "bob", "test2"), joins(t, here, "bob2", "test2")
	s.carol, s.carol2 = joins(t, there, "carol", "test3:1"), joins(t, here, "carol2", "test3:1")
	s.everyone = []*person{s.alice, s.bob, s.bob2, s.carol, s.carol2}
	s.writer = joins(t, here, "the writer", "test4:1")
	for _, member := range []*person{s.bob, s.carol2} {
		write(t, member.conn, `{"type":"room-join","content":"\"lobby\""}`)
	}
	return s
}

// rpc pushes to whom fields name.
func (s *site) rpc(t *testing.T, fields, text string) {
	t.Helper()
	status, answer := post(t, s.here.url+rpcPath, `{`+fields+`,"messageType":"push","messageContent":`+quote(t, quote(t, text))+`}`)
	if status != http.StatusOK || answer != rpcDone {
		t.Fatalf("a push was answered %d %s", status, answer)
	}
}

// write has the writer send a message, and returns the errors that it is answered
// with. The message after it is answered when this one has been handled.
func (s *site) write(t *testing.T, to, text string) []string {
	t.Helper()
	s.writes++
	last := fmt.Sprintf("no such type %d", s.writes)
	write(t, s.writer.conn, `{"type":"demo-message-send","content":`+quote(t, fmt.Sprintf(`{"toUserId":%q,"text":%q}`, to, text))+`}`)
	write(t, s.writer.conn, `{"type":"`+last+`"}`)
	return s.writer.until(t, last, `"type":"error"`)
}

func (s *site) everythingArrives(t *testing.T) {
	admins, members := []*person{s.alice, s.bob, s.bob2}, []*person{s.carol, s.carol2}
	for _, way := range []struct {
		name      string
		receivers []*person
		send      func(text string)
	}{
		{"single chat", []*person{s.bob, s.bob2}, func(text string) { s.write(t, "2", text) }},
		{"group chat", admins, func(text string) { s.write(t, "", text) }},
		{"notice", admins, func(text string) {
			if status, answer := post(t, s.here.url+"notice/push", `{"title":`+quote(t, text)+`}`); status != http.StatusOK || answer != `{"sessions":2}`+"\n" {
				t.Errorf("a notice was answered %d %s", status, answer)
			}
		}},
		{"user", members, func(text string) { s.rpc(t, `"userType":1,"userId":3`, text) }},
		{"user type", members, func(text string) { s.rpc(t, `"userType":1`, text) }},
		{"key", []*person{s.bob, s.carol2}, func(text string) { s.rpc(t, `"key":"room/lobby"`, text) }},
	} {
		t.Run(way.name, func(t *testing.T) {
			// The broker may hear of a user or a key a moment after it came to a node,
			// or to a node that was away; until then messages to it pass that by.
			remote := way.receivers[slices.IndexFunc(way.receivers, func(p *person) bool { return p == s.bob || p == s.carol })]
			until(t, "a message arrives", func() bool {
				way.send("early " + way.name)
				return remote.got("early " + way.name)
			})
			const count = 10
			text := "a message by " + way.name
			for i := range count {
				way.send(fmt.Sprintf("%s, number %d.", text, i))
			}
			end := "the end of " + way.name
			s.rpc(t, `"userType":1`, end)
			s.rpc(t, `"userType":2`, end)
			for _, p := range s.everyone {
				got := p.until(t, end, text)
				want := 0
				if slices.Contains(way.receivers, p) {
					want = count
				}
				if len(got) != want {
					t.Errorf("%s got %d messages of %d: %q", p.name, len(got), want, got)
				}
				for i, frame := range got {
					if !strings.Contains(frame, fmt.Sprintf("number %d.", i)) {
						t.Errorf("message %d of %s is %s", i, p.name, frame)
					}
				}
			}
		})
	}
}

// Without its broker a node serves its own sessions, says that it is not ready,
// and tells whoever sends what did not happen.
func (s *site) brokerIsAway(t *testing.T, broker *brokers.Broker) {
	if err := broker.Stop(); err != nil {
		t.Fatal(err)
	}
	for _, chat := range []*process{s.here, s.there} {
		if body := chat.becomes(t, http.StatusServiceUnavailable); !strings.HasPrefix(body, `{"reason":"`) || !strings.HasSuffix(body, `","status":"not_ready"}`+"\n") {
			t.Errorf("/readyz is answered %s", body)
		}
	}
	status, answer := post(t, s.here.url+"notice/push", `{"title":"only here"}`)
	if status != http.StatusAccepted || !strings.HasPrefix(answer, `{"sessions":2,"warning":"message may not have reached other nodes`) {
		t.Errorf("a notice was answered %d %s", status, answer)
	}
	status, answer = post(t, s.here.url+rpcPath, `{"userType":2,"messageType":"push","messageContent":"\"only here, too\""}`)
	if status != http.StatusAccepted || !strings.HasPrefix(answer, `{"code":202,"data":null,"msg":"message may not have reached other nodes`) {
		t.Errorf("a push was answered %d %s", status, answer)
	}
	s.alice.until(t, "only here, too", "")
	if errors := s.write(t, "2", "only to the device here"); len(errors) != 1 || !strings.Contains(errors[0], `\"code\":\"partly_sent\"`) {
		t.Errorf("a message was answered %q", errors)
	}
	s.bob2.until(t, "only to the device here", "")
	if err := broker.Restart(); err != nil {
		t.Fatal(err)
	}
	s.here.becomes(t, http.StatusOK)
	s.there.becomes(t, http.StatusOK)
}

// A chat that needs its broker and does not reach it says so in one line and ends;
// one that does not need it serves its own people.
func TestBrokerIsAwayAtTheStart(t *testing.T) {
	binary := build(t)
	for _, link := range links {
		t.Run(string(link.kind), func(t *testing.T) {
			t.Parallel()
			args := link.args(freeAddress(t), link.secrets)
			t.Run("required", func(t *testing.T) {
				t.Parallel()
				p := launch(t, binary, args...)
				if status := p.exitStatus(t); status != exitFailed {
					t.Errorf("the chat exited with %d", status)
				}
				text := p.console.String()
				if strings.Count(text, "\n") != 1 || !strings.Contains(text, `msg="chat failed" error="open sender `+string(link.kind)+": ") || strings.Contains(text, "hunter2") {
					t.Errorf("the chat printed %s", text)
				}
			})
			t.Run("not required", func(t *testing.T) {
				t.Parallel()
				p := execute(t, binary, append(args, "--websocket.sender-required=false")...)
				body := p.becomes(t, http.StatusServiceUnavailable)
				alice := joins(t, p, "alice", "test1")
				write(t, alice.conn, `{"type":"demo-message-send","content":"{\"text\":\"to myself\",\"toUserId\":1}"}`)
				alice.until(t, "to myself", "")
				_, metrics := request(t, http.MethodGet, p.url+"metrics", "")
				if !strings.Contains(metrics, "\nswitchboard_ready 0\n") || !strings.Contains(metrics, "\nswitchboard_cluster_peers 0\n") {
					t.Errorf("the metrics are %s", metrics)
				}
				p.signal(t, syscall.SIGTERM)
				if status := p.exitStatus(t); status != exitOK {
					t.Errorf("the chat exited with %d", status)
				}
				if text := p.console.String() + body; strings.Contains(text, "hunter2") {
					t.Errorf("the password is in %s", text)
				}
			})
		})
	}
}
