package archtest

import (
	"errors"
	"fmt"
	"go/ast"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// module is the source of a Go module.
type module struct {
	path     string
	packages []*pkg
}

// pkg is one folder of Go files.
type pkg struct {
	dir   string // relative to the module, with slashes
	name  string // without _test
	doc   string // package comment, of whichever file has it
	files []file
}

type file struct {
	name   string // relative to the module, with slashes
	test   bool
	syntax *ast.File
	lines  *token.FileSet
}

// at names the place of a node: file and line.
func (f file) at(n ast.Node) string {
	return fmt.Sprintf("%s:%d", f.name, f.lines.Position(n.Pos()).Line)
}

// load parses every Go file of the module below root.
func load(root string) (*module, error) {
	gomod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return nil, err
	}
	declared := regexp.MustCompile(`(?m)^module\s+(\S+)`).FindSubmatch(gomod)
	if declared == nil {
		return nil, errors.New("go.mod names no module")
	}
	m := &module{path: string(declared[1])}
	lines := token.NewFileSet()
	byDir := map[string]*pkg{}
	err = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name != root && outside(name) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		relative, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		return m.add(byDir, lines, name, filepath.ToSlash(relative))
	})
	slices.SortFunc(m.packages, func(a, b *pkg) int { return strings.Compare(a.dir, b.dir) })
	return m, err
}

// outside tells whether a folder is no part of the module, as the go command sees it.
func outside(dir string) bool {
	base := filepath.Base(dir)
	if base == "testdata" || base == "vendor" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") {
		return true
	}
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

func (m *module) add(byDir map[string]*pkg, lines *token.FileSet, name, relative string) error {
	syntax, err := parser.ParseFile(lines, name, nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	if ignored(syntax) {
		return nil
	}
	dir := path.Dir(relative)
	p := byDir[dir]
	if p == nil {
		p = &pkg{dir: dir}
		byDir[dir] = p
		m.packages = append(m.packages, p)
	}
	f := file{name: relative, test: strings.HasSuffix(relative, "_test.go"), syntax: syntax, lines: lines}
	p.files = append(p.files, f)
	if !f.test || p.name == "" {
		p.name = strings.TrimSuffix(syntax.Name.Name, "_test")
	}
	if !f.test && syntax.Doc != nil {
		p.doc = syntax.Doc.Text()
	}
	return nil
}

// ignored tells whether a file is left out of every build, as scripts beside a package are.
func ignored(f *ast.File) bool {
	for _, group := range f.Comments {
		if group.Pos() > f.Package {
			break
		}
		for _, comment := range group.List {
			if !constraint.IsGoBuild(comment.Text) {
				continue
			}
			if expr, err := constraint.Parse(comment.Text); err == nil && expr.String() == "ignore" {
				return true
			}
		}
	}
	return false
}
