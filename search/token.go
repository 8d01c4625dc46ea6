package search

import (
	"github.com/firth-health/firth/fhir"
)

// Tokens (R4 search.html#token): Coding, CodeableConcept, Identifier, ContactPoint, code, boolean, and other primitives.

// readCode takes a primitive. The system that a binding implies is kept only where not all values of the index imply it.
func (x *extractor) readCode(n fhir.Node, l *leaf) {
	p := piece{form: formToken, a: x.nodeText(n)}
	if p.a.empty() {
		return
	}
	if l.system != "" && x.impliedSystem() == "" {
		p.b = x.text(l.system)
	}
	x.add(p)
}

func (x *extractor) impliedSystem() string {
	if x.part >= 0 {
		return x.ix.parts[x.part].system
	}
	return x.ix.system
}

func (x *extractor) readCoding(n fhir.Node) {
	x.addCoding(n)
	x.addWords(fhir.Node{}, n.Get("display"))
}

func (x *extractor) addCoding(n fhir.Node) {
	x.addToken(x.member(n, "code"), x.member(n, "system"))
}

func (x *extractor) readConcept(n fhir.Node) {
	for coding := n.Get("coding").First(); coding.Ok(); coding = coding.Next() {
		x.addCoding(coding)
	}
	x.addWords(n.Get("coding"), n.Get("text"))
}

// readIdentifier reads an Identifier. Its type is what :of-type asks for, the text of the type what :text does.
func (x *extractor) readIdentifier(n fhir.Node) {
	value := x.member(n, "value")
	x.addToken(value, x.member(n, "system"))
	if x.part >= 0 {
		return // composites have no modifiers
	}
	kind := n.Get("type")
	for coding := kind.Path("coding").First(); coding.Ok() && !value.empty(); coding = coding.Next() {
		p := piece{form: formOfType, a: value, b: x.member(coding, "code")}
		if p.unit[0] = x.member(coding, "system"); !p.b.empty() && !p.unit[0].empty() {
			x.add(p)
		}
	}
	x.addWords(fhir.Node{}, kind.Get("text"))
}

// readContact reads a ContactPoint, whose system is a word like phone.
func (x *extractor) readContact(n fhir.Node) {
	x.addToken(x.member(n, "value"), x.member(n, "system"))
}

func (x *extractor) addToken(code, system extent) {
	if !code.empty() || !system.empty() {
		x.add(piece{form: formToken, a: code, b: system})
	}
}

func (x *extractor) writeToken(p *piece) {
	if !p.a.empty() {
		x.begin(formToken)
		x.put(p.a)
		x.putField(p.b)
		x.end()
	}
	if !p.b.empty() {
		x.begin(formSystem)
		x.put(p.b)
		x.end()
	}
}

// tokenAsked is a token of a query.
type tokenAsked struct {
	system, code       string
	hasSystem, hasCode bool // code alone, |code, system|code, system|
}

func readToken(s segment) (tokenAsked, error) {
	parts := s.split('|')
	switch {
	case len(parts) == 1:
		return tokenAsked{code: keyText(parts[0].text()), hasCode: true}, nil
	case len(parts) > 2:
		return tokenAsked{}, parts[2].failf("a token has one | at most; write \\| for one that belongs to the value")
	}
	t := tokenAsked{system: keyText(parts[0].text()), code: keyText(parts[1].text()), hasSystem: true}
	t.hasCode = t.code != ""
	if t.system == "" && !t.hasCode {
		return t, s.failf("neither a system nor a code")
	}
	return t, nil
}

// keys gives the condition on keys of an index, relative to its prefix. ok is false where nothing can match.
func (t tokenAsked) keys(implied string) (k Keys, ok bool) {
	field := string(formToken) + t.code + Separator
	switch {
	case !t.hasSystem, t.system == "" && implied != "":
		return withPrefix(field), true
	case implied != "" && t.system != implied:
		return Keys{}, false
	case implied != "" && t.hasCode:
		return withPrefix(field), true
	case implied != "":
		return withPrefix(string(formToken)), true
	case t.hasCode:
		return exactly(field + t.system), true
	}
	return exactly(string(formSystem) + t.system), true
}
