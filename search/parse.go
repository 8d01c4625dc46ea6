package search

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/firth-health/firth/fhir"
)

// Bounds of one request. Beyond them it is refused, before it costs anything.
const (
	maxParameters = 200
	maxValues     = 1000   // of one parameter, between commas
	maxValue      = 65_536 // bytes of one parameter's value
	maxConditions = 20_000 // leaves of the plan
)

// The page sizes of the zero [ParseOptions].
const (
	defaultCount = 50
	maxCount     = 1000
)

// Pair is one parameter of a query string, decoded, in the order it was sent.
type Pair struct {
	Name, Value string
}

// ParseOptions say how a client wants its query understood.
type ParseOptions struct {
	Strict       bool // Prefer: handling=strict: an unknown parameter is an error
	DefaultCount int  // page size without _count; 0 means 50
	MaxCount     int  // largest page size, larger ones are reduced to it; 0 means 1000
}

// Request is a query string as understood.
type Request struct {
	Query        *Query
	Self         []Pair       // the parameters that were used, as sent, in order: the self link
	Issues       []fhir.Issue // what was ignored and why: the outcome entry of the Bundle
	SummaryCount bool         // _summary=count or _count=0: only the total is wanted
}

// ParseQuery splits a raw query string or form body into its parameters, in order, and decodes them. Errors are *fhir.OperationOutcome.
func ParseQuery(raw string) ([]Pair, error) {
	var pairs []Pair
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		name, err := url.QueryUnescape(name)
		if err != nil {
			return nil, fhir.Invalidf(fhir.CodeInvalid, "", "parameter %d has a name with a broken percent escape", len(pairs)+1)
		}
		if value, err = url.QueryUnescape(value); err != nil {
			return nil, fhir.Invalidf(fhir.CodeInvalid, "http."+name, "the value has a broken percent escape")
		}
		pairs = append(pairs, Pair{name, value})
	}
	return pairs, nil
}

// EncodeQuery is the query string of pairs, the reverse of [ParseQuery].
func EncodeQuery(pairs []Pair) string {
	var b strings.Builder
	for i, p := range pairs {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(p.Name))
		b.WriteByte('=')
		b.WriteString(url.QueryEscape(p.Value))
	}
	return b.String()
}

// Parse understands a query on one resource type. Errors are *fhir.OperationOutcome, name the parameter ("http.date") and
// are for the client (400): an unknown modifier, a malformed value, an unknown _sort parameter; unknown parameters only
// under opts.Strict.
func (r *Registry) Parse(resourceType string, pairs []Pair, opts ParseOptions) (*Request, error) {
	types, err := r.indexesOf(resourceType)
	if err != nil {
		return nil, err
	}
	if len(pairs) > maxParameters {
		return nil, fhir.Invalidf(fhir.CodeTooCostly, "", "%d parameters; %d are allowed", len(pairs), maxParameters)
	}
	p := &parser{registry: r, types: types, opts: opts, request: &Request{Query: &Query{Type: resourceType, Count: -1}}}
	for _, pair := range pairs {
		if err := p.parameter(pair); err != nil {
			return nil, err
		}
	}
	return p.finish()
}

type parser struct {
	registry *Registry
	types    *typeIndexes
	opts     ParseOptions
	request  *Request
	plan     And
	leaves   int
}

// parameter handles one parameter and notes whether it was used.
func (p *parser) parameter(pair Pair) error {
	if pair.Name == "_format" || pair.Name == "_pretty" {
		return nil // about the response, not the search
	}
	if len(pair.Value) > maxValue {
		return fhir.Invalidf(fhir.CodeTooLong, "http."+pair.Name, "the value has %d bytes; %d are allowed", len(pair.Value), maxValue)
	}
	handle, err := p.handler(pair.Name)
	if err != nil {
		return err
	}
	if handle == nil {
		return nil // unknown, and ignored with a warning
	}
	if strings.Trim(pair.Value, ",") == "" {
		p.warn(fhir.CodeValue, pair.Name, "the parameter has no value and was ignored")
		return nil
	}
	used, err := handle(pair.Value)
	if err != nil {
		return p.invalid(pair.Name, err)
	}
	if used {
		p.request.Self = append(p.request.Self, pair)
	}
	return nil
}

// handler finds who understands a parameter: result parameters, search parameters; nil for unknown ones that may be ignored.
func (p *parser) handler(name string) (func(value string) (used bool, err error), error) {
	switch name {
	case "_sort":
		return p.sort, nil
	case "_count":
		return p.count, nil
	case "_total":
		return p.total, nil
	case "_summary":
		return p.summary, nil
	}
	code, modifier, hasModifier := strings.Cut(name, ":")
	param := p.types.byCode[code]
	if param == nil {
		return nil, p.unknown(name, code)
	}
	if hasModifier {
		if err := p.checkModifier(param, modifier); err != nil {
			return nil, err
		}
	}
	return func(value string) (bool, error) {
		plan, err := p.condition(param, modifier, value)
		if err != nil {
			return false, err
		}
		p.plan = append(p.plan, plan)
		return true, nil
	}, nil
}

// unknown warns about a parameter that is not answered, or fails under strict handling.
func (p *parser) unknown(name, code string) error {
	msg := fmt.Sprintf("%s has no search parameter %s", p.request.Query.Type, code)
	i := slices.IndexFunc(p.types.unsupported, func(u Unsupported) bool { return u.Code == code })
	switch {
	case i >= 0:
		msg = fmt.Sprintf("the search parameter %s is not supported: it %s", code, p.types.unsupported[i].Reason)
	case isNotOffered(name):
		msg = fmt.Sprintf("%s is not supported yet", name)
	default:
		if best := p.types.suggest(code); best != "" {
			msg += "; did you mean " + best + "?"
		}
	}
	if p.opts.Strict {
		return fhir.Invalidf(fhir.CodeNotSupported, "http."+name, "%s", msg)
	}
	p.warn(fhir.CodeNotSupported, name, msg+" (ignored)")
	return nil
}

// isNotOffered recognises what R4's search page defines and this server does not answer yet.
func isNotOffered(name string) bool {
	code, _, _ := strings.Cut(name, ":")
	switch code {
	case "_has", "_include", "_revinclude", "_contained", "_containedType", "_elements", "_filter", "_list", "_score", "_type":
		return true
	}
	return strings.Contains(name, ".")
}

func (p *parser) warn(code fhir.IssueType, name, msg string) {
	p.request.Issues = append(p.request.Issues, fhir.Issue{Severity: fhir.Warning, Code: code, Expression: "http." + name, Diagnostics: msg})
}

// invalid names the parameter of an error.
func (p *parser) invalid(name string, err error) error {
	var outcome *fhir.OperationOutcome
	if errors.As(err, &outcome) {
		return err
	}
	code := fhir.CodeInvalid
	var value *valueError
	if errors.As(err, &value) {
		code = value.code
	}
	return fhir.Invalidf(code, "http."+name, "%s", err.Error())
}

// checkModifier refuses modifiers that the parameter does not take (R4 search.html#modifiers: servers shall reject them).
func (p *parser) checkModifier(param *Param, modifier string) error {
	if param.HasModifier(modifier) {
		return nil
	}
	if param.kind == reference && p.registry.defs.IsResource(modifier) {
		if len(param.Targets) == 0 || slices.Contains(param.Targets, modifier) {
			return nil
		}
		return fhir.Invalidf(fhir.CodeNotSupported, "http."+param.Code+":"+modifier, "%s leads to %s, never to %s",
			param.Code, strings.Join(param.Targets, ", "), modifier)
	}
	known := "no modifier"
	if len(param.Modifiers) > 0 {
		known = ":" + strings.Join(param.Modifiers, ", :")
	}
	if param.kind == reference {
		known += " and the names of its target types"
	}
	return fhir.Invalidf(fhir.CodeNotSupported, "http."+param.Code+":"+modifier, "the modifier :%s is not supported for %s; it takes %s", modifier, param.Code, known)
}

// condition compiles the values of one parameter: any of them matches, or with :not none.
func (p *parser) condition(param *Param, modifier, value string) (Plan, error) {
	if modifier == "missing" {
		return missing(param, value)
	}
	values := segment{raw: value}.split(',')
	if len(values) > maxValues {
		return nil, &valueError{0, fhir.CodeTooCostly, fmt.Sprintf("%d values; %d are allowed", len(values), maxValues)}
	}
	if param.id {
		return ids(values)
	}
	var any Or
	for _, v := range values {
		if v.raw == "" {
			continue
		}
		plans, err := p.registry.alternatives(param, modifier, v)
		if err != nil {
			return nil, err
		}
		any = append(any, plans...)
		if p.leaves += len(plans); p.leaves > maxConditions {
			return nil, &valueError{v.at, fhir.CodeTooCostly, "the search has too many alternatives"}
		}
	}
	var plan Plan = any
	if len(any) == 1 {
		plan = any[0]
	}
	if modifier == "not" {
		plan = Not{plan}
	}
	return plan, nil
}

// alternatives compiles one value: a plan for each index and each way to match in it.
func (r *Registry) alternatives(param *Param, modifier string, v segment) ([]Plan, error) {
	var plans []Plan
	for _, ix := range param.indexes {
		if ix.kind == phonetic {
			plan, err := phoneticPlan(ix, v)
			if err != nil {
				return nil, err
			}
			plans = append(plans, plan)
			continue
		}
		keys, err := r.keysFor(param, ix, modifier, v)
		if err != nil {
			return nil, err
		}
		for _, k := range keys {
			plans = append(plans, k.under(ix.prefix))
		}
	}
	return plans, nil
}

// keysFor gives the conditions on keys of one index for one value, relative to its prefix.
func (r *Registry) keysFor(param *Param, ix *index, modifier string, v segment) ([]Keys, error) {
	switch ix.kind {
	case token:
		t, err := readToken(v)
		if err != nil {
			return nil, err
		}
		if k, ok := t.keys(ix.system); ok {
			return []Keys{k}, nil
		}
		return nil, nil
	case text:
		k, err := stringKeys(modifier, v)
		return []Keys{k}, err
	case reference:
		return r.referenceKeys(param, modifier, v)
	case date:
		return dateKeys(v, ix.instant)
	case number:
		return numberKeys(v)
	case quantity:
		return quantityKeys(v, "")
	case uri:
		return uriKeys(modifier, v)
	}
	return r.compositeKeys(ix, v)
}

// missing answers :missing=true and :missing=false.
func missing(param *Param, value string) (Plan, error) {
	has := param.presence()
	switch value {
	case "true":
		return Not{simplify(has)}, nil
	case "false":
		return simplify(has), nil
	}
	return nil, &valueError{0, fhir.CodeValue, ":missing is true or false"}
}

func simplify(any Or) Plan {
	if len(any) == 1 {
		return any[0]
	}
	return any
}

// ids answers _id. What cannot be an id matches nothing.
func ids(values []segment) (Plan, error) {
	var list IDs
	for _, v := range values {
		if id := v.text(); fhir.IsID(id) && !slices.Contains(list, id) {
			list = append(list, id)
		} else if !fhir.IsID(id) && id != "" {
			return nil, v.failf("not an id; an id has 1 to 64 of A-Z a-z 0-9 - .")
		}
	}
	return list, nil
}

// finish puts the query together.
func (p *parser) finish() (*Request, error) {
	q := p.request.Query
	switch len(p.plan) {
	case 0:
		q.Plan = All{}
	case 1:
		q.Plan = p.plan[0]
	default:
		q.Plan = p.plan
	}
	limit := p.opts.MaxCount
	if limit <= 0 {
		limit = maxCount
	}
	if q.Count < 0 {
		if q.Count = p.opts.DefaultCount; q.Count <= 0 {
			q.Count = defaultCount
		}
	}
	q.Count = min(q.Count, limit)
	if p.request.SummaryCount {
		q.Count = 0
	}
	p.request.SummaryCount = q.Count == 0
	return p.request, nil
}
