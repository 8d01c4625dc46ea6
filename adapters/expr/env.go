package expr

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/interpreter"

	"github.com/firth-health/firth/fhir"
)

// CostLimit bounds one evaluation, in CEL's cost units (about one for each operation).
const CostLimit = 200_000

// maxSource bounds an expression's text, in bytes.
const maxSource = 4096

// Language compiles the expressions of one manifest. It is used by one goroutine.
type Language struct {
	env    *cel.Env
	tables map[string]map[string]string
	facts  []string         // names of ctx
	known  map[string]*Expr // by source: manifests repeat themselves
}

// NewLanguage makes a language whose lookup() knows the tables and whose ctx has the facts.
func NewLanguage(tables map[string]map[string]string, facts []string) (*Language, error) {
	options := operatorOptions()
	options = append(options, functionOptions(tables)...)
	for _, name := range variables() {
		options = append(options, cel.Variable(name, variableType(name)))
	}
	env, err := cel.NewCustomEnv(options...)
	if err != nil {
		return nil, err
	}
	return &Language{env: env, tables: tables, facts: facts, known: map[string]*Expr{}}, nil
}

func variables() []string {
	return []string{"msg", "item", "parent", "parents", "key", "ctx", "now", "vars", "it", "device", "patient"}
}

func variableType(name string) *cel.Type {
	switch name {
	case "now":
		return cel.StringType
	}
	return cel.DynType
}

// Expr is a compiled expression. It is safe for concurrent use, each goroutine with its own [Scope].
type Expr struct {
	source  string
	root    string // of a simple path
	member  string // of vars and ctx
	steps   []step
	program cel.Program // nil for a simple path
	roots   map[string]bool
	members []string // of vars that the program uses
	boolean bool
}

// Error is a fault in an expression's text. Line and Col count from 1, within the expression.
type Error struct {
	Line, Col int
	Msg       string
}

func (e *Error) Error() string { return e.Msg }

// Compile checks an expression. Names are the ones that vars has. The error is an *[Error].
func (l *Language) Compile(source string, names []string) (*Expr, error) {
	if len(source) > maxSource {
		return nil, &Error{1, 1, fmt.Sprintf("the expression is longer than %d bytes", maxSource)}
	}
	if strings.TrimSpace(source) == "" {
		return nil, &Error{1, 1, "the expression is empty"}
	}
	if e, ok := simplePath(source); ok {
		if e.root == "vars" && !slices.Contains(names, e.member) {
			return nil, &Error{1, 1, fmt.Sprintf("vars has no %q", e.member)}
		}
		if e.root == "ctx" && !slices.Contains(l.facts, e.member) {
			return nil, &Error{1, 1, fmt.Sprintf("ctx has no %q", e.member)}
		}
		return e, nil
	}
	if e := l.known[source]; e != nil && !slices.ContainsFunc(e.members, func(m string) bool { return !slices.Contains(names, m) }) {
		return e, nil
	}
	checked, issues := l.env.Compile(source)
	if err := issues.Err(); err != nil {
		return nil, firstIssue(issues)
	}
	native := checked.NativeRep()
	e := &Expr{source: source, roots: map[string]bool{}}
	e.boolean = checked.OutputType().IsExactType(cel.BoolType) || checked.OutputType().IsExactType(cel.DynType)
	r := rewriter{language: l, names: names, source: source, info: native.SourceInfo(), roots: e.roots, indices: map[int64]bool{}}
	if err := r.rewrite(native.Expr()); err != nil {
		return nil, err
	}
	program, err := l.env.Program(checked, cel.CostLimit(CostLimit), cel.OptimizeRegex(interpreter.MatchesRegexOptimization))
	if err != nil {
		return nil, &Error{1, 1, err.Error()}
	}
	e.program, e.members = program, r.members
	l.known[source] = e
	return e, nil
}

func firstIssue(issues *cel.Issues) error {
	errs := issues.Errors()
	if len(errs) == 0 {
		return &Error{1, 1, issues.Err().Error()}
	}
	first := errs[0]
	return &Error{max(first.Location.Line(), 1), first.Location.Column() + 1, first.Message}
}

// simplePath recognises expressions that need no interpreter: a variable followed by names and indices.
func simplePath(source string) (*Expr, bool) {
	source = strings.TrimSpace(source)
	steps, err := parsePath(source)
	if err != nil || len(steps) == 0 || steps[0].name == "" || source[0] == '[' {
		return nil, false
	}
	for _, s := range steps[1:] {
		if s.all || s.index < 0 {
			return nil, false
		}
	}
	e := &Expr{source: source, root: steps[0].name, steps: steps[1:], boolean: true}
	if !slices.Contains(variables(), e.root) || e.root == "parents" {
		return nil, false
	}
	e.roots = map[string]bool{e.root: true}
	switch e.root {
	case "vars", "ctx":
		if len(e.steps) == 0 || e.steps[0].name == "" {
			return nil, false
		}
		e.member, e.steps = e.steps[0].name, e.steps[1:]
	case "key", "now", "device", "patient":
		if len(e.steps) > 0 {
			return nil, false
		}
	}
	return e, true
}

// Source is the expression as written.
func (e *Expr) Source() string { return e.source }

// Uses reports whether the expression mentions a variable.
func (e *Expr) Uses(variable string) bool { return e.roots[variable] }

// MayBeBool reports whether the result can be a boolean.
func (e *Expr) MayBeBool() bool { return e.boolean }

// Eval evaluates. An error says why there is no value (wrong types, not a number, cost); it quotes no payload content.
func (e *Expr) Eval(s *Scope) (Value, error) {
	if e.program == nil {
		return e.walk(s)
	}
	out, _, err := e.program.Eval(activation{s})
	if err != nil {
		return Value{}, err
	}
	return ofVal(out), nil
}

func (e *Expr) walk(s *Scope) (Value, error) {
	switch e.root {
	case "item":
		return Value{node: walk(s.Item, e.steps)}, nil
	case "parent":
		return Value{node: walk(s.Parent(), e.steps)}, nil
	case "msg":
		return Value{node: walk(s.Msg, e.steps)}, nil
	case "it":
		if len(e.steps) == 0 {
			return s.It, nil
		}
		return Value{node: walk(s.It.Node(), e.steps)}, nil
	case "vars":
		v, err := s.Vars.get(s, e.member)
		if err != nil || len(e.steps) == 0 {
			return v, err
		}
		return Value{node: walk(v.Node(), e.steps)}, nil
	case "ctx":
		if text := s.Context[e.member]; text != "" && len(e.steps) == 0 {
			return OfText(text), nil
		}
		return Value{}, nil
	}
	if text, ok := s.text(e.root); ok && text != "" {
		return OfText(text), nil
	}
	return Value{}, nil
}

// rewriter turns the literals of a checked expression into the language's own values and refuses what the language does not have.
type rewriter struct {
	language *Language
	names    []string
	source   string
	info     *ast.SourceInfo
	roots    map[string]bool
	members  []string
	indices  map[int64]bool // literals inside [ ], which the interpreter wants as integers
}

func (r *rewriter) fail(id int64, format string, args ...any) error {
	at := r.info.GetStartLocation(id)
	return &Error{max(at.Line(), 1), max(at.Column(), 0) + 1, fmt.Sprintf(format, args...)}
}

func (r *rewriter) rewrite(root ast.Expr) error {
	var err error
	factory := ast.NewExprFactory()
	ast.PreOrderVisit(root, ast.NewExprVisitor(func(e ast.Expr) {
		if err != nil {
			return
		}
		switch e.Kind() {
		case ast.LiteralKind:
			err = r.literal(factory, e)
		case ast.MapKind, ast.StructKind:
			err = r.fail(e.ID(), "maps are not part of the language; use a table")
		case ast.IdentKind:
			r.roots[e.AsIdent()] = true
		case ast.SelectKind:
			err = r.selection(e)
		case ast.CallKind:
			err = r.call(e)
		}
	}))
	return err
}

func (r *rewriter) literal(factory ast.ExprFactory, e ast.Expr) error {
	switch v := e.AsLiteral().(type) {
	case types.Int:
		if r.indices[e.ID()] {
			return nil
		}
		e.SetKindCase(factory.NewLiteral(e.ID(), newDecimal(fhir.NewDecimal(int64(v), 0))))
	case types.Double:
		d, err := fhir.ParseDecimal(r.numberText(e.ID(), float64(v)))
		if err != nil {
			return r.fail(e.ID(), "%v", err)
		}
		e.SetKindCase(factory.NewLiteral(e.ID(), newDecimal(d)))
	case types.Null:
		e.SetKindCase(factory.NewLiteral(e.ID(), missing))
	case types.Uint, types.Bytes:
		return r.fail(e.ID(), "unsigned integers and bytes are not part of the language")
	}
	return nil
}

// numberText is a decimal literal as it was written, because the parser has already made a float of it.
func (r *rewriter) numberText(id int64, value float64) string {
	if span, ok := r.info.GetOffsetRange(id); ok && span.Start >= 0 && int(span.Start) < len(r.source) && isASCII(r.source) {
		rest := r.source[span.Start:]
		n := 0
		for n < len(rest) && (rest[n] >= '0' && rest[n] <= '9' || strings.IndexByte(".eE", rest[n]) >= 0 ||
			(rest[n] == '-' || rest[n] == '+') && (n == 0 || rest[n-1]|0x20 == 'e')) {
			n++
		}
		if f, err := strconv.ParseFloat(rest[:n], 64); err == nil && f == value && rest[0] != '.' {
			return rest[:n]
		}
	}
	return strconv.FormatFloat(value, 'g', -1, 64)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

func (r *rewriter) selection(e ast.Expr) error {
	s := e.AsSelect()
	if s.Operand().Kind() == ast.IdentKind && s.Operand().AsIdent() == "ctx" && !slices.Contains(r.language.facts, s.FieldName()) {
		return r.fail(e.ID(), "ctx has no %q", s.FieldName())
	}
	if s.Operand().Kind() == ast.IdentKind && s.Operand().AsIdent() == "vars" {
		if !slices.Contains(r.names, s.FieldName()) {
			return r.fail(e.ID(), "vars has no %q", s.FieldName())
		}
		r.members = append(r.members, s.FieldName())
	}
	return nil
}

func (r *rewriter) call(e ast.Expr) error {
	c := e.AsCall()
	if c.FunctionName() == operators.Index {
		r.indices[c.Args()[1].ID()] = true
	}
	if c.FunctionName() == "lookup" && c.Args()[0].Kind() == ast.LiteralKind {
		if name, ok := c.Args()[0].AsLiteral().(types.String); ok {
			if _, found := r.language.tables[string(name)]; !found {
				return r.fail(e.ID(), "there is no table %q", string(name))
			}
		}
	}
	if c.FunctionName() == operators.OptIndex || c.FunctionName() == operators.OptSelect {
		return r.fail(e.ID(), "optional selection is not part of the language: what is missing is null")
	}
	return nil
}
