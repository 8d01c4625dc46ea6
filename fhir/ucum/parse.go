package ucum

import (
	"fmt"
	"math/big"
	"strings"
)

// Bounds of a code, which is what a client wrote.
const (
	maxLength   = 256
	maxDepth    = 16
	maxExponent = 50
	maxBits     = 4096 // of a factor's numerator or denominator
)

// SyntaxError says where a code is no UCUM.
type SyntaxError struct {
	Code     string
	Position int // byte, from 0
	Text     string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%q is not a UCUM unit: %s at position %d", e.Code, e.Text, e.Position+1)
}

// parser reads the grammar of UCUM chapter 2: terms are computed while they are read.
type parser struct {
	t     *Table
	code  string
	at    int
	depth int
}

// parse gives the measure of a code. The empty code is the unity.
func (t *Table) parse(code string) (measure, error) {
	p := &parser{t: t, code: code}
	if len(code) > maxLength {
		return measure{}, p.failf("longer than %d bytes", maxLength)
	}
	if code == "" {
		return unity(), nil
	}
	m, err := p.mainTerm()
	if err == nil && p.at < len(p.code) {
		err = p.failf("unexpected %q", p.code[p.at])
	}
	return m, err
}

func (p *parser) failf(format string, args ...any) error {
	return &SyntaxError{Code: p.code, Position: p.at, Text: fmt.Sprintf(format, args...)}
}

func (p *parser) next() byte {
	if p.at == len(p.code) {
		return 0
	}
	return p.code[p.at]
}

// mainTerm is a term that may begin with a solidus.
func (p *parser) mainTerm() (measure, error) {
	if p.next() == '/' {
		return p.operators(unity())
	}
	m, err := p.component()
	if err != nil {
		return m, err
	}
	return p.operators(m)
}

// operators multiplies and divides from left to right.
func (p *parser) operators(m measure) (measure, error) {
	for {
		operator := p.next()
		if operator != '.' && operator != '/' {
			return m, nil
		}
		p.at++
		right, err := p.component()
		if err != nil {
			return m, err
		}
		sign := 1
		if operator == '/' {
			sign = -1
		}
		if m, err = m.times(right, sign); err != nil {
			return m, p.failf("%v", err)
		}
	}
}

// component is a number, a symbol with an exponent, an annotation, or a term in parentheses.
func (p *parser) component() (measure, error) {
	switch c := p.next(); {
	case c == '(':
		return p.parenthesis()
	case c == '{':
		return unity(), p.annotation()
	case isDigit(c) && !p.tenToThe():
		return p.number()
	}
	start := p.at
	m, err := p.symbol()
	if err != nil {
		return m, err
	}
	exponent, err := p.exponent()
	if err != nil {
		return m, err
	}
	if exponent != 1 {
		if m, err = m.power(exponent); err != nil {
			p.at = start
			return m, p.failf("%v", err)
		}
	}
	return m, p.annotated()
}

func (p *parser) parenthesis() (measure, error) {
	if p.depth++; p.depth > maxDepth {
		return measure{}, p.failf("more than %d levels of parentheses", maxDepth)
	}
	p.at++
	m, err := p.mainTerm()
	if err != nil {
		return m, err
	}
	if p.next() != ')' {
		return m, p.failf("parenthesis not closed")
	}
	p.at++
	p.depth--
	return m, p.annotated()
}

// annotated takes the annotation that may follow.
func (p *parser) annotated() error {
	if p.next() == '{' {
		return p.annotation()
	}
	return nil
}

func (p *parser) annotation() error {
	end := strings.IndexByte(p.code[p.at:], '}')
	if end < 0 {
		return p.failf("annotation not closed")
	}
	for i, c := range []byte(p.code[p.at : p.at+end]) {
		if c < '!' || c > '~' || i > 0 && c == '{' {
			p.at += i
			return p.failf("an annotation holds printable ASCII only")
		}
	}
	p.at += end + 1
	return nil
}

// tenToThe reports whether a symbol that begins with a digit stands here: 10* or 10^.
func (p *parser) tenToThe() bool {
	rest := p.code[p.at:]
	return strings.HasPrefix(rest, "10*") || strings.HasPrefix(rest, "10^")
}

func (p *parser) number() (measure, error) {
	start := p.at
	for isDigit(p.next()) {
		p.at++
	}
	value, ok := new(big.Int).SetString(p.code[start:p.at], 10)
	if !ok || value.Sign() == 0 {
		p.at = start
		return measure{}, p.failf("not a positive number")
	}
	m := unity()
	m.factor.SetInt(value)
	return m, p.annotated()
}

// symbol is everything up to an operator or an exponent; brackets hold operators and digits as well.
func (p *parser) symbol() (measure, error) {
	start := p.at
	if p.tenToThe() {
		p.at += len("10*")
	} else if err := p.letters(); err != nil {
		return measure{}, err
	}
	text := p.code[start:p.at]
	prefix, a, ok := p.t.find(text)
	if !ok {
		p.at = start
		if text == "" {
			return measure{}, p.failf("a unit is missing")
		}
		return measure{}, p.failf("there is no unit %q", text)
	}
	m, err := p.t.of(a)
	if err != nil {
		return m, err
	}
	m = m.clone()
	if prefix != nil {
		m.prefix(prefix)
	}
	return m, nil
}

func (p *parser) letters() error {
	for p.at < len(p.code) {
		c := p.code[p.at]
		switch {
		case c == '[':
			end := strings.IndexByte(p.code[p.at:], ']')
			if end < 0 {
				return p.failf("bracket not closed")
			}
			p.at += end
		case c < '!' || c > '~':
			return p.failf("a code holds printable ASCII only")
		case isDigit(c) || strings.IndexByte("./(){}+-", c) >= 0:
			return nil
		}
		p.at++
	}
	return nil
}

// exponent is an integer with a sign or without; 1 when there is none.
func (p *parser) exponent() (int, error) {
	sign, start := 1, p.at
	switch p.next() {
	case '-':
		sign = -1
		p.at++
	case '+':
		p.at++
	}
	n, digits := 0, p.at
	for isDigit(p.next()) && n <= maxExponent {
		n = n*10 + int(p.next()-'0')
		p.at++
	}
	switch {
	case p.at == digits && digits != start:
		return 0, p.failf("an exponent is missing")
	case p.at == digits:
		return 1, nil
	case n > maxExponent:
		p.at = start
		return 0, p.failf("an exponent beyond %d", maxExponent)
	}
	return sign * n, nil
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
