package server

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
)

// parameter is an input parameter of an OperationDefinition.
type parameter struct {
	name     string
	typ      string // "" when it has parts
	required bool
	single   bool
}

// readParameters reads OperationDefinition.parameter.
func readParameters(data []byte) ([]parameter, error) {
	res, err := fhir.ParseResource(data)
	if err != nil {
		return nil, err
	}
	var list []parameter
	for node := range res.Root().Get("parameter").Children() {
		if node.Get("use").TextIs("in") {
			list = append(list, parameter{
				name: node.Get("name").Text(), typ: node.Get("type").Text(), required: !node.Get("min").TextIs("0"), single: node.Get("max").TextIs("1"),
			})
		}
	}
	return list, nil
}

// argument is one value of an input parameter.
type argument struct {
	name string
	text string    // of a primitive
	node fhir.Node // of a data type or a resource
	at   string    // expression of the node in the body
}

// arguments are what an operation is called with, checked against its definition.
type arguments struct {
	list   []argument
	search []search.Pair // parameters of the type's searches, when the operation takes them
}

// all returns the values of a parameter in the order they were sent.
func (a *arguments) all(name string) []argument {
	var found []argument
	for _, arg := range a.list {
		if arg.name == name {
			found = append(found, arg)
		}
	}
	return found
}

// text is the value of a parameter that is there at most once.
func (a *arguments) text(name string) (value string, ok bool) {
	for _, arg := range a.list {
		if arg.name == name {
			return arg.text, true
		}
	}
	return "", false
}

// number is the value of an integer parameter that has been checked, or what stands for it when it is absent.
func (a *arguments) number(name string, absent int) int {
	if text, ok := a.text(name); ok {
		if n, err := strconv.Atoi(text); err == nil {
			return n
		}
	}
	return absent
}

// checkPeriod refuses a period whose parameters end and start have been swapped: nothing could be in it, and nothing found would look like an answer. A date is
// all of its day, month or year.
func (a *arguments) checkPeriod() error {
	first, hasStart := a.text("start")
	last, hasEnd := a.text("end")
	if !hasStart || !hasEnd {
		return nil
	}
	start, err := fhir.ParseDateTime(strings.ReplaceAll(first, " ", "+"))
	if err != nil {
		return err
	}
	end, err := fhir.ParseDateTime(strings.ReplaceAll(last, " ", "+"))
	if err != nil {
		return err
	}
	if !start.Low.Before(end.High()) {
		return fhir.Invalidf(fhir.CodeValue, "http.end", "end (%s) is before start (%s)", printable(last), printable(first))
	}
	return nil
}

// node is the value of a parameter of a data type or a resource; absent when it was not sent.
func (a *arguments) node(name string) fhir.Node {
	node, _ := a.place(name)
	return node
}

// place is also where in the body the value stands.
func (a *arguments) place(name string) (node fhir.Node, at string) {
	for _, arg := range a.list {
		if arg.name == name {
			return arg.node, arg.at
		}
	}
	return fhir.Node{}, ""
}

// decodeOperation reads the body of an operation, if there is one: it may all be in the URL.
func (s *Server) decodeOperation(w http.ResponseWriter, r *http.Request, x *exchange) error {
	contentType := first(r.Header, "Content-Type")
	body, err := readBody(w, r, s.limits.BodyBytes)
	if err != nil || len(body) == 0 {
		return err
	}
	x.body, x.bodyType = body, contentType
	if x.interaction.operation.raw {
		return nil
	}
	if x.sent, err = checkContentType(contentType); err != nil {
		return err
	}
	return s.decodeXML(x)
}

// arguments reads what the URL and the body say. A parameter that the definition does not have, that is missing, malformed or there too often is
// refused by name.
func (s *Server) arguments(op *operation, x *exchange) (*arguments, error) {
	if op.changes && x.isAtomic {
		return nil, refuse(http.StatusBadRequest, fhir.CodeNotSupported, "", "$%s changes resources and cannot be part of a transaction; use a batch", op.code)
	}
	in := &arguments{}
	for _, pair := range x.query {
		if err := op.fromQuery(in, pair); err != nil {
			return nil, err
		}
	}
	if !op.raw && (x.body != nil || x.resource != nil) {
		res, err := x.decoded()
		if err != nil {
			return nil, err
		}
		if err := op.fromBody(in, res, x.key.Type); err != nil {
			return nil, err
		}
	}
	return in, op.checkOccurrence(in)
}

func (op *operation) parameter(name string) *parameter {
	for i := range op.parameters {
		if op.parameters[i].name == name {
			return &op.parameters[i]
		}
	}
	return nil
}

func (op *operation) fromQuery(in *arguments, pair search.Pair) error {
	p := op.parameter(pair.Name)
	switch {
	case p == nil && (op.searches || op.pages && pair.Name == cursorParameter):
		in.search = append(in.search, pair)
		return nil
	case p == nil && op.raw && (pair.Name == "variables" || pair.Name == "operationName"): // GraphQL over HTTP
		in.list = append(in.list, argument{name: pair.Name, text: pair.Value})
		return nil
	case p == nil:
		return op.unknownParameter(pair.Name)
	case p.typ == "Coding" && op.tokens && strings.TrimSpace(pair.Value) != "":
		in.list = append(in.list, argument{name: p.name, text: pair.Value})
		return nil
	case !isPrimitive(p.typ):
		return fhir.Invalidf(fhir.CodeInvalid, "http."+p.name, "%s is %s, which no URL can say; send a Parameters resource by POST", p.name, fhir.Indefinite(p.typ))
	}
	if problem := checkPrimitive(p.typ, pair.Value); problem != "" {
		return fhir.Invalidf(fhir.CodeValue, "http."+p.name, "%s %s", p.name, problem)
	}
	in.list = append(in.list, argument{name: p.name, text: pair.Value})
	return nil
}

func (op *operation) unknownParameter(name string) error {
	names := make([]string, len(op.parameters))
	for i, p := range op.parameters {
		names[i] = p.name
	}
	known := "it takes none"
	if len(names) > 0 {
		known = "it takes " + strings.Join(names, ", ")
	}
	return fhir.Invalidf(fhir.CodeNotSupported, "http."+printable(name), "$%s has no parameter %q; %s", op.code, printable(name), known)
}

// fromBody reads a Parameters resource, or the one resource that the operation is about (R4 operations.html#request).
func (op *operation) fromBody(in *arguments, res *fhir.Resource, typ string) error {
	if res.Type() != "Parameters" || typ == "Parameters" && !op.isCalledBy(res) {
		for _, p := range op.parameters {
			if p.typ == "Resource" || p.typ == res.Type() {
				in.list = append(in.list, argument{name: p.name, node: res.Root(), at: res.Type()})
				return nil
			}
		}
		return fhir.Invalidf(fhir.CodeInvalid, res.Type(), "the body of $%s must be a Parameters resource, not %s", op.code, fhir.Indefinite(printable(res.Type())))
	}
	list := res.Root().Get("parameter")
	if list.Ok() && list.Kind() != fhir.Array {
		return fhir.Invalidf(fhir.CodeStructure, "Parameters.parameter", "parameter must be an array")
	}
	i := -1
	for node := range list.Children() {
		i++
		if err := op.fromPart(in, node, fmt.Sprintf("Parameters.parameter[%d]", i)); err != nil {
			return err
		}
	}
	return nil
}

// isCalledBy tells a call from a Parameters resource that the operation is about: it has a parameter of the operation.
func (op *operation) isCalledBy(res *fhir.Resource) bool {
	for node := range res.Root().Get("parameter").Children() {
		if op.parameter(textOf(node.Get("name"))) != nil {
			return true
		}
	}
	return false
}

// fromPart reads one Parameters.parameter.
func (op *operation) fromPart(in *arguments, node fhir.Node, at string) error {
	name := textOf(node.Get("name"))
	value, typ := valueOf(node)
	p := op.parameter(name)
	switch {
	case name == "":
		return fhir.Invalidf(fhir.CodeRequired, at+".name", "a parameter needs a name")
	case !value.Ok():
		return fhir.Invalidf(fhir.CodeRequired, at, "the parameter %s has no value", printable(name))
	case p == nil && op.searches && isScalar(value):
		in.search = append(in.search, search.Pair{Name: name, Value: value.Text()})
		return nil
	case p == nil:
		err := op.unknownParameter(name)
		return located(err, at)
	}
	if problem := p.check(value, typ); problem != "" {
		return fhir.Invalidf(fhir.CodeValue, at, "%s %s", name, problem)
	}
	arg := argument{name: name, node: value, at: at + "." + value.Key()}
	if isPrimitive(p.typ) {
		arg.text = value.Text()
	}
	in.list = append(in.list, arg)
	return nil
}

// located gives an outcome of one issue another expression.
func located(err error, expression string) error {
	outcome := (*fhir.OperationOutcome)(nil)
	if !errors.As(err, &outcome) {
		return err
	}
	issue := outcome.Issues[0]
	issue.Expression = expression
	return &fhir.OperationOutcome{Issues: []fhir.Issue{issue}}
}

// valueOf finds value[x] or the resource of a Parameters.parameter, and the type that the name of the member gives.
func valueOf(node fhir.Node) (value fhir.Node, typ string) {
	for member := range node.Children() {
		if member.KeyIs("resource") {
			return member, member.Get("resourceType").Text()
		}
		if typ, ok := strings.CutPrefix(member.Key(), "value"); ok && typ != "" && unicode.IsUpper(rune(typ[0])) {
			return member, typ
		}
	}
	return fhir.Node{}, ""
}

func isScalar(n fhir.Node) bool {
	return n.Kind() == fhir.String || n.Kind() == fhir.Number || n.Kind() == fhir.Bool
}

// check tells what is wrong with a value of a Parameters resource. Strings may stand for codes and uris and integers for one another, as clients send them.
func (p *parameter) check(value fhir.Node, typ string) string {
	if isPrimitive(p.typ) {
		if !isScalar(value) {
			return "must be " + fhir.Indefinite(p.typ)
		}
		return checkPrimitive(p.typ, value.Text())
	}
	if value.Kind() != fhir.Object || p.typ != "Resource" && typ != p.typ || p.typ == "Resource" && !value.KeyIs("resource") {
		return "must be " + fhir.Indefinite(p.typ)
	}
	return ""
}

// checkOccurrence refuses what is missing or there too often.
func (op *operation) checkOccurrence(in *arguments) error {
	for _, p := range op.parameters {
		switch n := len(in.all(p.name)); {
		case n == 0 && p.required && !op.raw:
			return fhir.Invalidf(fhir.CodeRequired, "http."+p.name, "$%s needs the parameter %s", op.code, p.name)
		case n > 1 && p.single:
			return fhir.Invalidf(fhir.CodeValue, "http."+p.name, "%s may be there once, and is there %d times", p.name, n)
		}
	}
	return nil
}

// isPrimitive tells the primitive types of FHIR, whose names are lower case, from all others.
func isPrimitive(typ string) bool { return typ != "" && unicode.IsLower(rune(typ[0])) }

// checkPrimitive tells what is wrong with the text of a parameter.
func checkPrimitive(typ, text string) string {
	switch typ {
	case "boolean":
		if text != "true" && text != "false" {
			return "must be true or false"
		}
	case "integer", "unsignedInt", "positiveInt":
		least := map[string]int{"integer": -1 << 31, "unsignedInt": 0, "positiveInt": 1}[typ]
		if n, err := strconv.ParseInt(text, 10, 32); err != nil || int(n) < least {
			return "must be " + map[string]string{"integer": "a whole number", "unsignedInt": "a whole number from 0 on", "positiveInt": "a whole number from 1 on"}[typ]
		}
	case "decimal":
		if _, err := fhir.ParseDecimal(text); err != nil {
			return "must be a decimal number"
		}
	case "date", "dateTime", "instant":
		// A '+' of the zone that was not escaped arrives as a space.
		t, err := fhir.ParseDateTime(strings.ReplaceAll(text, " ", "+"))
		if err != nil || typ == "instant" && (t.Precision < fhir.Second || !t.HasZone) {
			return map[string]string{"date": "must be a date such as 2026-01-31", "dateTime": "must be a date or time such as 2026-01-31T12:00:00Z", "instant": "must be an instant such as 2026-01-31T12:00:00Z"}[typ]
		}
	default:
		if strings.TrimSpace(text) == "" {
			return "has no value"
		}
	}
	return ""
}
