package graphql

import "unicode/utf8"

// Parse reads a query document (GraphQL June 2018, executable definitions only). Errors are *[Problem].
func Parse(text string) (*Document, error) {
	if len(text) > maxDocument {
		return nil, problem(Position{}, "the query has %d bytes; %d are allowed", len(text), maxDocument)
	}
	if !utf8.ValidString(text) {
		return nil, problem(Position{}, "the query is not UTF-8")
	}
	p := &parser{lexer: lexer{text: text}, document: &Document{fragments: map[string]*fragment{}}}
	if err := p.advance(); err != nil {
		return nil, err
	}
	for p.token.kind != endToken {
		if err := p.definition(); err != nil {
			return nil, err
		}
	}
	if len(p.document.operations) == 0 {
		return nil, problem(p.token.at, "the document has no query")
	}
	return p.document, nil
}

type parser struct {
	lexer    lexer
	token    token
	depth    int
	document *Document
}

func (p *parser) advance() (err error) {
	p.token, err = p.lexer.next()
	return err
}

// expect takes a punctuator.
func (p *parser) expect(text string) error {
	if !p.token.is(text) {
		return problem(p.token.at, "expected %q, found %s", text, p.token.shown())
	}
	return p.advance()
}

// skip takes a punctuator if it is there.
func (p *parser) skip(text string) (bool, error) {
	if !p.token.is(text) {
		return false, nil
	}
	return true, p.advance()
}

func (p *parser) name() (string, error) {
	if p.token.kind != nameToken {
		return "", problem(p.token.at, "expected a name, found %s", p.token.shown())
	}
	name := p.token.text
	return name, p.advance()
}

// nested bounds the depth of what follows.
func (p *parser) nested(read func() error) error {
	if p.depth++; p.depth > maxDepth {
		return problem(p.token.at, "the query is nested deeper than %d levels", maxDepth)
	}
	err := read()
	p.depth--
	return err
}

// definition reads an operation or a fragment.
func (p *parser) definition() (err error) {
	at := p.token.at
	if p.token.is("{") {
		op := &operation{at: at}
		p.document.operations = append(p.document.operations, op)
		op.selection, err = p.selections()
		return err
	}
	if p.token.kind != nameToken {
		return problem(at, "expected a query or a fragment, found %s", p.token.shown())
	}
	switch p.token.text {
	case "query":
		return p.operation(at)
	case "fragment":
		return p.fragment(at)
	case "mutation", "subscription":
		return problem(at, "%ss are not supported; only queries are", p.token.text)
	}
	return problem(at, "expected a query or a fragment, found %s", p.token.shown())
}

func (p *parser) operation(at Position) (err error) {
	op := &operation{at: at}
	p.document.operations = append(p.document.operations, op)
	if err := p.advance(); err != nil {
		return err
	}
	if p.token.kind == nameToken {
		if op.name, err = p.name(); err != nil {
			return err
		}
	}
	if op.variables, err = p.variables(); err != nil {
		return err
	}
	if directives, err := p.directives(); err != nil || len(directives) > 0 {
		if err == nil {
			err = problem(directives[0].at, "a query takes no directive @%s", directives[0].name)
		}
		return err
	}
	op.selection, err = p.selections()
	return err
}

func (p *parser) fragment(at Position) error {
	if err := p.advance(); err != nil {
		return err
	}
	name, err := p.name()
	if err != nil {
		return err
	}
	if name == "on" || p.document.fragments[name] != nil {
		return problem(at, "a fragment cannot have the name %q, or there are two of it", name)
	}
	f := &fragment{}
	p.document.fragments[name] = f
	if f.on, err = p.condition(); err != nil {
		return err
	}
	if f.on == "" {
		return problem(p.token.at, "expected on and a type, found %s", p.token.shown())
	}
	f.selection, err = p.selections()
	return err
}

// condition reads "on Type", if it is there.
func (p *parser) condition() (string, error) {
	if p.token.kind != nameToken || p.token.text != "on" {
		return "", nil
	}
	if err := p.advance(); err != nil {
		return "", err
	}
	return p.name()
}

func (p *parser) variables() (list []variable, err error) {
	if open, err := p.skip("("); !open || err != nil {
		return nil, err
	}
	for !p.token.is(")") {
		v := variable{at: p.token.at}
		if err := p.expect("$"); err != nil {
			return nil, err
		}
		if v.name, err = p.name(); err != nil {
			return nil, err
		}
		if err := p.expect(":"); err != nil {
			return nil, err
		}
		if v.required, err = p.typeName(); err != nil {
			return nil, err
		}
		if has, err := p.skip("="); err != nil {
			return nil, err
		} else if has {
			absent, err := p.value(true)
			if err != nil {
				return nil, err
			}
			v.absent = &absent
		}
		list = append(list, v)
	}
	return list, p.expect(")")
}

// typeName reads the type of a variable. Values are texts here, so only whether it is required counts.
func (p *parser) typeName() (required bool, err error) {
	err = p.nested(func() error {
		if open, err := p.skip("["); err != nil || !open {
			if err == nil {
				_, err = p.name()
			}
			return err
		}
		if _, err := p.typeName(); err != nil {
			return err
		}
		return p.expect("]")
	})
	if err != nil {
		return false, err
	}
	return p.skip("!")
}

func (p *parser) selections() (list []selection, err error) {
	err = p.nested(func() error {
		at := p.token.at
		if err := p.expect("{"); err != nil {
			return err
		}
		for !p.token.is("}") {
			s, err := p.selection()
			if err != nil {
				return err
			}
			list = append(list, s)
		}
		if len(list) == 0 {
			return problem(at, "nothing is selected")
		}
		return p.advance()
	})
	return list, err
}

func (p *parser) selection() (s selection, err error) {
	s.at = p.token.at
	if isSpread, err := p.skip("..."); err != nil {
		return s, err
	} else if !isSpread {
		s.field, err = p.field()
		return s, err
	}
	if p.token.kind == nameToken && p.token.text != "on" {
		if s.spread, err = p.name(); err != nil {
			return s, err
		}
		s.directives, err = p.directives()
		return s, err
	}
	if s.on, err = p.condition(); err != nil {
		return s, err
	}
	if s.directives, err = p.directives(); err != nil {
		return s, err
	}
	s.selection, err = p.selections()
	return s, err
}

func (p *parser) field() (*field, error) {
	f := &field{at: p.token.at}
	name, err := p.name()
	if err != nil {
		return nil, err
	}
	f.key, f.name = name, name
	if isAlias, err := p.skip(":"); err != nil {
		return nil, err
	} else if isAlias {
		if f.name, err = p.name(); err != nil {
			return nil, err
		}
	}
	if f.arguments, err = p.arguments(false); err != nil {
		return nil, err
	}
	if f.directives, err = p.directives(); err != nil {
		return nil, err
	}
	if p.token.is("{") {
		f.selection, err = p.selections()
	}
	return f, err
}

func (p *parser) directives() (list []directive, err error) {
	for p.token.is("@") {
		d := directive{at: p.token.at}
		if err := p.advance(); err != nil {
			return nil, err
		}
		if d.name, err = p.name(); err != nil {
			return nil, err
		}
		if d.arguments, err = p.arguments(false); err != nil {
			return nil, err
		}
		list = append(list, d)
	}
	return list, nil
}

func (p *parser) arguments(constant bool) (list []argument, err error) {
	if open, err := p.skip("("); !open || err != nil {
		return nil, err
	}
	for !p.token.is(")") {
		a := argument{at: p.token.at}
		if a.name, err = p.name(); err != nil {
			return nil, err
		}
		if err := p.expect(":"); err != nil {
			return nil, err
		}
		if a.value, err = p.value(constant); err != nil {
			return nil, err
		}
		list = append(list, a)
	}
	return list, p.expect(")")
}

// value reads a value; a constant has no variables.
func (p *parser) value(constant bool) (v value, err error) {
	t := p.token
	switch {
	case t.kind == intToken || t.kind == floatToken || t.kind == stringToken:
		return value{kind: scalarValue, text: t.text}, p.advance()
	case t.kind == nameToken && t.text == "null":
		return value{}, p.advance()
	case t.kind == nameToken: // true, false, or an enumeration value
		return value{kind: scalarValue, text: t.text}, p.advance()
	case t.is("$") && !constant:
		if err := p.advance(); err != nil {
			return v, err
		}
		name, err := p.name()
		return value{kind: variableValue, text: name}, err
	case t.is("["):
		return p.list(constant)
	case t.is("{"):
		return v, problem(t.at, "no argument takes an object")
	}
	return v, problem(t.at, "expected a value, found %s", t.shown())
}

func (p *parser) list(constant bool) (v value, err error) {
	v.kind = listValue
	err = p.nested(func() error {
		if err := p.advance(); err != nil {
			return err
		}
		for !p.token.is("]") {
			item, err := p.value(constant)
			if err != nil {
				return err
			}
			v.list = append(v.list, item)
		}
		return p.advance()
	})
	return v, err
}
