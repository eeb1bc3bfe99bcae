package layout

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/switchboard-go/switchboard"

// rules are what the repository keeps to. A rule finds what breaks it; instead is what to do then.
var rules = []struct {
	name    string
	find    func(*tree) []string
	instead string
}{
	{"imports point one way", importDirection,
		"pass in what is needed as the importer's own interface or func, or move the code to a package that may know both"},
	{"only mains choose", choice,
		"take what the package needs as its own Config or Broker, and leave reading files and linking drivers to package main"},
	{"one package knows gws", gws,
		"use package websocket; a test dials with github.com/coder/websocket, so that gws is not tested against itself"},
	{"packages say what they are for", packageNames,
		"put each function where it is used, or name the package for what it provides"},
	{"types say what they are", typeNames,
		"name the type for what sets it apart; share code through a func or an embedded, well-named part"},
	{"packages are introduced", docFiles,
		"add a doc.go whose package comment says what the package is for and how to start with it"},
	{"files hold one idea", fileLength,
		"move one of its ideas to a file named for it"},
	{"tests wait for events", sleeps,
		"await a channel or the thing's own deadline; in a testing/synctest bubble, <-time.After(d) lets the fake time pass"},
	{"nothing is left for later", leftovers,
		"do it now, or open an issue and describe today's behaviour"},
}

func TestLayout(t *testing.T) {
	repository, err := load(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(repository.files, func(f file) bool { return f.dir == "websocket" }) {
		t.Fatal("found no package websocket: the rules look at the wrong folder")
	}
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) {
			for _, found := range rule.find(repository) {
				t.Errorf("%s\n\tinstead: %s", found, rule.instead)
			}
		})
	}
}

// The measurements are a module of their own, which compares with gws and so may import it.
func TestLayoutOfBench(t *testing.T) {
	bench, err := load(os.DirFS("../../bench"))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(bench.files, func(f file) bool { return f.dir == "suite" }) {
		t.Fatal("found no package suite: the rules look at the wrong folder")
	}
	for _, rule := range rules {
		if rule.name == "one package knows gws" {
			continue
		}
		t.Run(rule.name, func(t *testing.T) {
			for _, found := range rule.find(bench) {
				t.Errorf("%s\n\tinstead: %s", found, rule.instead)
			}
		})
	}
}

// tree is the module's files. Other modules and what is not ours are left out.
type tree struct {
	files []file
}

// file is a file, parsed where it is Go.
type file struct {
	path string // slash-separated, from the module's root
	dir  string
	text []byte
	ast  *ast.File // nil where it is not Go
	pos  *token.FileSet
}

// load reads the files itself, not through go list: it sees every system's files, and go test's cache sees what was read.
func load(root fs.FS) (*tree, error) {
	foreign := []string{"node_modules", "vendor", "dist", "testdata"}
	t := &tree{}
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil || name == ".":
			return err
		case entry.IsDir():
			hidden := strings.HasPrefix(entry.Name(), ".") && entry.Name() != ".ci" && entry.Name() != ".github"
			_, err := fs.Stat(root, path.Join(name, "go.mod"))
			if hidden || err == nil || slices.Contains(foreign, entry.Name()) {
				return fs.SkipDir
			}
			return nil
		case !entry.Type().IsRegular():
			return nil
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		f := file{path: name, dir: path.Dir(name), text: text}
		if path.Ext(name) == ".go" {
			f.pos = token.NewFileSet()
			if f.ast, err = parser.ParseFile(f.pos, name, text, parser.ParseComments); err != nil {
				return err
			}
		}
		t.files = append(t.files, f)
		return nil
	})
	return t, err
}

// each collects what find says of each Go file.
func (t *tree) each(find func(f file) []string) (found []string) {
	for _, f := range t.files {
		if f.ast != nil {
			found = append(found, find(f)...)
		}
	}
	return found
}

func (f file) test() bool { return strings.HasSuffix(f.path, "_test.go") }

// imports are the import paths of f. Own ones start with the module's path.
func (f file) imports() (paths []string) {
	for _, spec := range f.ast.Imports {
		paths = append(paths, strings.Trim(spec.Path.Value, "`\""))
	}
	return paths
}

// mayImport says what the code of a folder, tests aside, may import of this module. The first pattern that fits counts.
var mayImport = []struct {
	dir     string
	imports []string
}{
	{"websocket", nil},
	{"listener", []string{"websocket"}},
	{"security", []string{"websocket"}},
	{"config", []string{"sender", "websocket"}},
	{"sender", []string{"websocket"}},
	{"metrics", []string{"sender", "websocket"}},
	{"sender/all", []string{"sender/*"}},
	{"sender/*", []string{"internal/driver", "sender", "websocket"}},
}

func importDirection(t *tree) []string {
	return t.each(func(f file) (found []string) {
		for _, row := range mayImport {
			if !matches(row.dir, f.dir) {
				continue
			}
			for _, imported := range f.imports() {
				folder, own := strings.CutPrefix(imported, module+"/")
				allowed := slices.ContainsFunc(row.imports, func(pattern string) bool { return matches(pattern, folder) })
				if own && !allowed && !f.test() {
					found = append(found, fmt.Sprintf("%s imports %s; of this module it may import only %q", f.path, folder, row.imports))
				}
			}
			break
		}
		return found
	})
}

func matches(pattern, folder string) bool {
	fits, err := path.Match(pattern, folder)
	return err == nil && fits
}

func choice(t *tree) []string {
	return t.each(func(f file) (found []string) {
		if f.test() || f.ast.Name.Name == "main" || strings.HasPrefix(f.dir, "examples/") {
			return nil
		}
		for _, folder := range []string{"config", "sender/all"} {
			if slices.Contains(f.imports(), module+"/"+folder) {
				found = append(found, fmt.Sprintf("%s imports %s, which only package main, examples and tests may", f.path, folder))
			}
		}
		return found
	})
}

func gws(t *tree) []string {
	return t.each(func(f file) (found []string) {
		for _, imported := range f.imports() {
			if strings.HasPrefix(imported+"/", "github.com/lxzan/gws/") && f.dir != "websocket" {
				found = append(found, fmt.Sprintf("%s imports %s", f.path, imported))
			}
		}
		return found
	})
}

func packageNames(t *tree) []string {
	empty := []string{"util", "utils", "common", "helper", "helpers", "misc"}
	return t.each(func(f file) []string {
		if name := strings.TrimSuffix(f.ast.Name.Name, "_test"); slices.Contains(empty, name) {
			return []string{fmt.Sprintf("%s is of package %s", f.path, name)}
		}
		return nil
	})
}

func typeNames(t *tree) []string {
	empty := regexp.MustCompile(`^Abstract|(Impl|Base)$`)
	return t.each(func(f file) (found []string) {
		for node := range ast.Preorder(f.ast) {
			if spec, ok := node.(*ast.TypeSpec); ok && spec.Name.IsExported() && empty.MatchString(spec.Name.Name) {
				found = append(found, fmt.Sprintf("%s: type %s", f.pos.Position(spec.Pos()), spec.Name.Name))
			}
		}
		return found
	})
}

func docFiles(t *tree) (found []string) {
	introduced := map[string]bool{} // a folder of tests alone needs no introduction
	for _, f := range t.files {
		if f.ast != nil && !f.test() {
			introduced[f.dir] = introduced[f.dir] || path.Base(f.path) == "doc.go" && f.ast.Doc != nil
		}
	}
	for dir, ok := range introduced {
		if !ok {
			found = append(found, dir+" has no doc.go with a package comment")
		}
	}
	slices.Sort(found)
	return found
}

func fileLength(t *tree) []string {
	const limit = 500
	return t.each(func(f file) []string {
		if lines := bytes.Count(f.text, []byte("\n")); lines >= limit && !ast.IsGenerated(f.ast) {
			return []string{fmt.Sprintf("%s has %d lines; under %d is the rule", f.path, lines, limit)}
		}
		return nil
	})
}

func sleeps(t *tree) []string {
	return t.each(func(f file) (found []string) {
		if !f.test() {
			return nil
		}
		name := "time"
		for _, spec := range f.ast.Imports {
			if spec.Path.Value == `"time"` && spec.Name != nil {
				name = spec.Name.Name
			}
		}
		for node := range ast.Preorder(f.ast) {
			selector, ok := node.(*ast.SelectorExpr)
			if !ok || selector.Sel.Name != "Sleep" {
				continue
			}
			if x, ok := selector.X.(*ast.Ident); ok && x.Name == name {
				found = append(found, fmt.Sprintf("%s: a test sleeps", f.pos.Position(node.Pos())))
			}
		}
		return found
	})
}

// marks are put together here, so that this file does not hold them.
var marks = []string{"TO" + "DO", "FIX" + "ME", "XX" + "X"}

func leftovers(t *tree) (found []string) {
	mark := regexp.MustCompile(`\b(` + strings.Join(marks, "|") + `)\b`)
	locks := []string{"go.sum", "package-lock.json"} // their checksums are random letters
	for _, f := range t.files {
		if slices.Contains(locks, path.Base(f.path)) || bytes.IndexByte(f.text, 0) >= 0 {
			continue
		}
		for number, line := range bytes.Split(f.text, []byte("\n")) {
			if hit := mark.Find(line); hit != nil {
				found = append(found, fmt.Sprintf("%s:%d: %s", f.path, number+1, hit))
			}
		}
	}
	return found
}
