package websocket

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// JSON is the default protocol, yudao's: text frames {"type":"…","content":"…"}
// with the content as JSON in a string. On the way in an inline JSON value is
// accepted as content too; unknown fields are ignored, and of a field that
// stands twice the last one counts. The text ping is answered with pong, at
// once and on the connection itself; an empty frame is ignored.
var JSON Protocol = jsonProtocol{}

type jsonProtocol struct{}

func (jsonProtocol) Subprotocol() string          { return "switchboard.json" }
func (jsonProtocol) Open(s *Session) Conversation { return jsonConversation{s} }
func (jsonProtocol) Shared() bool                 { return true }

type jsonConversation struct{ session *Session }

var pong = []byte("pong")

func (c jsonConversation) Receive(payload []byte) (Message, bool, error) {
	switch string(payload) {
	case "":
		return Message{}, false, nil
	case "ping":
		// A refusal means that the session is ending, which needs no report here.
		_ = c.session.WriteText(pong)
		return Message{}, false, nil
	}
	if m, ok := readPlain(payload); ok {
		return m, true, nil
	}
	return readAny(payload)
}

// readAny reads a frame with encoding/json.
func readAny(payload []byte) (Message, bool, error) {
	var in *struct { // nil where the payload is null
		Type    string          `json:"type"`
		Content json.RawMessage `json:"content"`
	}
	if err := json.Unmarshal(payload, &in); err != nil || in == nil {
		return Message{}, false, &MessageError{Code: CodeInvalidMessage, Detail: "the frame is not a JSON object with a type and a content", Err: err}
	}
	if len(in.Type) > MaxNameLength {
		return Message{}, false, &MessageError{Code: CodeInvalidMessage, Detail: "the type is too long"}
	}
	m := Message{Type: in.Type, Content: in.Content}
	switch {
	case len(in.Content) == 0 || string(in.Content) == "null":
		m.Content = nil
	case in.Content[0] == '"':
		var text string
		if err := json.Unmarshal(in.Content, &text); err != nil {
			return Message{}, false, &MessageError{Code: CodeInvalidMessage, Err: err}
		}
		m.Content = []byte(text)
	}
	return m, true, nil
}

// readPlain reads a frame in the form that programs write, in a tenth of the
// time: {"type":"…","content":"…"} without spaces, the type without escapes and
// the content without \u escapes, in UTF-8. It reports false for any other, which
// may well be valid, and leaves that as it is. The content is part of payload.
func readPlain(payload []byte) (Message, bool) {
	rest, ok := bytes.CutPrefix(payload, []byte(`{"type":"`))
	if !ok {
		return Message{}, false
	}
	end, escaped := plainString(rest)
	if end < 0 || escaped || end > MaxNameLength || !utf8.Valid(payload) {
		return Message{}, false
	}
	name := rest[:end]
	content, ok := bytes.CutPrefix(rest[end:], []byte(`","content":"`))
	if !ok {
		return Message{}, false
	}
	end, escaped = plainString(content)
	if end < 0 || string(content[end:]) != `"}` {
		return Message{}, false
	}
	content = content[:end:end]
	if escaped {
		content = unescape(content)
	}
	return Message{Type: string(name), Content: content}, true
}

// plainString returns the length of the JSON string that text continues, up to
// its closing quote, and whether there are escapes in it; -1 where it is not
// closed, has a \u escape or is not valid.
func plainString(text []byte) (length int, escaped bool) {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return i, escaped
		case c == '\\':
			i++
			if i == len(text) || unescaped[text[i]] == 0 {
				return -1, false
			}
			escaped = true
		case c < ' ':
			return -1, false
		}
	}
	return -1, false
}

// unescape undoes the escapes of a JSON string that plainString has read, in place.
func unescape(text []byte) []byte {
	to := bytes.IndexByte(text, '\\')
	for i := to; i < len(text); i++ {
		c := text[i]
		if c == '\\' {
			i++
			c = unescaped[text[i]]
		}
		text[to] = c
		to++
	}
	return text[:to]
}

// unescaped are the characters that short escapes stand for (RFC 8259, section 7).
var unescaped = [256]byte{
	'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t',
}

func (jsonConversation) AppendEncode(b []byte, m Message) ([]byte, error) {
	b = append(b, `{"type":`...)
	b = appendString(b, []byte(m.Type))
	b = append(b, `,"content":`...)
	b = appendString(b, m.Content)
	return append(b, '}'), nil
}

// appendString appends text as a JSON string (RFC 8259, section 7). Unlike
// encoding/json it leaves <, > and & alone: the content is mostly JSON, a frame
// is never part of a page, and each escape would cost five bytes for every client.
func appendString(b, text []byte) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	start := 0
	for i := 0; i < len(text); {
		c := text[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			if r, size := utf8.DecodeRune(text[i:]); r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
		}
		b = append(b, text[start:i]...)
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, `\n`...)
		case c < ' ':
			b = append(b, `\u00`...)
			b = append(b, hex[c>>4], hex[c&15])
		default:
			// A text frame must be UTF-8, so a stray byte becomes U+FFFD.
			b = append(b, `\ufffd`...)
		}
		i++
		start = i
	}
	b = append(b, text[start:]...)
	return append(b, '"')
}
