package config

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// check looks at what values mean, after the layers are merged: a choice in the
// file that this program does not have is no error if a flag overrides it.
func (l *loader) check(w WebSocket, choices map[string][]string) {
	for _, key := range slices.Sorted(maps.Keys(choices)) {
		l.checkChoice(key, choices[key])
	}
	if !strings.HasPrefix(w.Path, "/") {
		l.report(l.origin("websocket.path"), "websocket.path", fmt.Errorf("websocket.path must start with /, not be %.40q", w.Path))
	}
	if err := w.Limits().Validate(); err != nil {
		l.reportLimit(err)
	}
}

func (l *loader) checkChoice(key string, choices []string) {
	field, known := l.fields[key]
	if !known {
		l.report("Options.Choices", key, fmt.Errorf("unknown key %s", key))
		return
	}
	value := fmt.Sprint(field)
	if slices.Contains(choices, value) {
		return
	}
	what := fmt.Sprintf("%s must be one of %s", key, strings.Join(slices.Sorted(slices.Values(choices)), ", "))
	if !isSecret(key, field.Type()) {
		what += fmt.Sprintf(", not %.40q", value) + didYouMean(value, choices)
	}
	l.report(l.origin(key), key, errors.New(what))
}

// runChecks runs the checks of the application. They may rely on all that check
// looks at.
func (l *loader) runChecks(c Config, checks map[string]func(Config) error) {
	for _, key := range slices.Sorted(maps.Keys(checks)) {
		if _, known := l.fields[key]; !known {
			l.report("Options.Checks", key, fmt.Errorf("unknown key %s", key))
			continue
		}
		if err := checks[key](c); err != nil {
			l.report(l.origin(key), key, fmt.Errorf("%s: %w", key, err))
		}
	}
}

// fieldName matches the names of limits in the errors of Limits.Validate.
var fieldName = regexp.MustCompile(`\b[A-Z][A-Za-z]+`)

// reportLimit reports an error of Limits.Validate, with the names of its fields
// replaced by the keys. It is blamed on the first of them that was set, since the
// defaults go well with each other.
func (l *loader) reportLimit(err error) {
	var keys []string
	what := fieldName.ReplaceAllStringFunc(err.Error(), func(name string) string {
		field, ok := reflect.TypeFor[WebSocket]().FieldByName(name)
		if !ok {
			return name
		}
		key := "websocket." + field.Tag.Get("koanf")
		keys = append(keys, key)
		return key
	})
	blamed := "websocket"
	for _, key := range slices.Backward(keys) {
		if _, set := l.origins[key]; set {
			blamed = key
		}
	}
	l.report(l.origin(blamed), blamed, errors.New(what))
}

// origin returns where the value of a key comes from.
func (l *loader) origin(key string) string {
	if origin, set := l.origins[key]; set {
		return origin
	}
	return "default"
}
