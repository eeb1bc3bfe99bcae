package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// yamlFile reads a configuration file. It works on the nodes of the YAML, not on
// maps as koanf's parser does, because only nodes know their lines.
type yamlFile struct {
	*loader
	path   string
	lines  map[string]int // of what the file has, by key
	values map[string]any // of what can be taken, by key
}

// readFile returns the values in the file at path by key.
func (l *loader) readFile(path string) map[string]any {
	if path == "" {
		return nil
	}
	f := &yamlFile{loader: l, path: path, lines: map[string]int{}, values: map[string]any{}}
	data, err := os.ReadFile(path)
	if err != nil {
		// The path is in the origin already.
		if e, ok := errors.AsType[*fs.PathError](err); ok {
			err = e.Err
		}
		f.report(path, "", fmt.Errorf("cannot be read: %w", err))
		return nil
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document, next yaml.Node
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF): // an empty file
		return nil
	case err != nil:
		f.addSyntaxError(err)
		return nil
	}
	switch err := decoder.Decode(&next); {
	case err == nil:
		f.report(f.at(next.Line), "", errors.New("a second document, and only one is read"))
	case !errors.Is(err, io.EOF):
		f.addSyntaxError(err)
	}
	f.readSection("", document.Content[0])
	return f.values
}

// readSection reads what is below the node of the section at path.
func (f *yamlFile) readSection(path string, section *yaml.Node) {
	if isNull(section) || section.Kind == yaml.MappingNode && len(section.Content) == 0 {
		// Somebody meant to say something here, and perhaps only its lines are not
		// indented. A file with nothing in it says that all is as by default.
		if path != "" {
			f.report(f.at(f.lines[path]), path, errors.New(path+" is a section with nothing in it; give it keys or leave it out"))
		}
		return
	}
	if section.Kind != yaml.MappingNode {
		what := path + " is a section and has keys below it, no value"
		if path == "" {
			what = "must have sections at its top, such as websocket"
		}
		f.report(f.at(section.Line), path, errors.New(what))
		return
	}
	for name, value := range entries(section) {
		if name.Kind != yaml.ScalarNode {
			f.report(f.at(name.Line), path, errors.New(path+" has a name that is no text"))
			continue
		}
		f.readKey(path, name, value)
	}
}

// readKey reads what the section at path has under a name: a section or a value.
func (f *yamlFile) readKey(path string, name, value *yaml.Node) {
	key, origin := join(path, name.Value), f.at(name.Line)
	if first, twice := f.lines[key]; twice {
		f.report(origin, key, fmt.Errorf("%s is set twice, first in line %d", key, first))
		return
	}
	if f.sections[key] {
		f.lines[key] = name.Line
		f.readSection(key, value)
		return
	}
	if _, known := f.fields[key]; !known {
		f.reportUnknown(origin, key, f.below(path))
		return
	}
	f.lines[key] = name.Line
	plain, err := plainValue(value)
	if err != nil {
		f.report(origin, key, fmt.Errorf("%s %w", key, err))
		return
	}
	if f.take(origin, key, plain) {
		f.values[key] = plain
	}
}

// plainValue returns what a node says as text, list or map. Text stays as it is
// written, since the type of the key decides whether 007 is a number.
func plainValue(node *yaml.Node) (any, error) {
	switch {
	case node.Kind == yaml.AliasNode:
		return nil, errors.New("is a YAML alias, which is not read; a value that starts with * needs quotes")
	case node.Style&yaml.TaggedStyle != 0:
		return nil, errors.New("has a YAML tag, which is not read; a value that starts with ! needs quotes")
	case isNull(node):
		return nil, errors.New("has no value; leave the key out to keep the default")
	case node.Kind == yaml.ScalarNode:
		return node.Value, nil
	case node.Kind == yaml.SequenceNode:
		list := make([]any, len(node.Content))
		for i, item := range node.Content {
			plain, err := plainValue(item)
			if err != nil {
				return nil, err
			}
			list[i] = plain
		}
		return list, nil
	}
	values := map[string]any{}
	for name, value := range entries(node) {
		if name.Kind != yaml.ScalarNode {
			return nil, errors.New("has a name that is no text")
		}
		if _, twice := values[name.Value]; twice {
			return nil, fmt.Errorf("has a name twice, again in line %d", name.Line)
		}
		plain, err := plainValue(value)
		if err != nil {
			return nil, err
		}
		values[name.Value] = plain
	}
	return values, nil
}

// isNull reports whether a node has nothing in it, as the tag !!null on something
// does not.
func isNull(node *yaml.Node) bool {
	return node.Tag == "!!null" && node.Style&yaml.TaggedStyle == 0
}

// entries yields the names and values of a mapping in the order of the file.
func entries(mapping *yaml.Node) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(name, value *yaml.Node) bool) {
		for entry := range slices.Chunk(mapping.Content, 2) {
			if !yield(entry[0], entry[1]) {
				return
			}
		}
	}
}

// syntaxError matches the errors of the YAML parser.
var syntaxError = regexp.MustCompile(`^(?:yaml: )?(?:line (\d+): )?(.*)`)

func (f *yamlFile) addSyntaxError(err error) {
	match := syntaxError.FindStringSubmatch(err.Error())
	line, what := match[1], match[2]
	// This one repeats the value, and an unquoted secret can start with *.
	if strings.HasPrefix(what, "unknown anchor") {
		what = "a value that starts with * is not quoted"
	}
	if line == "" {
		f.report(f.path, "", errors.New("not YAML: "+what))
		return
	}
	// The parser names the line where the broken part begins, or the one above.
	f.report(f.path+":"+line, "", errors.New("not YAML from here on: "+what))
}

// at returns the origin of what stands in a line of the file.
func (f *yamlFile) at(line int) string {
	return f.path + ":" + strconv.Itoa(line)
}
