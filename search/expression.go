package search

import (
	"strings"
)

// Search expressions are nearly all plain paths. Those are followed by name, without fhir/path: extraction is on the way of every write.

// branch is one alternative of a union expression, cut to what matters: the steps of a plain path, or the text of another expression.
type branch struct {
	root   string // type the expression starts with, "%resource", or empty for one relative to its context
	steps  []rawStep
	target string // of a final where(resolve() is X)
	text   string // what identifies the branch, without root and target; the whole expression when it is not plain
	plain  bool
}

// rawStep is .name, .name[0], .name.as(Cast) or .name.where(member='value').
type rawStep struct {
	name, cast    string
	item          string
	member, value string
}

// splitUnion cuts an expression at the | that stand outside of parentheses and strings.
func splitUnion(expression string) []string {
	var parts []string
	depth, start := 0, 0
	quoted := false
	for i := range len(expression) {
		switch c := expression[i]; {
		case c == '\'':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == '|' && depth == 0:
			parts = append(parts, strings.TrimSpace(expression[start:i]))
			start = i + 1
		}
	}
	return append(parts, strings.TrimSpace(expression[start:]))
}

// readBranch reads one alternative. It never fails: what is not a plain path is left to fhir/path.
func readBranch(expression string) branch {
	r := pathReader{rest: expression}
	b, ok := r.branch()
	if !ok || r.rest != "" {
		return otherBranch(expression)
	}
	b.plain = true
	b.text = stepsText(b.steps)
	return b
}

// otherBranch finds the root type and a final where(resolve() is X) of an expression that is not a plain path.
func otherBranch(expression string) branch {
	b := branch{text: expression}
	if i := strings.Index(expression, ".where(resolve() is "); i > 0 && strings.HasSuffix(expression, ")") {
		if target := expression[i+len(".where(resolve() is ") : len(expression)-1]; isName(target) {
			b.text, b.target = expression[:i], target
		}
	}
	r := pathReader{rest: strings.TrimLeft(b.text, "( ")}
	if name := r.name(); name != "" && name[0] >= 'A' && name[0] <= 'Z' {
		b.root = name
	}
	return b
}

func stepsText(steps []rawStep) string {
	var b strings.Builder
	for i, s := range steps {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(s.name)
		if s.item != "" {
			b.WriteString("[" + s.item + "]")
		}
		if s.cast != "" {
			b.WriteString(":" + s.cast)
		}
		if s.member != "" {
			b.WriteString("(" + s.member + "=" + s.value + ")")
		}
	}
	return b.String()
}

// pathReader reads plain paths.
type pathReader struct{ rest string }

func (r *pathReader) skip(text string) bool {
	rest, ok := strings.CutPrefix(r.rest, text)
	r.rest = rest
	return ok
}

func (r *pathReader) name() string {
	i := 0
	for i < len(r.rest) && isNameByte(r.rest[i]) {
		i++
	}
	name := r.rest[:i]
	r.rest = r.rest[i:]
	return name
}

func isNameByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_'
}

func isName(s string) bool {
	for i := range len(s) {
		if !isNameByte(s[i]) {
			return false
		}
	}
	return s != ""
}

// branch reads path, or (path as Type).rest.
func (r *pathReader) branch() (branch, bool) {
	if !r.skip("(") {
		return r.path(branch{})
	}
	b, ok := r.path(branch{})
	if !ok || len(b.steps) == 0 || b.target != "" {
		return b, false
	}
	if r.skip(" as ") {
		cast := r.name()
		last := &b.steps[len(b.steps)-1]
		if cast == "" || last.cast != "" || last.member != "" {
			return b, false
		}
		last.cast = cast
	}
	if !r.skip(")") {
		return b, false
	}
	if !r.skip(".") {
		return b, true
	}
	return r.path(b)
}

// path reads name.name… behind what b holds.
func (r *pathReader) path(b branch) (branch, bool) {
	if len(b.steps) == 0 && r.skip("%resource") {
		b.root = "%resource"
		if !r.skip(".") {
			return b, false
		}
	}
	for {
		name := r.name()
		if name == "" {
			return b, false
		}
		var ok bool
		if b, ok = r.segment(b, name); !ok {
			return b, false
		}
		if !r.skip(".") {
			return b, true
		}
		if b.target != "" {
			return b, false
		}
	}
}

// segment adds one name or call to b.
func (r *pathReader) segment(b branch, name string) (branch, bool) {
	first := b.root == "" && len(b.steps) == 0
	if first && name[0] >= 'A' && name[0] <= 'Z' {
		b.root = name
		return b, r.rest == "" || r.rest[0] == '.'
	}
	if !strings.HasPrefix(r.rest, "(") {
		step := rawStep{name: name}
		if r.skip("[") {
			step.item = r.name()
			if step.item != "0" || !r.skip("]") {
				return b, false
			}
		}
		b.steps = append(b.steps, step)
		return b, true
	}
	if len(b.steps) == 0 {
		return b, false
	}
	last := &b.steps[len(b.steps)-1]
	switch {
	case (name == "as" || name == "ofType") && r.skip("(") && last.cast == "" && last.member == "":
		last.cast = r.name()
		return b, last.cast != "" && r.skip(")")
	case name == "where" && r.skip("(resolve() is "):
		b.target = r.name()
		return b, b.target != "" && r.skip(")")
	case name == "where" && r.skip("(") && last.member == "":
		last.member = r.name()
		if last.member == "" || !(r.skip("=") || r.skip(" = ")) || !r.skip("'") {
			return b, false
		}
		i := strings.IndexByte(r.rest, '\'')
		if i < 0 || strings.ContainsRune(r.rest[:i], '\\') {
			return b, false
		}
		last.value = r.rest[:i]
		r.rest = r.rest[i+1:]
		return b, r.skip(")")
	}
	return b, false
}
