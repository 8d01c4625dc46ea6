package server

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/terminology"
)

// lookUp tells what a code system says about a code (R4 codesystem-operation-lookup.html). Without the parameter property it tells all.
func (s *Server) lookUp(x *exchange, in *arguments) (reply, error) {
	asked, err := lookedUp(in)
	if err != nil {
		return reply{}, err
	}
	system, err := s.codes.With(&storedTerminology{s: s, x: x}).CodeSystem(asked.system, asked.version)
	if err != nil {
		return reply{}, systemError(err)
	}
	concept := system.Concept(asked.code)
	if !concept.IsKnown {
		return reply{}, refuse(http.StatusNotFound, fhir.CodeNotFound, "http.code", "the code system %s has no code %q", printable(system.URL()), printable(asked.code))
	}
	language, _ := in.text("displayLanguage")
	l := lookedUpConcept{system: system, concept: &concept}
	for _, arg := range in.all("property") {
		l.only = append(l.only, arg.text)
	}
	return reply{status: http.StatusOK, body: l.append(nil, strings.ToLower(language))}, nil
}

// lookedUp reads the code: with its system, or as a Coding.
func lookedUp(in *arguments) (codeAsked, error) {
	if err := refusedOfCodes(in); err != nil {
		return codeAsked{}, err
	}
	code, hasCode := in.text("code")
	coding := in.node("coding")
	asked := codingAsked(coding)
	if hasCode == coding.Ok() {
		return asked, fhir.Invalidf(fhir.CodeRequired, "http.code", "$lookup needs code and system, or coding")
	}
	if hasCode {
		asked.code = code
		asked.system, _ = in.text("system")
		asked.version, _ = in.text("version")
	}
	if asked.system == "" || asked.code == "" {
		return asked, fhir.Invalidf(fhir.CodeRequired, "http.system", "$lookup needs the code and its system")
	}
	return asked, nil
}

// systemError is what a client is told about a code system that is not known.
func systemError(err error) error {
	problem := (*terminology.Error)(nil)
	if !errors.As(err, &problem) {
		return err
	}
	if problem.Reason == terminology.Unknown {
		return refuse(http.StatusNotFound, fhir.CodeNotFound, "", "%s", problem.Error())
	}
	return refuse(http.StatusUnprocessableEntity, fhir.CodeNotSupported, "", "%s", problem.Error())
}

// lookedUpConcept writes the answer of $lookup.
type lookedUpConcept struct {
	system  *terminology.CodeSystem
	concept *terminology.Concept
	only    []string // properties that are asked for; none for all
}

func (l *lookedUpConcept) wants(property string) bool {
	return len(l.only) == 0 || slices.Contains(l.only, property)
}

// wantsDesignation reports whether a designation is asked for: with all of them, or by its language as lang.de.
func (l *lookedUpConcept) wantsDesignation(designation fhir.Node) bool {
	language := textOf(designation.Get("language"))
	return l.wants("designation") || language != "" && slices.ContainsFunc(l.only, func(name string) bool {
		asked, ok := strings.CutPrefix(name, "lang.")
		return ok && speaks(language, strings.ToLower(asked))
	})
}

// append writes name, version and display, which R4 wants always, and what is asked for.
func (l *lookedUpConcept) append(dst []byte, language string) []byte {
	root, defined := l.system.Root(), l.concept.Defined()
	name := textOf(root.Get("name"))
	for _, other := range []string{textOf(root.Get("title")), l.system.URL()} {
		if name == "" {
			name = other
		}
	}
	display := displayIn(l.concept, language)
	if display == "" {
		display = l.concept.Code.Code
	}
	dst = append(dst, `{"resourceType":"Parameters","parameter":[`...)
	dst = append(fhir.AppendQuoted(append(dst, `{"name":"name","valueString":`...), name), '}')
	if version := l.system.Version(); version != "" {
		dst = append(fhir.AppendQuoted(append(dst, `,{"name":"version","valueString":`...), version), '}')
	}
	dst = append(fhir.AppendQuoted(append(dst, `,{"name":"display","valueString":`...), display), '}')
	for designation := range l.concept.Designations() {
		if l.wantsDesignation(designation) {
			dst = appendDesignation(dst, designation)
		}
	}
	if definition := textOf(defined.Get("definition")); definition != "" && l.wants("definition") {
		dst = appendProperty(dst, "definition", "valueString", fhir.AppendQuoted(nil, definition))
	}
	if l.wants("inactive") {
		value := []byte("false")
		if l.concept.Inactive {
			value = []byte("true")
		}
		dst = appendProperty(dst, "inactive", "valueBoolean", value)
	}
	return append(l.appendProperties(dst, defined), "]}"...)
}

// appendProperties writes the place in the hierarchy and the properties that the code system gives the concept.
func (l *lookedUpConcept) appendProperties(dst []byte, defined fhir.Node) []byte {
	for _, relation := range []struct {
		name  string
		codes []string
	}{{"parent", l.system.Parents(l.concept.Code.Code)}, {"child", l.system.Children(l.concept.Code.Code)}} {
		if !l.wants(relation.name) {
			continue
		}
		for _, code := range relation.codes {
			dst = appendProperty(dst, relation.name, "valueCode", fhir.AppendQuoted(nil, code))
		}
	}
	for property := range defined.Get("property").Children() {
		code := textOf(property.Get("code"))
		if code == "parent" || code == "child" || code == "inactive" || !l.wants(code) {
			continue
		}
		if value, typ := valueOf(property); value.Ok() {
			dst = appendProperty(dst, code, "value"+typ, value.Raw())
		}
	}
	return dst
}

func appendProperty(dst []byte, code, member string, value []byte) []byte {
	dst = fhir.AppendQuoted(append(dst, `,{"name":"property","part":[{"name":"code","valueCode":`...), code)
	dst = append(append(append(dst, `},{"name":"value","`...), member...), `":`...)
	return append(append(dst, value...), "}]}"...)
}

// appendDesignation writes a designation of the code system as a parameter.
func appendDesignation(dst []byte, designation fhir.Node) []byte {
	separator := `,{"name":"designation","part":[`
	for _, part := range []struct{ name, member string }{{"language", "valueCode"}, {"use", "valueCoding"}, {"value", "valueString"}} {
		value := designation.Get(part.name)
		if !value.Ok() {
			continue
		}
		dst = append(append(dst, separator...), `{"name":"`+part.name+`","`+part.member+`":`...)
		dst = append(append(dst, value.Raw()...), '}')
		separator = ","
	}
	if separator != "," {
		return dst
	}
	return append(dst, "]}"...)
}
