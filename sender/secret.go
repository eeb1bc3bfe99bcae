package sender

import (
	"fmt"
	"io"
	"log/slog"
)

// redacted is all that is ever shown of a Secret.
const redacted = "[redacted]"

// Secret is text that must not be seen: whatever prints, logs or marshals it
// shows "[redacted]" instead, whether it is empty or not. Keep it in exported
// fields, because fmt does not ask the unexported ones how to be printed.
type Secret string

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }

// String returns "[redacted]".
func (Secret) String() string { return redacted }

// GoString returns "[redacted]".
func (Secret) GoString() string { return redacted }

// Format prints "[redacted]" for every verb: those that do not fit a string,
// such as %d, would show it otherwise.
func (Secret) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, redacted) }

// LogValue returns "[redacted]".
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns "[redacted]", which JSON and YAML encoders use too.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
