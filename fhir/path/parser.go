package path

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/firth-health/firth/fhir"
)

const (
	maxSource = 16 << 10 // bytes of an expression
	maxDepth  = 200      // nesting of parentheses, arguments and signs
)

// precedence of the binary operators, the loosest first (FHIRPath N1, Operator Precedence).
var precedence = map[string]int{
	"implies": 1,
	"or":      2, "xor": 2,
	"and": 3,
	"in":  4, "contains": 4,
	"=": 5, "~": 5, "!=": 5, "!~": 5,
	"<": 6, "<=": 6, ">": 6, ">=": 6,
	"|":  7,
	"is": 8, "as": 8,
	"+": 9, "-": 9, "&": 9,
	"*": 10, "/": 10, "div": 10, "mod": 10,
}

// signPrecedence is that of + and - before an operand: tighter than all binary operators, looser than . and [].
const signPrecedence = 11

type parser struct {
	lexer lexer
	token token
	depth int
}

// parse reads a whole expression. Errors are *[Error].
func parse(source string) (expr, error) {
	if len(source) > maxSource {
		return nil, errorAt(source, 0, "the expression is longer than %d bytes", maxSource)
	}
	p := &parser{lexer: lexer{source: source}}
	if err := p.advance(); err != nil {
		return nil, err
	}
	e, err := p.expression(0)
	if err != nil {
		return nil, err
	}
	if p.token.kind != tokenEnd {
		return nil, p.expected("an operator or the end of the expression")
	}
	return e, nil
}

func (p *parser) advance() (err error) {
	p.token, err = p.lexer.next()
	return err
}

func (p *parser) expected(what string) error {
	return p.lexer.fail(p.token.offset, "expected %s, found %s", what, p.token.describe())
}

// take advances over the operator, which must stand here.
func (p *parser) take(operator string) error {
	if !p.token.is(operator) {
		return p.expected(strconv.Quote(operator))
	}
	return p.advance()
}

// expression reads operands and the operators between them that bind tighter than loosest.
func (p *parser) expression(loosest int) (expr, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, p.lexer.fail(p.token.offset, "the expression is nested deeper than %d levels", maxDepth)
	}
	defer func() { p.depth-- }()
	left, err := p.operand()
	for err == nil {
		operator := p.token
		power := 0
		if operator.kind == tokenOperator || operator.kind == tokenName {
			power = precedence[operator.text]
		}
		if power <= loosest {
			return left, nil
		}
		if err = p.advance(); err != nil {
			break
		}
		left, err = p.infix(left, operator, power)
	}
	return nil, err
}

// infix reads what stands right of an operator.
func (p *parser) infix(left expr, operator token, power int) (expr, error) {
	if operator.text == "is" || operator.text == "as" {
		name, err := p.typeName()
		return &typeTest{at(operator.offset), operator.text, left, name}, err
	}
	right, err := p.expression(power)
	return &binary{at(operator.offset), operator.text, left, right}, err
}

func (p *parser) typeName() (typeName, error) {
	name := typeName{at: at(p.token.offset)}
	var err error
	if name.name, err = p.identifier("the name of a type"); err != nil {
		return name, err
	}
	if p.token.is(".") {
		if err = p.advance(); err != nil {
			return name, err
		}
		name.namespace = name.name
		name.name, err = p.identifier("the name of a type")
	}
	return name, err
}

func (p *parser) identifier(what string) (string, error) {
	if p.token.kind != tokenName && p.token.kind != tokenQuoted {
		return "", p.expected(what)
	}
	name := p.token.text
	return name, p.advance()
}

// operand reads signs, a term, and the invocations and indexers behind it.
func (p *parser) operand() (expr, error) {
	if p.token.is("-") || p.token.is("+") {
		sign := p.token
		if err := p.advance(); err != nil {
			return nil, err
		}
		operand, err := p.expression(signPrecedence)
		return &unary{at(sign.offset), sign.text, operand}, err
	}
	e, err := p.term()
	for err == nil {
		start := p.token.offset
		switch {
		case p.token.is("."):
			if err = p.advance(); err == nil {
				e, err = p.invocation(e)
			}
		case p.token.is("["):
			if err = p.advance(); err != nil {
				break
			}
			var item expr
			if item, err = p.expression(0); err == nil {
				e, err = &index{at(start), e, item}, p.take("]")
			}
		default:
			return e, nil
		}
	}
	return nil, err
}

// invocation reads a member or a function call; target is nil at the start of a path.
func (p *parser) invocation(target expr) (expr, error) {
	start := at(p.token.offset)
	if p.token.kind == tokenSpecial {
		if target != nil {
			return nil, p.expected("the name of an element or function")
		}
		name := p.token.text
		return &special{start, name}, p.advance()
	}
	name, err := p.identifier("the name of an element or function")
	if err != nil {
		return nil, err
	}
	if !p.token.is("(") {
		return &member{start, target, name}, nil
	}
	args, err := p.arguments()
	return &call{start, target, name, args}, err
}

func (p *parser) arguments() ([]expr, error) {
	if err := p.take("("); err != nil {
		return nil, err
	}
	if p.token.is(")") {
		return nil, p.advance()
	}
	var args []expr
	for {
		arg, err := p.expression(0)
		if err != nil {
			return nil, err
		}
		args = append(args, arg)
		if p.token.is(")") {
			return args, p.advance()
		}
		if !p.token.is(",") {
			return nil, p.expected(`"," or ")"`)
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
	}
}

func (p *parser) term() (expr, error) {
	t := p.token
	switch t.kind {
	case tokenName:
		if t.text == "true" || t.text == "false" {
			return &literal{at(t.offset), newBoolean(t.text == "true")}, p.advance()
		}
		// is, as, in and contains are also names of elements and functions; the other operators are not.
		if _, reserved := precedence[t.text]; !reserved || t.text == "is" || t.text == "as" || t.text == "in" || t.text == "contains" {
			return p.invocation(nil)
		}
	case tokenQuoted, tokenSpecial:
		return p.invocation(nil)
	case tokenString:
		return &literal{at(t.offset), newString(t.text)}, p.advance()
	case tokenNumber:
		return p.number()
	case tokenDate, tokenDateTime, tokenTime:
		return p.temporal()
	case tokenVariable:
		return &variable{at(t.offset), t.text}, p.advance()
	case tokenOperator:
		switch t.text {
		case "(":
			if err := p.advance(); err != nil {
				return nil, err
			}
			e, err := p.expression(0)
			if err != nil {
				return nil, err
			}
			return e, p.take(")")
		case "{":
			if err := p.advance(); err != nil {
				return nil, err
			}
			return &literal{at: at(t.offset)}, p.take("}")
		}
	}
	return nil, p.expected("an expression")
}

// number reads an integer, a decimal, or a quantity when a unit follows.
func (p *parser) number() (expr, error) {
	t := p.token
	if err := p.advance(); err != nil {
		return nil, err
	}
	if p.token.kind == tokenString || p.token.kind == tokenName && calendarUnit(p.token.text) != "" {
		d, err := fhir.ParseDecimal(t.text)
		if err != nil {
			return nil, p.lexer.fail(t.offset, "the number has too many digits")
		}
		q := Quantity{Value: d, Unit: p.token.text}
		if p.token.kind == tokenName {
			q.Unit, q.Calendar = calendarUnit(p.token.text), true
		}
		return &literal{at(t.offset), newQuantity(q)}, p.advance()
	}
	if !strings.Contains(t.text, ".") {
		if i, err := strconv.ParseInt(t.text, 10, 64); err == nil {
			return &literal{at(t.offset), newInteger(i)}, nil
		}
	}
	d, err := fhir.ParseDecimal(t.text)
	if err != nil {
		return nil, p.lexer.fail(t.offset, "the number has too many digits")
	}
	return &literal{at(t.offset), newDecimal(d)}, nil
}

func (p *parser) temporal() (expr, error) {
	t := p.token
	kind := map[tokenKind]Kind{tokenDate: Date, tokenDateTime: DateTime, tokenTime: Time}[t.kind]
	value, ok := parseTemporal(kind, t.text)
	if !ok {
		return nil, p.lexer.fail(t.offset, "@%s is not a %s", t.text, strings.ToLower(fmt.Sprint(kind)))
	}
	return &literal{at(t.offset), newTemporal(value)}, p.advance()
}
