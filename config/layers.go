package config

import (
	"errors"
	"maps"
	"slices"
	"strings"
)

// readVariable returns the key that a variable of the environment stands for and
// its value, or no key if it is not ours.
func (l *loader) readVariable(name, text string) (string, any) {
	key, known := l.variables[name]
	if !known {
		if l.isOurs(name) {
			name, rest := cutName(name)
			variables := slices.Collect(maps.Keys(l.variables))
			l.report("environment variable "+name+rest, "", errors.New("stands for no key"+didYouMean(name, variables)))
		}
		return "", nil
	}
	value := splitList(text, l.fields[key].Type())
	if !l.take("environment variable "+name, key, value) {
		return "", nil
	}
	return key, value
}

// isOurs reports whether the name of a variable starts as those of a section do.
func (l *loader) isOurs(name string) bool {
	for section := range l.sections {
		if strings.HasPrefix(name, variableName(section)+"_") {
			return true
		}
	}
	return false
}

// readFlags returns the values of the flags by key.
func (l *loader) readFlags(flags map[string]string) map[string]any {
	values := map[string]any{}
	for _, key := range slices.Sorted(maps.Keys(flags)) {
		field, known := l.fields[key]
		if !known {
			name, rest := cutName(key)
			l.reportUnknown("flag --"+name+rest, key, slices.Collect(maps.Keys(l.fields)))
			continue
		}
		if value := splitList(flags[key], field.Type()); l.take("flag --"+key, key, value) {
			values[key] = value
		}
	}
	return values
}
