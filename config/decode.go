package config

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/go-viper/mapstructure/v2"
)

// Every layer hands over text, lists of text or maps to text, so that a value
// means the same wherever it is written. mapstructure's own conversions
// (WeaklyTypedInput) stay off: they take an empty text for false and for zero.
var decodeHook = mapstructure.ComposeDecodeHookFunc(
	onlyText,
	mapstructure.StringToTimeDurationHookFunc(),
	mapstructure.TextUnmarshallerHookFunc(),
	mapstructure.StringToBasicTypeHookFunc(),
)

// onlyText refuses a list or a map where one text is the value; a struct with
// UnmarshalText would take the map otherwise.
func onlyText(from, to reflect.Type, data any) (any, error) {
	if isScalar(to) && from.Kind() != reflect.String {
		return nil, errors.New("not a text")
	}
	return data, nil
}

// decode puts a value into the field of key. Its error says what the key takes,
// and what it got instead unless that is a secret.
func decode(key string, value any, field reflect.Value) error {
	decoder, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{
		Result:     field.Addr().Interface(),
		DecodeHook: decodeHook,
		// A list replaces the default, also the end of a longer one.
		ZeroFields: true,
	})
	if err != nil {
		return err
	}
	// Its error has the value in it, so it goes no further.
	if decoder.Decode(value) == nil {
		return nil
	}
	text, isText := value.(string)
	if !isText || isSecret(key, field.Type()) {
		return fmt.Errorf("%s must be %s", key, expected(field.Type()))
	}
	return fmt.Errorf("%s must be %s, not %.40q", key, expected(field.Type()), text)
}

// expected says what a key of type t takes.
func expected(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[time.Duration]():
		return "a duration such as 25s"
	case reflect.TypeFor[Bytes]():
		return "a size such as 64KiB"
	}
	switch kind := t.Kind(); {
	case reflect.PointerTo(t).Implements(textUnmarshaler):
		return "a " + t.String()
	case kind == reflect.Slice:
		return "a list, each item " + expected(t.Elem())
	case kind == reflect.Map:
		return "a map, each value " + expected(t.Elem())
	case kind == reflect.Bool:
		return "true or false"
	case kind == reflect.String:
		return "text"
	case kind == reflect.Float32, kind == reflect.Float64:
		return "a number"
	}
	return "a whole number" // the kinds that are left, see isScalar
}

// splitList returns what one text of the environment or of a flag says for a
// field of type t: its items, if that is a list.
func splitList(text string, t reflect.Type) any {
	if isScalar(t) || t.Kind() != reflect.Slice {
		return text
	}
	items := []string{} // not nil: an empty text is an empty list
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}
