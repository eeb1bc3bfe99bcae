package redis

import (
	"bytes"
	"errors"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// script is a connection on which a server has said something.
type script struct {
	net.Conn
	io.Reader
}

func (s script) Read(b []byte) (int, error)      { return s.Reader.Read(b) }
func (s script) SetReadDeadline(time.Time) error { return nil }

// all returns what comes until the end, which is not one of its errors.
func all(r io.Reader, dry func()) (got []push, err error) {
	p := newPushes(script{Reader: r}, dry)
	for {
		one, err := p.next()
		if errors.Is(err, io.EOF) {
			return got, nil
		}
		if err != nil {
			return got, err
		}
		got = append(got, one)
	}
}

func same(one, other push) bool {
	return one.kind == other.kind && one.channel == other.channel && bytes.Equal(one.payload, other.payload)
}

func bulkText(text string) string {
	return "$" + strconv.Itoa(len(text)) + "\r\n" + text + "\r\n"
}

func TestPushes(t *testing.T) {
	message := "*3\r\n" + bulkText("message") + bulkText("channel")
	tests := []struct {
		name, said string
		want       []push
		err        string
	}{
		{"a message", message + bulkText("packet"), []push{{kind: pushMessage, payload: []byte("packet")}}, ""},
		{"of a shard", "*3\r\n" + bulkText("smessage") + bulkText("c") + bulkText("packet"), []push{{kind: pushMessage, payload: []byte("packet")}}, ""},
		{"an empty one", message + bulkText(""), []push{{kind: pushMessage, payload: []byte{}}}, ""},
		{"with lines", message + bulkText("a\r\n$1\r\nb"), []push{{kind: pushMessage, payload: []byte("a\r\n$1\r\nb")}}, ""},
		{"the largest", message + bulkText(strings.Repeat("x", maxPayload)), []push{{kind: pushMessage, payload: bytes.Repeat([]byte("x"), maxPayload)}}, ""},
		{"too large", message + bulkText(strings.Repeat("x", maxPayload+1)) + message + bulkText("next"), []push{{kind: pushMessage, payload: []byte{}}, {kind: pushMessage, payload: []byte("next")}}, ""},
		{"subscribed", "*3\r\n" + bulkText("subscribe") + bulkText("channel") + ":1\r\n", []push{{kind: pushOn}}, ""},
		{"to a shard's", "*3\r\n" + bulkText("ssubscribe") + bulkText("channel") + ":1\r\n", []push{{kind: pushOn}}, ""},
		{"given up", "*3\r\n" + bulkText("unsubscribe") + bulkText("channel") + ":0\r\n", []push{{kind: pushOff, channel: "channel"}}, ""},
		{"a shard's", "*3\r\n" + bulkText("sunsubscribe") + bulkText("channel") + ":0\r\n", []push{{kind: pushOff, channel: "channel"}}, ""},
		{"a pong", "*2\r\n" + bulkText("pong") + bulkText(""), []push{{}}, ""},
		{"several", "*2\r\n" + bulkText("pong") + bulkText("") + message + bulkText("1") + message + bulkText("2"),
			[]push{{}, {kind: pushMessage, payload: []byte("1")}, {kind: pushMessage, payload: []byte("2")}}, ""},
		{"a refusal", "-NOPERM this user has no permissions\r\n", nil, "NOPERM this user has no permissions"},
		{"a refusal later", message + bulkText("1") + "-MOVED 1\r\n", []push{{kind: pushMessage, payload: []byte("1")}}, "MOVED 1"},
		{"another protocol", "HTTP/1.1 400 Bad Request\r\n", nil, errNotRESP.Error()},
		{"no carriage return", "*123\n", nil, errNotRESP.Error()},
		{"a negative size", "*3\r\n$-2\r\n", nil, errNotRESP.Error()},
		{"no text", message + "$-1\r\n", nil, errNotRESP.Error()},
		{"a huge size", message + "$99999999999\r\n", nil, errNotRESP.Error()},
		{"an endless line", strings.Repeat("*", 1<<20), nil, "buffer full"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for name, r := range map[string]io.Reader{"at once": strings.NewReader(test.said), "in halves": iotest.HalfReader(strings.NewReader(test.said))} {
				got, err := all(r, func() {})
				if !slices.EqualFunc(test.want, got, same) {
					t.Errorf("%s: got %.200v, want %.200v", name, got, test.want)
				}
				if (err != nil) != (test.err != "") || err != nil && !strings.Contains(err.Error(), test.err) {
					t.Errorf("%s: error %v, want %q", name, err, test.err)
				}
			}
		})
	}
}

// What has come must not wait until more does.
func TestPushesTellBeforeTheyWait(t *testing.T) {
	said := "*3\r\n" + bulkText("message") + bulkText("channel") + bulkText("packet")
	came, told := 0, 0
	p := newPushes(script{Reader: io.MultiReader(strings.NewReader(said+said+said[:9]), strings.NewReader(said[9:]))}, func() { told = came })
	for range 3 {
		if _, err := p.next(); err != nil {
			t.Fatal(err)
		}
		if came == 2 && told != 2 {
			t.Errorf("it was told of %d, want 2", told)
		}
		came++
	}
}

// Whatever a server says, reading it ends, and takes no more memory than a packet.
func FuzzPushes(f *testing.F) {
	for _, said := range []string{
		"*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$6\r\npacket\r\n",
		"*3\r\n$11\r\nunsubscribe\r\n$1\r\nc\r\n:0\r\n",
		"*2\r\n$4\r\npong\r\n$0\r\n\r\n",
		"-ERR\r\n",
		"*0\r\n",
	} {
		f.Add([]byte(said))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		got, _ := all(bytes.NewReader(said), func() {})
		size := 0
		for _, one := range got {
			size += len(one.payload) + len(one.channel)
		}
		if size > len(said) {
			t.Errorf("%d bytes came of %d", size, len(said))
		}
	})
}
