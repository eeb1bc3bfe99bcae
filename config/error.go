package config

import (
	"errors"
	"fmt"
	"regexp"
)

// Error is one thing that is wrong in the configuration. Load joins several with
// errors.Join, one to a line; errors.As finds the first.
type Error struct {
	// Origin is where it was said: "app.yaml:3", "environment variable
	// WEBSOCKET_PATH", "flag --websocket.path", or "default" for what nobody said.
	Origin string
	// Key is the full key, such as "websocket.path". It is empty if the whole
	// file is meant or a variable that stands for no key. An unknown one ends
	// where it no longer looks like a key.
	Key string
	// Err says what is wrong, and names the key.
	Err error
}

// Error returns the origin and what is wrong, in one line and without secrets.
func (e *Error) Error() string { return e.Origin + ": " + e.Err.Error() }

// Unwrap returns what is wrong, such as fs.ErrNotExist for a missing file.
func (e *Error) Unwrap() error { return e.Err }

// problems gathers what is wrong, so that one run tells all of it.
type problems []error

func (p *problems) report(origin, key string, err error) {
	*p = append(*p, &Error{Origin: origin, Key: key, Err: err})
}

// reportUnknown reports a key that nobody knows, with the nearest of those that
// are.
func (p *problems) reportUnknown(origin, key string, known []string) {
	key, rest := cutName(key)
	p.report(origin, key, fmt.Errorf("unknown key %s%s%s", key, rest, didYouMean(key, known)))
}

// nameLike matches the part of a text that can be the name of a key or variable.
var nameLike = regexp.MustCompile(`^[\pL\pN_.<-]{0,80}`)

// cutName cuts off what is behind a name that somebody wrote, and returns what
// stands for it. It may be a secret, as in {password:hunter2}, or break the line.
func cutName(text string) (name, rest string) {
	name = nameLike.FindString(text)
	if name != text {
		rest = "…"
	}
	return name, rest
}

func (p problems) err() error { return errors.Join(p...) }
