package main

import (
	"fmt"
	"go/ast"
	"strings"
)

// variable is the environment variable that brings a mutant to life.
const variable = "FIRTH_MUTANT"

// support is the file that is added to the mutated package. A mutant that allocates without end kills its process, not the machine.
const support = `package %s

import (
	"os"
	"runtime"
	"strconv"
	"time"
)

var mutantAlive = func() int {
	id, _ := strconv.Atoi(os.Getenv("` + variable + `"))
	go func() {
		for id > 0 {
			time.Sleep(100 * time.Millisecond)
			var m runtime.MemStats
			if runtime.ReadMemStats(&m); m.HeapAlloc > 2<<30 {
				os.Exit(3)
			}
		}
	}()
	return id
}()

func mutantChoice[T any](id int, before, after T) T {
	if mutantAlive == id {
		return after
	}
	return before
}
`

// rewrite is the file with all mutants for which keep is true, asleep.
func (s *source) rewrite(keep func(*mutant) bool) []byte {
	w := &writer{source: s, keep: keep}
	var b strings.Builder
	b.Write(s.text[:s.file.Pos()-s.base])
	b.WriteString(w.inside(s.file))
	b.Write(s.text[s.file.End()-s.base:])
	return []byte(b.String())
}

type writer struct {
	*source
	keep func(*mutant) bool
}

// text is the text of a node, changed where it is a mutant or has mutants inside.
func (w *writer) text(n ast.Node) string {
	if m := w.mutants[n]; m != nil && w.keep(m) {
		return w.both(n, m)
	}
	return w.inside(n)
}

// inside is the text of a node with the mutants below it.
func (w *writer) inside(n ast.Node) string {
	var b strings.Builder
	at := n.Pos()
	ast.Inspect(n, func(below ast.Node) bool {
		if below == nil || below == n {
			return true
		}
		if m := w.mutants[below]; m == nil || !w.keep(m) {
			return true
		}
		b.Write(w.source.text[at-w.base : below.Pos()-w.base])
		b.WriteString(w.text(below))
		at = below.End()
		return false
	})
	b.Write(w.source.text[at-w.base : n.End()-w.base])
	return b.String()
}

// both writes an expression so that it is as before unless its mutant is alive.
func (w *writer) both(n ast.Node, m *mutant) string {
	alive := fmt.Sprintf("(mutantAlive == %d)", m.id)
	binary, ok := n.(*ast.BinaryExpr)
	switch {
	case m.change == "not":
		return fmt.Sprintf("((%s) != %s)", w.inside(n), alive)
	case !ok:
		return w.inside(n)
	case m.change == "or", m.change == "and": // by De Morgan, so that operands stand there once
		return fmt.Sprintf("((((%s) != %s) %s ((%s) != %s)) != %s)", w.text(binary.X), alive, binary.Op, w.text(binary.Y), alive, alive)
	case strings.HasSuffix(m.change, "0"):
		x := w.text(binary.X)
		return fmt.Sprintf("mutantChoice(%d, %s %s 1, %s)", m.id, x, binary.Op, x)
	}
	x, y := w.text(binary.X), w.text(binary.Y)
	return fmt.Sprintf("(%s && (%s %s %s) || !%s && (%s %s %s))", alive, x, m.change, y, alive, x, binary.Op, y)
}
