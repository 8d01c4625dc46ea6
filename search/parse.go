package search

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

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
		if !isString(name) {
			return nil, fhir.Invalidf(fhir.CodeInvalid, "", "parameter %d has a name that is no text: it must be UTF-8 without control characters", len(pairs)+1)
		}
		if !isString(value) {
			return nil, fhir.Invalidf(fhir.CodeInvalid, "http."+name, "the value of %s is no text: it must be UTF-8 without control characters", name)
		}
		pairs = append(pairs, Pair{name, value})
	}
	return pairs, nil
}

// isString reports whether s may be a FHIR string: UTF-8 without control characters except tab and line ends (R4 datatypes.html#string).
func isString(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' && c != '\n' && c != '\r' {
			return false
		}
	}
	return utf8.ValidString(s)
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
	used     map[*Param]bool // custom parameters that may be there once
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
	case "_contained":
		return p.contained, nil
	case "_containedType":
		return p.containedType, nil
	case "_query":
		return nil, fhir.Invalidf(fhir.CodeNotSupported, "http._query", "there are no named queries; write the search with parameters")
	}
	if handle := p.include(name); handle != nil {
		return handle, nil
	}
	compile, err := p.criterion(p.types, name, name, 0)
	if err != nil {
		return nil, p.ignore(name, err)
	}
	return func(value string) (bool, error) {
		plan, err := compile(value)
		if err == nil {
			p.plan = append(p.plan, plan)
		}
		return true, err
	}, nil
}

// criterion understands the name of a search parameter of a type, with its modifier, as a chain, or as _has. Whole is the name as sent. An
// *unknownError says that there is no such parameter.
func (p *parser) criterion(types *typeIndexes, name, whole string, depth int) (func(value string) (Plan, error), error) {
	if p.registry.references && strings.HasPrefix(name, "_has:") {
		return p.reverseChain(types, name, whole, depth)
	}
	if head, rest, chained := strings.Cut(name, "."); chained && p.registry.references {
		return p.chain(types, head, rest, whole, depth)
	}
	code, modifier, hasModifier := strings.Cut(name, ":")
	param := types.byCode[code]
	if param == nil || strings.Contains(name, ".") {
		if depth > 0 {
			if err := types.refuseUnready(code, whole); err != nil {
				return nil, err
			}
		}
		return nil, p.unknown(types, name, code)
	}
	if hasModifier {
		if err := p.checkModifier(param, modifier, whole); err != nil {
			return nil, err
		}
	}
	return func(value string) (Plan, error) { return p.condition(param, modifier, value) }, nil
}

// unknownError is about a parameter that is not answered.
type unknownError struct{ msg string }

func (e *unknownError) Error() string { return e.msg }

// ignore turns an *unknownError into a warning, unless handling is strict. Other errors stay.
func (p *parser) ignore(name string, err error) error {
	var unknown *unknownError
	if !errors.As(err, &unknown) {
		return err
	}
	if p.opts.Strict {
		return fhir.Invalidf(fhir.CodeNotSupported, "http."+name, "%s", unknown.msg)
	}
	p.warn(fhir.CodeNotSupported, name, unknown.msg+" (ignored)")
	return nil
}

// resultParameters are about the answer (R4 search.html#return), or about how criteria are read. None takes a modifier.
func resultParameters() []string {
	return []string{"_sort", "_count", "_total", "_summary", "_elements", "_contained", "_containedType", "_query", "_type", "_format", "_pretty"}
}

// unknown says why a parameter is not answered.
func (p *parser) unknown(types *typeIndexes, name, code string) error {
	if strings.HasPrefix(name, code+":") && slices.Contains(resultParameters(), code) {
		how := ""
		if code == "_sort" {
			how = "; a minus before the name sorts in descending order, as in _sort=-" + "_lastUpdated"
		}
		return fhir.Invalidf(fhir.CodeNotSupported, "http."+name, "%s takes no modifier%s", code, how)
	}
	if why := types.unready[code]; why != nil {
		return &unknownError{unreadyText(types.typ.Name, code, why())}
	}
	for _, u := range types.unsupported {
		if u.Code == code {
			return &unknownError{fmt.Sprintf("the search parameter %s is not supported: it %s", code, u.Reason)}
		}
	}
	if why := notOffered(code, name); why != "" {
		return &unknownError{name + " is not supported: " + why}
	}
	msg := fmt.Sprintf("%s has no search parameter %s", types.typ.Name, code)
	if best := types.suggest(code); best != "" {
		msg += "; did you mean " + best + "?"
	}
	return &unknownError{msg}
}

// notOffered says why something that R4's search page defines is not answered here; empty for what it does not define.
func notOffered(code, name string) string {
	switch code {
	case "_score":
		return "matches are found, not ranked"
	case "_type":
		return "it is for searches in several types, such as [base]?_type=Patient,Observation"
	case "_elements":
		return "it is about the form of the answer"
	}
	if code == "_has" || code == "_include" || code == "_revinclude" || code == "_list" || strings.Contains(name, ".") {
		return "the store does not follow references"
	}
	return ""
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
