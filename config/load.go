package config

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/v2"
)

// Options says what Load reads. The zero value reads nothing.
type Options struct {
	// Defaults are what holds where nothing is said. Nil: Default.
	Defaults *Config
	// File is the path of a YAML file. Empty: none. A named one must exist.
	File string
	// Environ is the environment, as os.Environ returns it.
	Environ []string
	// Flags are the values of the flags that were given, by key:
	// {"websocket.sender-type": "redis"} for --websocket.sender-type=redis.
	Flags map[string]string
	// Sections are the sections besides those of Config, by path: "chat", or
	// "websocket.sender-redis". Each is a pointer to a struct that holds its
	// defaults. Load fills it, or leaves all as they are if it returns an error.
	Sections map[string]any
	// Senders are sections of senders by their names, as sender.Sections returns
	// them. What is "redis" here is websocket.sender-redis in Sections.
	Senders map[string]any
	// Choices are the values that a key can have, for keys where only the
	// application knows them: for "websocket.sender-type" the linked-in senders.
	Choices map[string][]string
	// Checks tell what else only the application knows to be wrong with the value
	// of a key. They run when all the rest is right, and find the Sections filled.
	// Their errors are shown: that of a secret must not have the secret in it.
	Checks map[string]func(Config) error
}

// Load returns the defaults with what the file, the environment and the flags
// change of them, each over the one before. What is wrong in any of them is an
// *Error, and several are joined.
func Load(o Options) (_ Config, err error) {
	l := &loader{
		schema: schema{
			fields:    map[string]reflect.Value{},
			sections:  map[string]bool{},
			variables: map[string]string{},
		},
		origins: map[string]string{},
	}
	config := Default()
	if o.Defaults != nil {
		config = *o.Defaults
	}
	if err := l.add("", reflect.ValueOf(&config).Elem()); err != nil {
		return Config{}, err
	}
	sections, err := o.sections()
	if err != nil {
		return Config{}, err
	}
	before := map[string]reflect.Value{} // the sections as they were, by path
	defer func() {
		if err != nil {
			for path, section := range before {
				reflect.ValueOf(sections[path]).Elem().Set(section)
			}
		}
	}()
	for _, path := range slices.Sorted(maps.Keys(sections)) {
		pointer := reflect.ValueOf(sections[path])
		if pointer.Kind() != reflect.Pointer || pointer.IsNil() || pointer.Elem().Kind() != reflect.Struct {
			return Config{}, fmt.Errorf("config: section %s must be a pointer to a struct, not %T", path, sections[path])
		}
		before[path] = reflect.New(pointer.Type().Elem()).Elem()
		before[path].Set(pointer.Elem())
		if err := l.add(path, pointer.Elem()); err != nil {
			return Config{}, err
		}
	}
	if err := l.fill(o); err != nil {
		return Config{}, err
	}
	l.check(config.WebSocket, o.Choices)
	if len(l.problems) == 0 {
		l.runChecks(config, o.Checks)
	}
	if err := l.problems.err(); err != nil {
		return Config{}, err
	}
	return config, nil
}

// sections returns Sections and Senders by path.
func (o Options) sections() (map[string]any, error) {
	sections := make(map[string]any, len(o.Sections)+len(o.Senders))
	maps.Copy(sections, o.Sections)
	for name, section := range o.Senders {
		path := senderSection + name
		if _, twice := sections[path]; twice {
			return nil, fmt.Errorf("config: section %s is in Sections and in Senders", path)
		}
		sections[path] = section
	}
	return sections, nil
}

// loader is one call of Load.
type loader struct {
	schema
	problems
	origins map[string]string // of the value each key has, if it is not the default
}

// fill lays the layers over each other and puts the result into the fields.
func (l *loader) fill(o Options) error {
	merged := koanf.New(".")
	err := errors.Join(
		merged.Load(confmap.Provider(l.readFile(o.File), "."), nil),
		merged.Load(env.Provider(".", env.Opt{
			EnvironFunc:   func() []string { return o.Environ },
			TransformFunc: l.readVariable,
		}), nil),
		merged.Load(confmap.Provider(l.readFlags(o.Flags), "."), nil),
	)
	if err != nil {
		return err
	}
	for key := range l.origins {
		if err := decode(key, merged.Get(key), l.fields[key]); err != nil {
			return err
		}
	}
	return nil
}

// take reports whether a layer's value fits its key, and notes where it is from.
// All layers are looked at this way, also where a later one has another value.
func (l *loader) take(origin, key string, value any) bool {
	if err := decode(key, value, reflect.New(l.fields[key].Type()).Elem()); err != nil {
		l.report(origin, key, err)
		return false
	}
	l.origins[key] = origin
	return true
}
