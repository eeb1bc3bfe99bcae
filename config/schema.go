package config

import (
	"encoding"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// schema is what can be configured: every key, with the field it fills.
type schema struct {
	fields    map[string]reflect.Value // by key
	sections  map[string]bool          // paths of what has keys below it
	variables map[string]string        // key by the name of its environment variable
}

// add makes known the fields of section, an addressable struct, below path. Its
// errors are mistakes in the program, not in the configuration.
func (s *schema) add(path string, section reflect.Value) error {
	// The sections around this one may have no struct of their own.
	for around := path; around != ""; around = parent(around) {
		if _, isKey := s.fields[around]; isKey {
			return fmt.Errorf("config: %s cannot be a section, it is a key", around)
		}
		s.sections[around] = true
	}
	for field, value := range section.Fields() {
		name := field.Tag.Get("koanf")
		if name == "" || name == "-" || !field.IsExported() {
			continue
		}
		key := join(path, name)
		if value.Kind() == reflect.Struct && !isScalar(field.Type) {
			if err := s.add(key, value); err != nil {
				return err
			}
			continue
		}
		if !isKey(field.Type) {
			return fmt.Errorf("config: key %s cannot have the type %s", key, field.Type)
		}
		variable := variableName(key)
		if other, taken := s.variables[variable]; taken {
			return fmt.Errorf("config: keys %s and %s have the same environment variable %s", other, key, variable)
		}
		s.fields[key], s.variables[variable] = value, key
	}
	return nil
}

// below returns the keys and the sections directly below the section at path.
func (s *schema) below(path string) []string {
	var found []string
	for _, known := range slices.Concat(slices.Collect(maps.Keys(s.fields)), slices.Collect(maps.Keys(s.sections))) {
		if parent(known) == path {
			found = append(found, known)
		}
	}
	return found
}

// parent returns the path of the section that a key or section is in, which is
// "" for what stands at the top.
func parent(key string) string {
	return key[:max(0, strings.LastIndexByte(key, '.'))]
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// variableName returns the environment variable of a key. There is no way back
// without the list of keys: _ stands for the dot and for the hyphen.
func variableName(key string) string {
	return strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(key))
}

var textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()

// isScalar reports whether one text can say a value of the type.
func isScalar(t reflect.Type) bool {
	if reflect.PointerTo(t).Implements(textUnmarshaler) {
		return true
	}
	switch t.Kind() {
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return true
	}
	return false
}

// isKey reports whether a key can have the type. Structs in lists and maps
// cannot: their keys would have no name in the environment.
func isKey(t reflect.Type) bool {
	switch {
	case isScalar(t):
		return true
	case t.Kind() == reflect.Slice:
		return isScalar(t.Elem())
	case t.Kind() == reflect.Map:
		return t.Key().Kind() == reflect.String && isScalar(t.Elem())
	}
	return false
}

// secretName matches names such as rpc-secret, apikey and key-file; max-keys is
// not one.
var secretName = regexp.MustCompile(`(secret|pass(w|phrase|\b)|token|credential|key\b)[^.]*$`)

// redacting is what types implement that hide themselves, as Secret and the
// drivers' own do.
var redacting = reflect.TypeFor[slog.LogValuer]()

// isSecret reports whether the value of a key must not be seen.
func isSecret(key string, t reflect.Type) bool {
	if !isScalar(t) {
		t = t.Elem() // a list or a map of secrets
	}
	return t.Implements(redacting) || secretName.MatchString(key)
}
