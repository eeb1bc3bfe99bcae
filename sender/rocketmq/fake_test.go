package rocketmq

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
)

// fake is a name server and a broker for what the real ones do rarely. It has
// one queue.
type fake struct {
	t    *testing.T
	addr string
	// answer, where it is not nil, answers a request; nil leaves it to the fake.
	answer func(r asked) *reply

	mu  sync.Mutex
	all []asked
}

// asked is a request.
type asked struct {
	Code   int               `json:"code"`
	ID     int32             `json:"opaque"`
	Fields map[string]string `json:"extFields"`
	body   []byte
}

// reply is an answer, or silence.
type reply struct {
	code   int
	remark string
	fields map[string]string
	body   []byte
	silent bool
}

func startFake(t *testing.T, answer func(asked) *reply) *fake {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{t: t, addr: listener.Addr().String(), answer: answer}
	var serving sync.WaitGroup
	var mu sync.Mutex
	var connections []net.Conn
	serving.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			connections = append(connections, c)
			mu.Unlock()
			serving.Go(func() { f.serve(c) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		mu.Lock()
		for _, c := range connections {
			c.Close()
		}
		mu.Unlock()
		serving.Wait()
	})
	return f
}

func (f *fake) serve(c net.Conn) {
	in := bufio.NewReader(c)
	for {
		var head [8]byte
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return
		}
		frame := make([]byte, binary.BigEndian.Uint32(head[:])-4)
		if _, err := io.ReadFull(in, frame); err != nil {
			return
		}
		header := binary.BigEndian.Uint32(head[4:])
		r := asked{body: frame[header:]}
		if err := json.Unmarshal(frame[:header], &r); err != nil {
			f.t.Errorf("request %q: %v", frame[:header], err)
			return
		}
		f.mu.Lock()
		f.all = append(f.all, r)
		f.mu.Unlock()
		var answer *reply
		if f.answer != nil {
			answer = f.answer(r)
		}
		if answer == nil {
			answer = f.usual(r)
		}
		if !answer.silent {
			// What a broker asks its clients comes in between, in either format.
			_, _ = c.Write([]byte{0, 0, 0, 8, 1, 0, 0, 4, 1, 2, 3, 4})
			_, _ = c.Write(command(map[string]any{"code": 40, "opaque": r.ID, "flag": 0}, nil))
			_, _ = c.Write(command(map[string]any{"code": answer.code, "opaque": r.ID, "flag": 1, "remark": answer.remark, "extFields": answer.fields}, answer.body))
		}
	}
}

// usual is what a broker without messages answers.
func (f *fake) usual(r asked) *reply {
	switch r.Code {
	case codeRoute:
		return &reply{body: fmt.Appendf(nil, `{"brokerDatas":[{"brokerAddrs":{0:%q},"brokerName":"b"}],"queueDatas":[{"brokerName":"b","perm":6,"readQueueNums":1,"writeQueueNums":1}]}`, f.addr)}
	case codeSendBatch:
		return &reply{fields: map[string]string{"queueOffset": "7"}}
	case codeMaxOffset:
		return &reply{fields: map[string]string{"offset": "8"}}
	}
	return &reply{silent: true} // a pull that waits
}

// requests returns those with a code, so far.
func (f *fake) requests(code int) (found []asked) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.all {
		if r.Code == code {
			found = append(found, r)
		}
	}
	return found
}

// config returns a configuration for the fake.
func (f *fake) config() Config {
	c := Defaults()
	c.NameServers = []string{f.addr}
	return c
}

func command(header map[string]any, body []byte) []byte {
	text, err := json.Marshal(header)
	if err != nil {
		panic(err)
	}
	frame := binary.BigEndian.AppendUint32(nil, uint32(4+len(text)+len(body)))
	frame = binary.BigEndian.AppendUint32(frame, uint32(len(text)))
	return append(append(frame, text...), body...)
}

// stored returns a message as a pull brings it.
func stored(offset int64, body []byte) []byte {
	var b []byte
	u32 := func(n int) { b = binary.BigEndian.AppendUint32(b, uint32(n)) }
	u64 := func(n int64) { b = binary.BigEndian.AppendUint64(b, uint64(n)) }
	const topic = "app-websocket"
	u32(4*9 + 8*6 + 4 + len(body) + 1 + len(topic) + 2)
	u32(0)
	u32(0)
	u32(0) // queue
	u32(0)
	u64(offset)
	u64(0)
	u32(0)
	u64(0)
	u64(0)
	u64(0)
	u64(0)
	u32(0)
	u64(0)
	u32(len(body))
	b = append(b, body...)
	b = append(b, byte(len(topic)))
	b = append(b, topic...)
	return append(b, 0, 0)
}

func TestStoredIsWhatTheClientReads(t *testing.T) {
	messages, err := decode(append(stored(5, []byte("one")), stored(6, []byte("two"))...))
	if err != nil || len(messages) != 2 || messages[1].QueueOffset != 6 || string(messages[1].Body) != "two" {
		t.Fatalf("got %v, %v", messages, err)
	}
}

// What is compressed is not inflated: it could become anything.
func TestCompressedStaysSo(t *testing.T) {
	var small bytes.Buffer
	z := zlib.NewWriter(&small)
	_, _ = z.Write(make([]byte, 1<<20))
	_ = z.Close()
	message := stored(5, small.Bytes())
	message[39] |= 1
	messages, err := decode(message)
	if err != nil || len(messages) != 1 || !bytes.Equal(messages[0].Body, small.Bytes()) {
		t.Fatalf("%d bytes became %v, %v", small.Len(), messages, err)
	}
}

func startBroker(t *testing.T, c Config) *Broker {
	t.Helper()
	b, err := New(c, "n1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// Every request carries the signature; the one that is expected was made by
// Python's hmac of the fields' values by their names, and the body.
func TestSignature(t *testing.T) {
	c := Defaults()
	c.AccessKey, c.SecretKey = "app", "hunter2"
	fields := map[string]string{"topic": "chat", "queueId": "3"}
	r := request{fields: fields, body: []byte("body")}
	c.sign(&r)
	if got := r.fields["Signature"]; got != "sjLA8OSZ8iI+PZiUyfNj2DZspDs=" || r.fields["AccessKey"] != "app" || len(fields) != 2 {
		t.Errorf("signed with %q: %v", got, r.fields)
	}

	f := startFake(t, nil)
	c.NameServers = []string{f.addr}
	b := startBroker(t, c)
	if err := b.Subscribe(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.all {
		if text, err := base64.StdEncoding.DecodeString(r.Fields["Signature"]); err != nil || len(text) != 20 {
			t.Errorf("request %d has the signature %q", r.Code, r.Fields["Signature"])
		}
		if strings.Contains(fmt.Sprint(r.Fields), "hunter2") {
			t.Errorf("request %d shows the secret", r.Code)
		}
	}
}
