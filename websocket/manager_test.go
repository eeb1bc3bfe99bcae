package websocket_test

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	client "github.com/coder/websocket"
	"github.com/switchboard-go/switchboard/websocket"
)

// typedUser is userFromQuery with a user type: ?user=ID&type=N&tenant=T.
func typedUser(r *http.Request) (websocket.LoginUser, error) {
	user, err := userFromQuery(r)
	if n, bad := strconv.Atoi(r.URL.Query().Get("type")); bad == nil {
		user.Type = websocket.UserType(n)
	}
	return user, err
}

// until reads the types of the messages that a client gets, up to "end".
func until(t testing.TB, conn *client.Conn, end string) (types []string) {
	t.Helper()
	for {
		got := strings.SplitN(read(t, conn), `"`, 5)[3]
		if got == end {
			return types
		}
		types = append(types, got)
	}
}

func deliver(t testing.TB, m *websocket.SessionManager, target websocket.Target, messageType string) int {
	t.Helper()
	n, err := m.Deliver(target, websocket.Message{Type: messageType})
	if err != nil {
		t.Fatalf("deliver to %s: %v", target, err)
	}
	return n
}

func TestTargets(t *testing.T) {
	n := serve(t, websocket.Options{Authenticator: typedUser})
	type member struct {
		userType websocket.UserType
		user     string
		tenant   string
		keys     []string
		session  *websocket.Session
		conn     *client.Conn
		want     []string
	}
	members := []*member{
		{userType: 1, user: "1", tenant: "t1"},
		{userType: 1, user: "1", tenant: "t2", keys: []string{"room"}},
		{userType: 2, user: "1", tenant: "t1", keys: []string{"room", "hall"}},
		{userType: 2, user: "2", tenant: "t1"},
		{userType: 2, user: "2"},
		{userType: 3, user: "3", keys: []string{"hall"}},
	}
	known := make(map[*websocket.Session]bool)
	for _, m := range members {
		m.conn = n.connect(t, fmt.Sprintf("%s&type=%d&tenant=%s", m.user, m.userType, m.tenant))
		for s := range n.manager.Sessions(websocket.ToUser(m.userType, m.user)) {
			if !known[s] {
				m.session = s
			}
		}
		known[m.session] = true
		for _, key := range m.keys {
			if err := m.session.Bind(key); err != nil {
				t.Fatal(err)
			}
		}
	}
	targets := map[websocket.Target]func(*member) bool{
		websocket.ToAll():                               func(*member) bool { return true },
		websocket.ToUserType(2):                         func(m *member) bool { return m.userType == 2 },
		websocket.ToUserType(9):                         func(*member) bool { return false },
		websocket.ToUser(1, "1"):                        func(m *member) bool { return m.userType == 1 && m.user == "1" },
		websocket.ToUser(2, "2"):                        func(m *member) bool { return m.userType == 2 && m.user == "2" },
		websocket.ToUser(3, "1"):                        func(*member) bool { return false },
		websocket.ToKey("room"):                         func(m *member) bool { return slices.Contains(m.keys, "room") },
		websocket.ToKey("1"):                            func(*member) bool { return false },
		websocket.ToSession("node1-none"):               func(*member) bool { return false },
		websocket.ToSession(members[2].session.ID()):    func(m *member) bool { return m == members[2] },
		websocket.ToSession(members[4].session.ID()):    func(m *member) bool { return m == members[4] },
		websocket.ToUser(1, members[0].session.ID()):    func(*member) bool { return false },
		websocket.ToSession(members[0].user + "-" + ""): func(*member) bool { return false },
	}
	number := 0
	for base, isMember := range targets {
		for _, tenant := range []string{"", "t1", "t2", "t9"} {
			for _, except := range []*member{nil, members[2], members[4]} {
				target := base.InTenant(tenant)
				if except != nil {
					target = target.Except(except.session.ID())
				}
				number++
				messageType, want := fmt.Sprint("m", number), 0
				for _, m := range members {
					if isMember(m) && (tenant == "" || tenant == m.tenant) && m != except {
						m.want = append(m.want, messageType)
						want++
					}
				}
				if got := n.manager.Count(target); got != want {
					t.Errorf("%s counts %d, want %d", target, got, want)
				}
				if got := deliver(t, n.manager, target, messageType); got != want {
					t.Errorf("%s was delivered to %d, want %d", target, got, want)
				}
			}
		}
	}
	deliver(t, n.manager, websocket.ToAll(), "end")
	for i, m := range members {
		if got := until(t, m.conn, "end"); !slices.Equal(got, m.want) {
			t.Errorf("session %d got %v, want %v", i, got, m.want)
		}
		if n.manager.Session(m.session.ID()) != m.session {
			t.Errorf("session %d is not found by its id", i)
		}
	}
	if n.manager.Session("") != nil || n.manager.Session("node1-none") != nil {
		t.Error("a session was found by an id of none")
	}
	if got := n.manager.CountByType(); len(got) != 3 || got[1] != 2 || got[2] != 3 || got[3] != 1 {
		t.Errorf("sessions by type are %v", got)
	}
}

func TestDeliverErrors(t *testing.T) {
	limits := websocket.DefaultLimits()
	limits.OutboxBytes = 1000
	bad := errors.New("no such type")
	p := &probeProtocol{Protocol: websocket.JSON}
	p.encode = func(s *websocket.Session, m websocket.Message) ([]byte, error) {
		switch m.Type {
		case "bad":
			return nil, bad
		case "nobody":
			return nil, nil
		}
		return append([]byte(m.Type), m.Content...), nil
	}
	n := serve(t, websocket.Options{Limits: limits, Protocols: []websocket.Protocol{p}})
	a, b := n.connect(t, "1"), n.connect(t, "2")
	for _, test := range []struct {
		name   string
		target websocket.Target
		m      websocket.Message
		taken  int
		err    error
	}{
		{"nobody is addressed", websocket.Target{}, websocket.Message{Type: "x"}, 0, websocket.ErrInvalidTarget},
		{"user without id", websocket.ToUser(1, ""), websocket.Message{Type: "x"}, 0, websocket.ErrInvalidTarget},
		{"too large", websocket.ToAll(), websocket.Message{Content: make([]byte, 1001)}, 0, websocket.ErrMessageTooLarge},
		{"not encodable", websocket.ToAll(), websocket.Message{Type: "bad"}, 0, bad},
		{"for none of the sessions", websocket.ToAll(), websocket.Message{Type: "nobody"}, 0, nil},
		{"to nobody there", websocket.ToUser(1, "9"), websocket.Message{Type: "bad"}, 0, nil},
		{"fine", websocket.ToAll(), websocket.Message{Type: "fine"}, 2, nil},
	} {
		taken, err := n.manager.Deliver(test.target, test.m)
		if taken != test.taken || !errors.Is(err, test.err) {
			t.Errorf("%s: delivered to %d with error %v, want %d and %v", test.name, taken, err, test.taken, test.err)
		}
	}
	for _, conn := range []*client.Conn{a, b} {
		if got := read(t, conn); got != "fine" {
			t.Errorf("a client got %q", got)
		}
	}
	if got := n.Stats().Dropped; got != 0 {
		t.Errorf("%d messages count as dropped by a full outbox", got)
	}
}

func TestSessionIDs(t *testing.T) {
	n := serve(t, websocket.Options{})
	form := regexp.MustCompile(`^node1-[a-z2-7]{26}$`)
	for range 20 {
		n.connect(t, "1")
	}
	seen := make(map[string]bool)
	for s := range n.manager.Sessions(websocket.ToAll()) {
		seen[s.ID()] = true
		if !form.MatchString(s.ID()) || websocket.NodeOf(s.ID()) != "node1" {
			t.Errorf("session id %q", s.ID())
		}
	}
	if len(seen) != 20 {
		t.Errorf("20 sessions have %d ids", len(seen))
	}
}
