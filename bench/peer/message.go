package peer

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/switchboard-go/switchboard/bench/stamp"
)

// Type is the type of all messages.
const Type = "bench"

// Envelope is what travels: the content is JSON in a string.
type Envelope struct {
	Type    string `json:"type"`
	Content string `json:"content"`
}

// Question is the content of what clients send.
type Question struct {
	ToUserID int64  `json:"toUserId"`
	Text     string `json:"text"`
}

// Answer is the content of what they get for it.
type Answer struct {
	UserID int64  `json:"userId"`
	Text   string `json:"text"`
}

// AnswerTo answers a question.
func AnswerTo(q Question) Answer { return Answer{UserID: q.ToUserID, Text: q.Text} }

// Reply decodes the envelope of a question and its content, and encodes the answer the same way, with encoding/json: what an
// application on a bare WebSocket library does.
func Reply(question []byte) ([]byte, error) {
	var in Envelope
	if err := json.Unmarshal(question, &in); err != nil {
		return nil, err
	}
	if in.Type != Type {
		return nil, fmt.Errorf("message of type %q", in.Type)
	}
	var q Question
	if err := json.Unmarshal([]byte(in.Content), &q); err != nil {
		return nil, err
	}
	content, err := json.Marshal(AnswerTo(q))
	if err != nil {
		return nil, err
	}
	return json.Marshal(Envelope{Type: in.Type, Content: string(content)})
}

// QuestionTemplate returns the envelope of a question of size bytes, with a blank stamp in its text.
func QuestionTemplate(size int) []byte {
	return Padded(`{"type":"bench","content":"{\"toUserId\":1024,\"text\":\"`, `\"}"}`, size)
}

// EnvelopeTemplate returns the envelope of a message of size bytes, with a blank stamp in its text.
func EnvelopeTemplate(size int) []byte {
	return Padded(`{"type":"bench","content":"{\"text\":\"`, `\"}"}`, size)
}

// Padded returns before, a blank stamp, padding and after: size bytes where that is enough.
func Padded(before, after string, size int) []byte {
	const words = " Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore."
	padding := max(size-len(before)-stamp.Size-len(after), 0)
	text := strings.Repeat(words, padding/len(words)+1)[:padding]
	return []byte(before + stamp.Blank + text + after)
}
