package archtest

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strings"
)

// Violation is one breach of the architecture.
type Violation struct {
	Where  string // file with line, or package folder, relative to the module
	Reason string
}

func (v Violation) String() string { return v.Where + ": " + v.Reason }

// Check reads the module below root and returns what breaks the table, in order of place.
func Check(root string, table Table) ([]Violation, error) {
	m, err := load(root)
	if err != nil {
		return nil, err
	}
	c := checker{module: m.path, table: table}
	for _, p := range m.packages {
		c.checkPackage(p)
	}
	slices.SortFunc(c.found, func(a, b Violation) int { return strings.Compare(a.String(), b.String()) })
	return c.found, nil
}

type checker struct {
	module string
	table  Table
	found  []Violation
}

func (c *checker) report(where, format string, args ...any) {
	c.found = append(c.found, Violation{Where: where, Reason: fmt.Sprintf(format, args...)})
}

func (c *checker) checkPackage(p *pkg) {
	row, found := c.row(p.dir)
	if !found {
		c.report(p.dir, "package has no row in internal/archtest/table.go: say what it may import and why")
	}
	c.checkNames(p)
	for _, f := range p.files {
		for _, spec := range f.syntax.Imports {
			imported := strings.Trim(spec.Path.Value, "\"`")
			where := f.at(spec)
			c.checkFences(p, f, where, imported)
			if found {
				c.checkEdge(p, row, f, where, imported)
			}
		}
		for _, decl := range f.syntax.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				c.report(f.at(fn), "init function: parts are values, not side effects of an import")
			}
		}
	}
}

// row finds the longest pattern for a package.
func (c *checker) row(dir string) (Row, bool) {
	var best Row
	for _, r := range c.table.Rows {
		if matches(r.Package, dir) && len(r.Package) > len(best.Package) {
			best = r
		}
	}
	return best, best.Package != ""
}

// checkEdge judges an import of a package of the module itself.
func (c *checker) checkEdge(p *pkg, row Row, f file, where, imported string) {
	to, local := strings.CutPrefix(imported, c.module+"/")
	if !local || to == p.dir {
		return
	}
	if to == "cmd" || strings.HasPrefix(to, "cmd/") {
		c.report(where, "%s imports %s: nobody imports a command", p.dir, to)
		return
	}
	allowed := [][]string{row.May, c.table.Everywhere}
	if f.test {
		allowed = append(allowed, row.Tests, c.table.Tests)
	}
	if !slices.ContainsFunc(allowed, func(patterns []string) bool { return matchesAny(patterns, to) }) {
		c.report(where, "%s imports %s, which its row does not allow (%s)", p.dir, to, row.Why)
	}
}

func (c *checker) checkFences(p *pkg, f file, where, imported string) {
	for _, fence := range c.table.Fences {
		if imported != fence.Import && !strings.HasPrefix(imported, fence.Import+"/") {
			continue
		}
		if f.test && fence.ExemptTests || matchesAny(fence.Only, p.dir) {
			continue
		}
		c.report(where, "%s imports %s, which is fenced (%s)", p.dir, imported, fence.Why)
	}
}

// checkNames asks for a package name that means something and for a comment that says what the package owns.
func (c *checker) checkNames(p *pkg) {
	for _, name := range []string{p.name, path.Base(p.dir)} {
		if slices.Contains(c.table.Names, name) {
			c.report(p.dir, "package is called %s, which says nothing about what it owns", name)
			break
		}
	}
	want := "Package " + p.name + " "
	if p.name == "main" {
		want = "Command "
	}
	if !strings.HasPrefix(strings.ReplaceAll(p.doc, "\n", " "), want) {
		c.report(p.dir, "no package comment that begins with %q: say what the package owns, what not, and who calls it", want)
	}
}

func matchesAny(patterns []string, dir string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return matches(pattern, dir) })
}

// matches tells whether a package falls under a pattern of the table.
func matches(pattern, dir string) bool {
	base, all := strings.CutSuffix(pattern, "...")
	if !all {
		return pattern == dir
	}
	return base == "" || strings.HasPrefix(dir+"/", base)
}
