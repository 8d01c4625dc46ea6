package server

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/terminology"
	"github.com/firth-health/firth/search"
)

// mostExpanded is how many codes one answer of $expand has.
const mostExpanded = 10_000

// expandRefused are the parameters of $expand that would change the answer in ways that are not computed.
var expandRefused = [...]string{"context", "contextDirection", "date", "designation", "exclude-system", "system-version", "check-system-version", "force-system-version"}

// expand answers the codes of a value set (R4 valueset-operation-expand.html) as a flat list, in the order in which the definitions have them. It knows what the definitions
// of R4 carry and what is stored here.
func (s *Server) expand(x *exchange, in *arguments) (reply, error) {
	subset, err := s.subset(x)
	if err != nil {
		return reply{}, err
	}
	e := &expansion{s: s, x: x, in: in, codes: s.codes.With(&storedTerminology{s: s, x: x})}
	if err := e.read(); err != nil {
		return reply{}, err
	}
	root, codes, err := s.valueSetAsked(x, in, e.codes)
	if err != nil {
		return reply{}, err
	}
	if err := e.compute(codes); err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK, body: subset.of(e.append(nil, root))}, nil
}

// expansion is one call of $expand.
type expansion struct {
	s     *Server
	x     *exchange
	in    *arguments
	codes *terminology.Terminology

	offset, count int      // count is -1 when the client does not say
	filter        []string // words, folded
	language      string   // of displays, folded; empty for any

	concepts []terminology.Concept // of the page
	total    int
	versions []string
}

// read takes the parameters over.
func (e *expansion) read() error {
	for _, name := range expandRefused {
		if _, ok := e.in.text(name); ok {
			return fhir.Invalidf(fhir.CodeNotSupported, "http."+name, "the parameter %s of $expand is not supported; without it the value set is expanded as it is now", name)
		}
	}
	if value, _ := e.in.text("excludeNotForUI"); value == "true" {
		return fhir.Invalidf(fhir.CodeNotSupported, "http.excludeNotForUI", "excludeNotForUI=true is not supported; codes that are not for selection are marked as abstract")
	}
	for _, name := range []string{"offset", "count"} {
		if e.in.number(name, 0) < 0 {
			return fhir.Invalidf(fhir.CodeValue, "http."+name, "%s must be a whole number from 0 on", name)
		}
	}
	e.offset, e.count = e.in.number("offset", 0), e.in.number("count", -1)
	if e.count > mostExpanded {
		return fhir.Invalidf(fhir.CodeTooCostly, "http.count", "count may be %d at most", mostExpanded)
	}
	filter, _ := e.in.text("filter")
	e.filter = strings.Fields(search.Folded(filter))
	language, _ := e.in.text("displayLanguage")
	e.language = strings.ToLower(language)
	return nil
}

// compute finds the codes of the page that is asked for.
func (e *expansion) compute(codes *terminology.Codes) (err error) {
	if e.versions, err = e.codes.Versions(codes); err != nil {
		return err
	}
	most := e.count
	if most < 0 {
		most = mostExpanded
	}
	for i, code := range codes.All() {
		if i%1000 == 0 && e.x.ctx.Err() != nil {
			return e.x.ctx.Err()
		}
		inPage := e.total >= e.offset && len(e.concepts) < most
		if !inPage && len(e.filter) == 0 {
			e.total++
			continue
		}
		concept, err := e.codes.Concept(codes, code)
		if err != nil {
			return err
		}
		concept.Display = displayIn(&concept, e.language)
		if !e.passes(&concept) {
			continue
		}
		if e.total++; inPage {
			e.concepts = append(e.concepts, concept)
		}
	}
	if e.count < 0 && e.total-e.offset > most {
		return refuse(http.StatusUnprocessableEntity, fhir.CodeTooCostly, "http.count", "the value set has %d codes and an answer %d at most; ask for pages with count and offset, or for fewer with filter", e.total, most)
	}
	return nil
}

// speaks reports whether a language is the one asked for, or one of its varieties: de-CH is de (RFC 4647 section 3.3.1).
func speaks(language, asked string) bool {
	language = strings.ToLower(language)
	return language == asked || strings.HasPrefix(language, asked+"-")
}

// passes reports whether each word of the filter begins the code or a word of the display or of a designation.
func (e *expansion) passes(concept *terminology.Concept) bool {
	if len(e.filter) == 0 {
		return true
	}
	texts := []string{search.Folded(concept.Code.Code), search.Folded(concept.Display)}
	for designation := range concept.Designations() {
		texts = append(texts, search.Folded(textOf(designation.Get("value"))))
	}
	for _, word := range e.filter {
		if !slices.ContainsFunc(texts, func(text string) bool { return hasWord(text, word) }) {
			return false
		}
	}
	return true
}

// hasWord reports whether a word of the text begins with the prefix, which may have marks between letters.
func hasWord(text, prefix string) bool {
	for start := 0; start < len(text); {
		i := strings.Index(text[start:], prefix)
		if i < 0 {
			return false
		}
		i += start
		before, _ := utf8.DecodeLastRuneInString(text[:i])
		if i == 0 || !unicode.IsLetter(before) && !unicode.IsDigit(before) {
			return true
		}
		_, size := utf8.DecodeRuneInString(text[i:])
		start = i + size
	}
	return false
}

// append writes the ValueSet with its expansion. Without includeDefinition=true it has what says which value set it is, and not what that is made of.
func (e *expansion) append(dst []byte, root fhir.Node) []byte {
	dst = append(dst, `{"resourceType":"ValueSet"`...)
	whole, _ := e.in.text("includeDefinition")
	for member := range root.Children() {
		switch name := member.Key(); {
		case name == "resourceType" || name == "expansion":
		case whole != "true" && slices.Contains([]string{"text", "contained", "compose"}, name):
		default:
			dst = append(fhir.AppendQuoted(append(dst, ','), name), ':')
			dst = append(dst, member.Raw()...)
		}
	}
	dst = fhir.AppendQuoted(append(dst, `,"expansion":{"identifier":`...), "urn:uuid:"+e.s.newID())
	dst = appendInstant(append(dst, `,"timestamp":`...), e.s.clock())
	dst = strconv.AppendInt(append(dst, `,"total":`...), int64(e.total), 10)
	if e.offset > 0 || e.count >= 0 {
		dst = strconv.AppendInt(append(dst, `,"offset":`...), int64(e.offset), 10)
	}
	dst = e.appendParameters(dst)
	if len(e.concepts) > 0 {
		dst = append(dst, `,"contains":[`...)
		for i := range e.concepts {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = e.appendConcept(dst, &e.concepts[i])
		}
		dst = append(dst, ']')
	}
	return append(dst, "}}"...)
}

// appendParameters says what the expansion depends on: what was asked for, and the versions of the code systems.
func (e *expansion) appendParameters(dst []byte) []byte {
	separator := `,"parameter":[`
	add := func(name, typ string, value []byte) {
		dst = fhir.AppendQuoted(append(append(dst, separator...), `{"name":`...), name)
		dst = append(append(append(append(dst, `,"value`...), typ...), `":`...), value...)
		dst = append(dst, '}')
		separator = ","
	}
	for _, arg := range e.in.list {
		switch arg.name {
		case "filter":
			add(arg.name, "String", fhir.AppendQuoted(nil, arg.text))
		case "displayLanguage":
			add(arg.name, "Code", fhir.AppendQuoted(nil, arg.text))
		case "count", "offset":
			add(arg.name, "Integer", strconv.AppendInt(nil, int64(e.in.number(arg.name, 0)), 10))
		case "activeOnly", "includeDesignations", "includeDefinition", "excludeNested", "excludeNotForUI", "excludePostCoordinated":
			add(arg.name, "Boolean", []byte(arg.text))
		}
	}
	for _, version := range e.versions {
		add("version", "Uri", fhir.AppendQuoted(nil, version))
	}
	if separator == "," {
		dst = append(dst, ']')
	}
	return dst
}

// appendConcept writes ValueSet.expansion.contains.
func (e *expansion) appendConcept(dst []byte, concept *terminology.Concept) []byte {
	dst = append(dst, '{')
	if concept.System != "" {
		dst = append(fhir.AppendQuoted(append(dst, `"system":`...), concept.System), ',')
	}
	if concept.Abstract {
		dst = append(dst, `"abstract":true,`...)
	}
	if concept.Inactive {
		dst = append(dst, `"inactive":true,`...)
	}
	dst = fhir.AppendQuoted(append(dst, `"code":`...), concept.Code.Code)
	if concept.Display != "" {
		dst = fhir.AppendQuoted(append(dst, `,"display":`...), concept.Display)
	}
	if include, _ := e.in.text("includeDesignations"); include == "true" {
		separator := `,"designation":[`
		for designation := range concept.Designations() {
			dst = append(append(dst, separator...), designation.Raw()...)
			separator = ","
		}
		if separator == "," {
			dst = append(dst, ']')
		}
	}
	return append(dst, '}')
}
