package listener

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/switchboard-go/switchboard/websocket"
)

// decode returns content as a T. The error is a MessageError for the client.
func decode[T any](content []byte) (T, error) {
	var value T
	if len(content) == 0 {
		return value, nil
	}
	if raw, ok := any(&value).(*json.RawMessage); ok {
		*raw = content
		return value, nil
	}
	if err := json.Unmarshal(content, &value); err != nil {
		return value, &websocket.MessageError{Code: websocket.CodeInvalidContent, Detail: misfit(err), Err: err}
	}
	return value, nil
}

// misfit tells the client where its content does not fit: never with a Go type,
// and never with the content itself, because details are logged.
func misfit(err error) string {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Sprintf("content cannot be read as JSON (byte %d)", syntax.Offset)
	}
	if misfit, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		// "number 1.5" repeats the content, "number" does not.
		kind, _, _ := strings.Cut(misfit.Value, " ")
		if misfit.Field == "" {
			return fmt.Sprintf("%s does not fit (byte %d)", kind, misfit.Offset)
		}
		// The path to the field has the Go names of embedded structs in it; the
		// field's own name is always the one in JSON.
		field := misfit.Field[strings.LastIndexByte(misfit.Field, '.')+1:]
		return fmt.Sprintf("%s does not fit field %q (byte %d)", kind, field, misfit.Offset)
	}
	// A type's own UnmarshalJSON failed; its words are not for clients.
	return "content does not fit"
}
