package validate

import (
	"bytes"
	"slices"
	"strings"

	"github.com/firth-health/firth/fhir"
)

// literal is what the text of Reference.reference says (R4 references.html#literal).
type literal struct {
	form form
	typ  []byte // name of the type it points to, as far as the text tells; may be no type of FHIR when the form is absolute
	id   []byte // of a fragment: without '#', empty for the container
}

type form uint8

const (
	malformed   form = iota
	fragment         // #id
	absolute         // has a scheme
	relative         // Type/id or Type/id/_history/version
	conditional      // Type?query, in transactions (R4 http.html#trules)
)

// readLiteral is [fhir.ParseReference] on bytes, without memory of its own, that also tells what is no reference.
func readLiteral(text []byte) literal {
	if bytes.ContainsAny(text, " \t\r\n") {
		return literal{}
	}
	if text[0] == '#' {
		return literal{form: fragment, id: text[1:]}
	}
	if scheme := schemeOf(text); len(scheme) > 0 {
		l := literal{form: absolute}
		path, isURL := bytes.CutPrefix(text[len(scheme):], []byte("://"))
		if isURL && (string(scheme) == "http" || string(scheme) == "https") {
			if base, typ := restTarget(path); len(base) > 0 {
				l.typ = typ
			}
		}
		return l
	}
	if typ, _, found := bytes.Cut(text, []byte("?")); found {
		return literal{form: conditional, typ: typ}
	}
	if base, typ := restTarget(text); len(base) == 0 && typ != nil {
		return literal{form: relative, typ: typ}
	}
	return literal{}
}

// schemeOf returns the scheme of an absolute URI without the colon (RFC 3986, 3.1); empty for a relative one.
func schemeOf(text []byte) []byte {
	for i, c := range text {
		switch {
		case 'a' <= c|0x20 && c|0x20 <= 'z':
		case i > 0 && ('0' <= c && c <= '9' || c == '+' || c == '-' || c == '.'):
		case i > 0 && c == ':':
			return text[:i]
		default:
			return nil
		}
	}
	return nil
}

// restTarget splits [base/]Type/id[/_history/version]; typ is nil when path is of another form.
func restTarget(path []byte) (base, typ []byte) {
	rest, last := cutLast(path)
	if before, middle := cutLast(rest); string(middle) == "_history" {
		rest, last = cutLast(before)
	}
	base, typ = cutLast(rest)
	if !isTypeName(typ) || !isID(last) {
		return nil, nil
	}
	return base, typ
}

func cutLast(path []byte) (before, last []byte) {
	i := bytes.LastIndexByte(path, '/')
	if i < 0 {
		return nil, path
	}
	return path[:i], path[i+1:]
}

func isTypeName(b []byte) bool {
	if len(b) == 0 || len(b) > 64 || b[0] < 'A' || b[0] > 'Z' {
		return false
	}
	for _, c := range b {
		if c|0x20 < 'a' || c|0x20 > 'z' {
			return false
		}
	}
	return true
}

// reference checks what the members of a Reference say about its target.
func (w *walk) reference(n fhir.Node, m *member) {
	var target string // name of the type; empty when not known
	if text := n.Get("reference"); text.Kind() == fhir.String {
		if b := w.string(text); len(b) > 0 {
			w.enter("reference")
			target = w.literal(text, readLiteral(b), m)
			w.leave()
		}
	}
	typ := n.Get("type")
	if typ.Kind() != fhir.String {
		return
	}
	b := bytes.TrimPrefix(w.string(typ), []byte("http://hl7.org/fhir/StructureDefinition/"))
	if len(b) == 0 || bytes.IndexByte(b, ':') >= 0 {
		return // empty, which is reported as such, or a logical model
	}
	w.enter("type")
	switch t := w.v.resources[string(b)]; {
	case t == nil:
		w.report(typ, fhir.CodeValue, "Reference.type must name a resource type of FHIR%s", suggest(string(b), w.v.defs.ResourceTypes()))
	case target != "" && t.typ.Name != target:
		w.report(typ, fhir.CodeValue, "Reference.type must be the type that the reference points to, %s", target)
	case target == "" && !m.mayPointTo(t.typ.Name):
		w.report(typ, fhir.CodeValue, "%s must point to %s, not to %s", m.element.Path, m.targetList(), t.typ.Name)
	}
	w.leave()
}

// literal checks the target of a literal reference and returns its type; empty when the text does not tell it, or tells nonsense.
func (w *walk) literal(n fhir.Node, l literal, m *member) string {
	switch l.form {
	case malformed:
		w.report(n, fhir.CodeValue, "a literal reference must be Type/id, an absolute URL or #id, without white space")
		return ""
	case fragment:
		return w.fragment(n, l.id, m)
	}
	if l.typ == nil {
		return ""
	}
	t := w.v.resources[string(l.typ)]
	switch {
	case t == nil && l.form == absolute:
		return "" // some URL
	case t == nil:
		w.report(n, fhir.CodeValue, "a relative reference must begin with a resource type of FHIR%s", suggest(string(l.typ), w.v.defs.ResourceTypes()))
		return ""
	case !m.mayPointTo(t.typ.Name):
		w.report(n, fhir.CodeValue, "%s must point to %s, not to %s", m.element.Path, m.targetList(), t.typ.Name)
	}
	return t.typ.Name
}

// fragment resolves #id within the resource and returns the type of what it points to; empty when there is none or it has none.
func (w *walk) fragment(n fhir.Node, id []byte, m *member) string {
	s := &w.scopes[len(w.scopes)-1]
	typ := s.typ
	if len(id) > 0 {
		entry, found := w.find(s, id)
		if !found {
			w.report(n, fhir.CodeInvariant, "a reference that begins with # must be to a contained resource of the same resource (ref-1)")
			return ""
		}
		typ = entry.typ
	}
	if typ == nil {
		return ""
	}
	if !m.mayPointTo(typ.Name) {
		w.report(n, fhir.CodeValue, "%s must point to %s, not to %s", m.element.Path, m.targetList(), typ.Name)
	}
	return typ.Name
}

func (m *member) mayPointTo(typ string) bool {
	return len(m.targets) == 0 || slices.Contains(m.targets, typ)
}

// targetList names the types a reference may point to.
func (m *member) targetList() string { return strings.Join(m.targets, ", ") }
