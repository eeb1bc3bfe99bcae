package witness

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	client "github.com/coder/websocket"
)

// ear is a node's WebSocket client, which notes what it hears.
type ear struct {
	conn    *client.Conn
	stop    context.CancelFunc
	hearing sync.WaitGroup
}

func listen(ctx context.Context, url string, p Place, j *Journal) (*ear, error) {
	conn, _, err := client.Dial(ctx, url, nil) //nolint:bodyclose // a WebSocket has none
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", p, err)
	}
	e := &ear{conn: conn}
	ctx, e.stop = context.WithCancel(context.Background())
	e.hearing.Go(func() {
		for {
			m, err := e.next(ctx)
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				j.Add(Entry{Kind: Closed, At: time.Now(), Place: p, Text: err.Error()})
				return
			}
			j.Add(Entry{Kind: Arrived, At: time.Now(), Place: p, Message: m})
		}
	})
	return e, nil
}

// next waits for the next message.
func (e *ear) next(ctx context.Context) (m Message, err error) {
	_, payload, err := e.conn.Read(ctx)
	if err != nil {
		return m, err
	}
	var frame struct {
		Content string `json:"content"`
	}
	if err := json.Unmarshal(payload, &frame); err != nil {
		return m, err
	}
	return m, json.Unmarshal([]byte(frame.Content), &m)
}

func (e *ear) close() {
	e.stop()
	_ = e.conn.CloseNow()
	e.hearing.Wait()
}
