package rocketmq

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/switchboard-go/switchboard/internal/driver"
)

const (
	// dialTimeout bounds one try to reach a server.
	dialTimeout = 2 * time.Second
	// requestTimeout bounds a request and its answer, beside the caller's context,
	// and the beginning of TLS.
	requestTimeout = 3 * time.Second
	// maxFrame is far more than a server sends: a pull brings one message, which
	// has 4 MiB, or several that have 256 KiB.
	maxFrame = 64 << 20
)

// The codes of requests.
const (
	codePull         = 11
	codeCreateTopic  = 17
	codeSearchOffset = 29
	codeMaxOffset    = 30
	codeRoute        = 105
	codeClusterInfo  = 106
	codeSendBatch    = 320
)

// The codes of answers.
const (
	codeSuccess           = 0
	codeFlushDiskTimeout  = 10
	codeSlaveNotAvailable = 11
	codeFlushSlaveTimeout = 12
	codeTopicNotExist     = 17
	codePullNotFound      = 19
	codePullAgain         = 20
	codePullOffsetMoved   = 21
)

// request is what RocketMQ calls a remoting command.
type request struct {
	code   int
	fields map[string]string
	body   []byte
}

// answer is the command that answers a request.
type answer struct {
	Code   int               `json:"code"`
	Flag   int               `json:"flag"`
	ID     int32             `json:"opaque"`
	Remark string            `json:"remark"`
	Fields map[string]string `json:"extFields"`
	body   []byte
}

// refusal is the error of an answer that is not the one that was wanted.
type refusal struct {
	code   int
	remark string
}

func (r *refusal) Error() string { return fmt.Sprintf("refused with code %d: %s", r.code, r.remark) }

func (a *answer) refusal() error {
	// Remarks can be whole stack traces, and advertise a web page.
	remark, _, _ := strings.Cut(a.Remark, "\n")
	if len(remark) > 200 {
		remark = remark[:200] + "…"
	}
	return &refusal{a.Code, remark}
}

// integer returns a field that must be there.
func (a *answer) integer(field string) (n int64, err error) {
	if _, err := fmt.Sscan(a.Fields[field], &n); err != nil {
		return 0, fmt.Errorf("the answer's %s is %.40q", field, a.Fields[field])
	}
	return n, nil
}

// client is what asks servers.
type client struct {
	Config
	encryption *tls.Config // nil: none
}

// conn is a connection to a name server or a broker, used by one goroutine at a
// time.
type conn struct {
	net.Conn
	link   net.Conn // what Conn is made of, where it is encrypted
	in     *bufio.Reader
	client *client
	lastID int32
}

// dial connects to a server.
func (c *client) dial(ctx context.Context, addr string) (*conn, error) {
	dialer := net.Dialer{Timeout: dialTimeout}
	link, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	connection := link
	if c.encryption != nil {
		ctx, cancel := context.WithTimeout(ctx, requestTimeout)
		defer cancel()
		if connection, err = driver.Encrypt(ctx, link, c.encryption, addr); err != nil {
			return nil, err
		}
	}
	return &conn{Conn: connection, link: link, in: bufio.NewReaderSize(connection, 64<<10), client: c}, nil
}

// Close implements net.Conn. It leaves out the goodbye of TLS, which would wait
// where the network takes nothing.
func (c *conn) Close() error { return c.link.Close() }

// call sends a request and waits for its answer. After an error the connection
// is of no use any more. When ctx ends it is closed.
func (c *conn) call(ctx context.Context, r request) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer stop()
	c.lastID++
	a, err := c.exchange(c.lastID, r)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		err = fmt.Errorf("no answer from %s: %w", c.RemoteAddr(), context.Cause(ctx))
	case errors.Is(err, io.EOF) && c.lastID == 1 && c.client.encryption == nil:
		err = fmt.Errorf("%w: the server hung up, as it does where it wants TLS and is not given it", err)
	}
	return a, err
}

func (c *conn) exchange(id int32, r request) (*answer, error) {
	if err := c.SetReadDeadline(time.Now().Add(requestTimeout)); err != nil {
		return nil, err
	}
	if err := c.send(id, r); err != nil {
		return nil, err
	}
	for {
		a, err := c.read()
		if err != nil || a.ID == id && a.Flag&1 != 0 {
			return a, err
		}
	}
}

// send writes a request. Its answer will carry id.
func (c *conn) send(id int32, r request) error {
	if c.client.AccessKey != "" {
		c.client.sign(&r)
	}
	header, err := json.Marshal(map[string]any{
		"code": r.code, "language": "GO", "version": 0, "opaque": id, "flag": 0, "extFields": r.fields,
	})
	if err != nil {
		return err
	}
	head := binary.BigEndian.AppendUint32(nil, uint32(4+len(header)+len(r.body)))
	head = binary.BigEndian.AppendUint32(head, uint32(len(header))) // its first byte is 0, for JSON
	if err := c.SetWriteDeadline(time.Now().Add(requestTimeout)); err != nil {
		return err
	}
	frame := net.Buffers{append(head, header...), r.body}
	_, err = frame.WriteTo(c.Conn)
	return err
}

// sign adds the signature that the broker's access control wants.
func (c *Config) sign(r *request) {
	fields := maps.Clone(r.fields)
	fields["AccessKey"] = c.AccessKey
	mac := hmac.New(sha1.New, []byte(c.SecretKey.Reveal()))
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		_, _ = io.WriteString(mac, fields[field])
	}
	_, _ = mac.Write(r.body)
	fields["Signature"] = base64.StdEncoding.EncodeToString(mac.Sum(nil))
	r.fields = fields
}

// await waits for the next command for as long as d, and then reads it within
// requestTimeout. After os.ErrDeadlineExceeded, and no other error, it can be
// called again.
func (c *conn) await(d time.Duration) (*answer, error) {
	if err := c.SetReadDeadline(time.Now().Add(d)); err != nil {
		return nil, err
	}
	if _, err := c.in.Peek(4); err != nil {
		return nil, err
	}
	if err := c.SetReadDeadline(time.Now().Add(requestTimeout)); err != nil {
		return nil, err
	}
	a, err := c.read()
	if err != nil {
		return nil, fmt.Errorf("within a command: %v", err) //nolint:errorlint // it is no deadline after which to go on
	}
	return a, nil
}

// read reads a command, which is an answer, or a request that the broker has for
// its clients.
func (c *conn) read() (*answer, error) {
	var head [8]byte
	if _, err := io.ReadFull(c.in, head[:]); err != nil {
		return nil, err
	}
	size, header := binary.BigEndian.Uint32(head[:]), binary.BigEndian.Uint32(head[4:])
	format := header >> 24
	header &= 1<<24 - 1
	if size < 4 || size > maxFrame || header > size-4 {
		return nil, fmt.Errorf("a command of %d bytes with a header of %d", size, header)
	}
	frame := make([]byte, size-4)
	if _, err := io.ReadFull(c.in, frame); err != nil {
		return nil, err
	}
	if format != 0 {
		return new(answer), nil // a request in the binary format: an answer has that of its request
	}
	a := &answer{body: frame[header:]}
	if err := json.Unmarshal(frame[:header], a); err != nil {
		return nil, errors.New("a command whose header is not what it should be")
	}
	return a, nil
}
