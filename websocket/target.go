package websocket

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// MaxNameLength is the longest session id, user id, key, tenant or message type
// in bytes. It keeps what a client can make the indexes hold bounded.
const MaxNameLength = 512

// ErrInvalidTarget is wrapped by the errors for targets that name nobody: the
// zero Target, an empty id or a name over MaxNameLength.
var ErrInvalidTarget = errors.New("invalid target")

// targetKind is what a Target addresses. The zero value addresses nothing.
type targetKind uint8

const (
	targetNone targetKind = iota
	targetSession
	targetUser
	targetUserType
	targetKey
	targetAll
)

// Target says whom a message is for. It is a comparable value, made by the To
// functions and narrowed by InTenant and Except; the zero Target is nobody.
type Target struct {
	kind     targetKind
	userType UserType
	name     string // session id, user id or key
	tenant   string
	except   string // session id
}

// ToSession addresses one session.
func ToSession(id string) Target { return Target{kind: targetSession, name: id} }

// ToUser addresses every session of a user.
func ToUser(t UserType, id string) Target {
	return Target{kind: targetUser, userType: t, name: id}
}

// ToUserType addresses every session of every user of a type.
func ToUserType(t UserType) Target { return Target{kind: targetUserType, userType: t} }

// ToKey addresses every session that is bound to key.
func ToKey(key string) Target { return Target{kind: targetKey, name: key} }

// ToAll addresses every session.
func ToAll() Target { return Target{kind: targetAll} }

// InTenant narrows t to the sessions whose user acts in tenant. The empty
// tenant does not narrow.
func (t Target) InTenant(tenant string) Target {
	t.tenant = tenant
	return t
}

// Except leaves one session out, for example the one that the message came
// from. The empty id leaves nobody out.
func (t Target) Except(sessionID string) Target {
	t.except = sessionID
	return t
}

// SessionID returns the id of the session that t addresses; false where it
// addresses no single one.
func (t Target) SessionID() (string, bool) { return t.name, t.kind == targetSession }

// Address returns the user or the key that t addresses, without its filters;
// false where it addresses neither. It is what SessionManager.Watch reports.
func (t Target) Address() (Target, bool) {
	return Target{kind: t.kind, userType: t.userType, name: t.name}, t.kind == targetUser || t.kind == targetKey
}

// Validate returns an error that wraps ErrInvalidTarget where t can address
// nobody: it is the zero Target, lacks its id or key, or has a name over
// MaxNameLength.
func (t Target) Validate() error {
	switch t.kind {
	case targetNone:
		return fmt.Errorf("%w: it addresses nobody", ErrInvalidTarget)
	case targetSession, targetUser, targetKey:
		if t.name == "" {
			return fmt.Errorf("%w: %s has no id", ErrInvalidTarget, t)
		}
	}
	if max(len(t.name), len(t.tenant), len(t.except)) > MaxNameLength {
		return fmt.Errorf("%w: a name is longer than %d bytes", ErrInvalidTarget, MaxNameLength)
	}
	return nil
}

// String returns the text form, which ParseTarget reads:
//
//	session/ID   user/TYPE/ID   type/TYPE   key/KEY   all
//
// each followed by ?tenant=T and ?except=ID (joined by &) where set. Names are
// escaped as in a URL's path and query. The zero Target is the empty string.
func (t Target) String() string {
	b := make([]byte, 0, 128) // on the stack, for most
	switch t.kind {
	case targetNone:
		return ""
	case targetSession:
		b = append(append(b, "session/"...), url.PathEscape(t.name)...)
	case targetUser:
		b = append(strconv.AppendInt(append(b, "user/"...), int64(t.userType), 10), '/')
		b = append(b, url.PathEscape(t.name)...)
	case targetUserType:
		b = strconv.AppendInt(append(b, "type/"...), int64(t.userType), 10)
	case targetKey:
		b = append(append(b, "key/"...), url.PathEscape(t.name)...)
	case targetAll:
		b = append(b, "all"...)
	}
	separator := byte('?')
	if t.tenant != "" {
		b = append(append(append(b, separator), "tenant="...), url.QueryEscape(t.tenant)...)
		separator = '&'
	}
	if t.except != "" {
		b = append(append(append(b, separator), "except="...), url.QueryEscape(t.except)...)
	}
	return string(b)
}

// ParseTarget reads the text form that String writes. The error wraps
// ErrInvalidTarget; a Target that parses is valid.
func ParseTarget(text string) (Target, error) {
	t, err := parseTarget(text)
	if err == nil {
		err = t.Validate()
	}
	if err != nil {
		if !errors.Is(err, ErrInvalidTarget) {
			err = fmt.Errorf("%w: %w", ErrInvalidTarget, err)
		}
		return Target{}, err
	}
	return t, nil
}

func parseTarget(text string) (t Target, err error) {
	path, query, _ := strings.Cut(text, "?")
	kind, rest, _ := strings.Cut(path, "/")
	switch kind {
	case "session":
		t.kind = targetSession
		t.name, err = url.PathUnescape(rest)
	case "user":
		number, id, _ := strings.Cut(rest, "/")
		t.kind = targetUser
		if t.userType, err = parseUserType(number); err == nil {
			t.name, err = url.PathUnescape(id)
		}
	case "type":
		t.kind = targetUserType
		t.userType, err = parseUserType(rest)
	case "key":
		t.kind = targetKey
		t.name, err = url.PathUnescape(rest)
	case "all":
		t.kind = targetAll
		if path != kind {
			err = errors.New("text after all")
		}
	default:
		err = fmt.Errorf("unknown kind %q", kind)
	}
	if err != nil || query == "" {
		return t, err
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return t, err
	}
	for name := range values {
		switch name {
		case "tenant":
			t.tenant = values.Get(name)
		case "except":
			t.except = values.Get(name)
		default:
			return t, fmt.Errorf("unknown filter %q", name)
		}
	}
	return t, nil
}

func parseUserType(text string) (UserType, error) {
	n, err := strconv.Atoi(text)
	return UserType(n), err
}
