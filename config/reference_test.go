package config_test

import (
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/switchboard-go/switchboard/config"
	"github.com/switchboard-go/switchboard/sender"
	_ "github.com/switchboard-go/switchboard/sender/all"
)

var update = flag.Bool("update", false, "write the reference of the keys into README.md")

const (
	begin = "<!-- configuration:begin -->\n"
	end   = "<!-- configuration:end -->"
)

// The tables of keys in README.md are made from the comments of the structs.
func TestReference(t *testing.T) {
	const readme = "../README.md"
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatalf("the README must have the reference of the keys: %v", err)
	}
	want, err := withReference(string(text), reference(t)+driverReferences(t))
	if err != nil {
		t.Fatalf("%s: %v", readme, err)
	}
	switch {
	case want == string(text):
	case *update:
		if err := os.WriteFile(readme, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s has another reference than the code; run: go test ./config -run TestReference -update", readme)
	}
}

func TestReferenceIsComplete(t *testing.T) {
	table := reference(t)
	for _, row := range []string{
		"| `websocket.enable` | `true` | Whether this node serves WebSockets at all. |\n",
		"| `websocket.node-id` | `\"\"` | The name of this node, ",
		"| `websocket.allowed-origins` | `[]` | ",
		"| `websocket.read-limit` | `64KiB` | ",
		"| `websocket.idle-timeout` | `1m` | ",
		"| `websocket.max-sessions` | `0` | ",
	} {
		if !strings.Contains(table, row) {
			t.Errorf("no row %s in:\n%s", row, table)
		}
	}
	if rows, want := strings.Count(table, "| `websocket."), reflect.TypeFor[config.WebSocket]().NumField(); rows != want {
		t.Errorf("%d rows for %d keys", rows, want)
	}
}

func TestReferenceGoesBetweenItsMarkers(t *testing.T) {
	got, err := withReference("before\n"+begin+"old\n"+end+"\nafter\n", "new\n")
	if want := "before\n" + begin + "new\n" + end + "\nafter\n"; err != nil || got != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	for _, text := range []string{"", begin, end, end + begin} {
		if _, err := withReference(text, "new\n"); err == nil {
			t.Errorf("%q has both markers", text)
		}
	}
}

// withReference returns text with the table between its markers.
func withReference(text, table string) (string, error) {
	before, rest, hasBegin := strings.Cut(text, begin)
	_, after, hasEnd := strings.Cut(rest, end)
	if !hasBegin || !hasEnd {
		return "", errors.New("needs the lines " + strings.TrimSpace(begin) + " and " + end)
	}
	return before + begin + table + end + after, nil
}

// reference returns the table of the keys of config.WebSocket.
func reference(t *testing.T) string {
	t.Helper()
	comments := comments(t, ".", "WebSocket")
	var table strings.Builder
	table.WriteString("| key | default | meaning |\n| --- | --- | --- |\n")
	for field, value := range reflect.ValueOf(config.Default().WebSocket).Fields() {
		comment := comments[field.Name]
		if comment == "" {
			t.Errorf("field %s has no comment", field.Name)
		}
		fmt.Fprintf(&table, "| `websocket.%s` | `%s` | %s |\n", field.Tag.Get("koanf"), inFile(value.Interface()), comment)
	}
	return table.String()
}

// driverReferences returns the tables of the drivers' keys.
func driverReferences(t *testing.T) string {
	t.Helper()
	const module = "github.com/switchboard-go/switchboard"
	var tables strings.Builder
	sections := sender.Sections()
	for _, name := range slices.Sorted(maps.Keys(sections)) {
		section := reflect.ValueOf(sections[name]).Elem()
		comments := comments(t, ".."+strings.TrimPrefix(section.Type().PkgPath(), module), section.Type().Name())
		fmt.Fprintf(&tables, "\n| `websocket.sender-%s`… | default | meaning |\n| --- | --- | --- |\n", name)
		about := "" // of the fields before it, where one comment is about several
		for field, value := range section.Fields() {
			if comment := comments[field.Name]; comment != "" {
				about = comment
			}
			if !strings.Contains(about, field.Name) {
				t.Errorf("%s: field %s has no comment", section.Type(), field.Name)
			}
			meaning, standard := withKeys(about, section.Type()), ""
			if i := strings.LastIndex(meaning, " Default: "); i >= 0 {
				meaning, standard = meaning[:i], strings.TrimSuffix(meaning[i+len(" Default: "):], ".")
			}
			if _, hides := reflect.TypeAssert[slog.LogValuer](value); !hides && (!value.IsZero() || value.Kind() < reflect.Array) || standard == "" {
				standard = "`" + inFile(value.Interface()) + "`"
			}
			fmt.Fprintf(&tables, "| `.%s` | %s | %s |\n", field.Tag.Get("koanf"), standard, meaning)
		}
	}
	return tables.String()
}

// withKeys replaces the names of a struct's fields in a comment by their keys:
// the first word, and those that are no words.
func withKeys(comment string, section reflect.Type) string {
	return regexp.MustCompile(`^\w+|\b[A-Z]\w*[a-z][A-Z]\w*|\b[A-Z]{2,}[a-z]\w*`).ReplaceAllStringFunc(comment, func(name string) string {
		if field, ok := section.FieldByName(name); ok {
			return "`" + field.Tag.Get("koanf") + "`"
		}
		return name
	})
}

// comments returns the comments of a struct's fields, each in one line.
func comments(t *testing.T, dir, structName string) map[string]string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, "config.go"), nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	ast.Inspect(parsed, func(node ast.Node) bool {
		spec, ok := node.(*ast.TypeSpec)
		if !ok || spec.Name.Name != structName {
			return true
		}
		for _, field := range spec.Type.(*ast.StructType).Fields.List {
			comment := strings.Join(strings.Fields(field.Doc.Text()), " ")
			found[field.Names[0].Name] = strings.ReplaceAll(comment, "|", `\|`)
		}
		return false
	})
	return found
}

// inFile returns a default as somebody would write it in the file.
func inFile(value any) string {
	switch value := value.(type) {
	case string:
		if value == "" {
			return strconv.Quote(value)
		}
	case time.Duration:
		text := value.String()
		if strings.HasSuffix(text, "m0s") {
			text = strings.TrimSuffix(text, "0s")
		}
		return text
	}
	return fmt.Sprint(value)
}
