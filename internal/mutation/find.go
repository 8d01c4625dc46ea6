package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// mutant is one change of one expression.
type mutant struct {
	id       int // from 1; 0 is the program as it is
	file     string
	line     int
	function string
	before   string // the expression, on one line
	change   string // what is done to it: "<=", "or", "not", "-0"
	nth      int    // counts from 0 the mutants that are alike in everything else, in the order of the file
}

// name tells the mutant from all others, and survives changes elsewhere in the file.
func (m *mutant) name() string {
	return strings.Join([]string{m.file, m.function, m.before, m.change, strconv.Itoa(m.nth)}, "\t")
}

// source is a parsed file with the mutants in it.
type source struct {
	path    string // absolute
	text    []byte
	file    *ast.File
	base    token.Pos
	mutants map[ast.Node]*mutant
}

var flips = map[token.Token]string{
	token.LSS: "<=", token.LEQ: "<", token.GTR: ">=", token.GEQ: ">", token.EQL: "!=", token.NEQ: "==", token.LAND: "or", token.LOR: "and",
}

// find parses the files of a package, without tests, and lists their mutants in the order of files and lines.
func find(dir string) ([]*source, []*mutant, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, nil, err
	}
	slices.Sort(paths)
	var sources []*source
	names := map[string]bool{}
	files := token.NewFileSet()
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		s, err := read(files, path)
		if err != nil {
			return nil, nil, err
		}
		constants(s.file, names)
		sources = append(sources, s)
	}
	var all []*mutant
	for _, s := range sources {
		all = append(all, s.find(files, names)...)
	}
	for i, m := range all {
		m.id = i + 1
	}
	return sources, all, nil
}

func read(files *token.FileSet, path string) (*source, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	file, err := parser.ParseFile(files, path, text, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	return &source{path: path, text: text, file: file, base: token.Pos(files.File(file.Pos()).Base()), mutants: map[ast.Node]*mutant{}}, nil
}

// find lists the mutants of one file.
func (s *source) find(files *token.FileSet, names map[string]bool) []*mutant {
	alike := map[string]int{}
	var found []*mutant
	for _, decl := range s.file.Decls {
		function, ok := decl.(*ast.FuncDecl)
		if !ok || function.Body == nil {
			continue
		}
		v := &visitor{constants: names, seen: map[ast.Expr]bool{}, add: func(n ast.Expr, change string) {
			m := &mutant{file: filepath.Base(s.path), line: files.Position(n.Pos()).Line, function: function.Name.Name, before: s.oneLine(n), change: change}
			like := m.name()
			m.nth = alike[like]
			alike[like]++
			s.mutants[n] = m
			found = append(found, m)
		}}
		ast.Inspect(function.Body, v.visit)
	}
	slices.SortStableFunc(found, func(a, b *mutant) int { return a.line - b.line })
	return found
}

// visitor calls add for every expression that can be changed, once.
type visitor struct {
	constants map[string]bool
	seen      map[ast.Expr]bool
	add       func(n ast.Expr, change string)
}

func (v *visitor) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.IfStmt:
		v.condition(n.Cond)
	case *ast.ForStmt:
		v.condition(n.Cond)
	case *ast.BinaryExpr:
		v.binary(n)
	case *ast.UnaryExpr:
		if n.Op == token.NOT {
			v.once(n, "not")
		}
	}
	return true
}

func (v *visitor) once(n ast.Expr, change string) {
	if !v.seen[n] {
		v.seen[n] = true
		v.add(n, change)
	}
}

func (v *visitor) binary(n *ast.BinaryExpr) {
	flip, ok := flips[n.Op]
	switch {
	case (n.Op == token.ADD || n.Op == token.SUB) && isOne(n.Y) && v.isVariable(n.X):
		v.once(n, n.Op.String()+"0")
	case ok:
		v.once(n, flip)
	}
	if n.Op == token.LAND || n.Op == token.LOR {
		v.condition(n.X)
		v.condition(n.Y)
	}
}

// condition negates what is neither a comparison nor made of other conditions: those have mutants of their own.
func (v *visitor) condition(n ast.Expr) {
	switch n.(type) {
	case *ast.Ident, *ast.CallExpr, *ast.SelectorExpr, *ast.IndexExpr:
		v.once(n, "not")
	}
}

func isOne(n ast.Expr) bool {
	literal, ok := n.(*ast.BasicLit)
	return ok && literal.Value == "1"
}

// isVariable leaves out constants, whose type depends on what is around them.
func (v *visitor) isVariable(n ast.Expr) bool {
	variable := false
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			variable = true
		case *ast.SelectorExpr:
			if name, ok := n.X.(*ast.Ident); ok && v.constants[name.Name] {
				return false
			}
		case *ast.Ident:
			variable = variable || !v.constants[n.Name]
		}
		return !variable
	})
	return variable
}

// constants are the names of a file that stand for constants and imported packages.
func constants(file *ast.File, names map[string]bool) {
	for _, spec := range file.Imports {
		path := strings.Trim(spec.Path.Value, `"`)
		names[path[strings.LastIndexByte(path, '/')+1:]] = true
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if decl, ok := n.(*ast.GenDecl); ok && decl.Tok == token.CONST {
			for _, spec := range decl.Specs {
				for _, name := range spec.(*ast.ValueSpec).Names {
					names[name.Name] = true
				}
			}
		}
		return true
	})
}

func (s *source) oneLine(n ast.Node) string {
	return strings.Join(strings.Fields(string(s.text[n.Pos()-s.base:n.End()-s.base])), " ")
}
