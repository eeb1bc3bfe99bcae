package main

import (
	"encoding/json"
	"errors"
	"mime"
	"net/http"

	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/websocket"
)

// maxBody is the largest body of a push, in bytes.
const maxBody = 256 << 10

// rpcRequest is the body of yudao's WebSocketSenderApi, with a key besides.
type rpcRequest struct {
	SessionID      string              `json:"sessionId"`
	UserID         websocket.UserID    `json:"userId"`
	UserType       *websocket.UserType `json:"userType"`
	Key            string              `json:"key"`
	MessageType    string              `json:"messageType"`
	MessageContent string              `json:"messageContent"`
}

// rpcResult is yudao's CommonResult.
type rpcResult struct {
	Code int    `json:"code"`
	Data *bool  `json:"data"`
	Msg  string `json:"msg"`
}

// target returns whom the request is for, chosen as yudao chooses: a session,
// else a user, else a user type, within the caller's tenant where it has one; and
// else a key, such as room/NAME. It reports false where the request names nobody.
func (q rpcRequest) target(tenant string) (websocket.Target, bool) {
	switch {
	case q.SessionID != "":
		return websocket.ToSession(q.SessionID), true
	case q.UserType != nil && q.UserID != "":
		return websocket.ToUser(*q.UserType, string(q.UserID)), true
	case q.UserType != nil:
		return websocket.ToUserType(*q.UserType).InTenant(tenant), true
	case q.Key != "":
		return websocket.ToKey(q.Key).InTenant(tenant), true
	}
	return websocket.Target{}, false
}

// send is POST /rpc-api/infra/websocket/send. Like the original it answers
// true also where nobody is connected or named. 202 says that this node's sessions
// have the message and those of other nodes may not: to send it again could give
// it to somebody twice.
func (a *app) send(w http.ResponseWriter, r *http.Request) {
	var in rpcRequest
	status, err := readJSON(w, r, &in)
	if err == nil && (in.MessageType == "" || in.MessageContent == "") {
		status, err = http.StatusBadRequest, errors.New("messageType and messageContent must not be empty")
	}
	if err == nil {
		if target, ok := in.target(r.Header.Get("tenant-id")); ok {
			_, err = a.sender.Send(r.Context(), target, websocket.Message{Type: in.MessageType, Content: []byte(in.MessageContent)})
			status = statusOf(err)
		}
	}
	if err != nil {
		writeJSON(w, status, rpcResult{Code: status, Msg: err.Error()})
		return
	}
	done := true
	writeJSON(w, http.StatusOK, rpcResult{Data: &done})
}

// notice is the body of POST /notice/push and the content of notice-push.
type notice struct {
	Title   string `json:"title"`
	Content string `json:"content"`
}

// pushNotice is POST /notice/push: HTTP up, WebSocket down.
func (a *app) pushNotice(w http.ResponseWriter, r *http.Request) {
	var in notice
	status, err := readJSON(w, r, &in)
	if err == nil && in.Title == "" {
		status, err = http.StatusBadRequest, errors.New("title must not be empty")
	}
	var receipt sender.Receipt
	if err == nil {
		receipt, err = sender.SendJSON(r.Context(), a.sender, websocket.ToUserType(websocket.Admin), "notice-push", in)
		status = statusOf(err)
	}
	if isPartly(err) {
		writeJSON(w, status, pushed{receipt.Local, err.Error()})
		return
	}
	if err != nil {
		writeJSON(w, status, problem{status, "notice_not_sent", err.Error()})
		return
	}
	writeJSON(w, http.StatusOK, pushed{Sessions: receipt.Local})
}

// pushed is the answer to a notice: how many sessions of this node have it, and
// with 202 why those of other nodes may not.
type pushed struct {
	Sessions int    `json:"sessions"`
	Warning  string `json:"warning,omitempty"`
}

// problem is the body of an answer that is not a success.
type problem struct {
	Status  int    `json:"status"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// statusOf returns the HTTP status for an error of Send.
func statusOf(err error) int {
	switch {
	case err == nil:
		return http.StatusOK
	case isPartly(err):
		return http.StatusAccepted
	case errors.Is(err, websocket.ErrMessageTooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, websocket.ErrInvalidTarget):
		return http.StatusBadRequest
	}
	return http.StatusServiceUnavailable
}

// isPartly reports whether an error of Send is about other nodes only: the local
// sessions have the message.
func isPartly(err error) bool {
	return errors.Is(err, sender.ErrNotPublished) || errors.Is(err, sender.ErrBusy) || errors.Is(err, sender.ErrTooLarge)
}

// readJSON reads a request's body into v. On an error it returns the status to
// answer with.
func readJSON(w http.ResponseWriter, r *http.Request, v any) (int, error) {
	// A page of another site can post text here, but not JSON without asking first.
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return http.StatusUnsupportedMediaType, errors.New("the content type must be application/json")
	}
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(v)
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return http.StatusRequestEntityTooLarge, errors.New("the body is too large")
	}
	if err != nil {
		return http.StatusBadRequest, errors.New("the body is not the JSON object that is expected here")
	}
	return http.StatusOK, nil
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// A client that has left needs no answer.
	_ = json.NewEncoder(w).Encode(v)
}
