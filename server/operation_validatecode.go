package server

import (
	"net/http"
	"strings"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/terminology"
	"github.com/firth-health/firth/search"
)

// codeAsked is a coding that $validate-code and $lookup are asked about.
type codeAsked struct{ system, version, code, display string }

// codingAsked reads a Coding.
func codingAsked(n fhir.Node) codeAsked {
	return codeAsked{textOf(n.Get("system")), textOf(n.Get("version")), textOf(n.Get("code")), textOf(n.Get("display"))}
}

// verdict is what is said about a code: why it is not valid, or its concept.
type verdict struct {
	problem string
	concept terminology.Concept
}

// validateInSet tells whether a code is in a value set (R4 valueset-operation-validate-code.html).
func (s *Server) validateInSet(x *exchange, in *arguments) (reply, error) {
	codings, err := codingsAsked(in, "system", "systemVersion")
	if err != nil {
		return reply{}, err
	}
	known := s.codes.With(&storedTerminology{s: s, x: x})
	_, codes, err := s.valueSetAsked(x, in, known)
	if err != nil {
		return reply{}, err
	}
	return judged(in, codings, func(asked codeAsked) (verdict, error) {
		member, isMember, err := known.Member(codes, terminology.Code{System: asked.system, Code: asked.code})
		switch {
		case err != nil:
			return verdict{}, err
		case !isMember:
			return verdict{problem: "the code " + asked.name() + " is not in the value set"}, nil
		}
		if asked.version != "" {
			if _, err := known.CodeSystem(asked.system, asked.version); err != nil {
				return verdict{}, terminologyError(err, "")
			}
		}
		concept, err := known.Concept(codes, member)
		return verdict{concept: concept}, err
	})
}

// validateInSystem tells whether a code is in a code system (R4 codesystem-operation-validate-code.html).
func (s *Server) validateInSystem(x *exchange, in *arguments) (reply, error) {
	codings, err := codingsAsked(in, "", "")
	if err != nil {
		return reply{}, err
	}
	system, err := s.systemAsked(x, in)
	if err != nil {
		return reply{}, err
	}
	return judged(in, codings, func(asked codeAsked) (verdict, error) {
		concept := system.Concept(asked.code)
		switch {
		case asked.system != "" && asked.system != system.URL():
			return verdict{problem: "the code " + asked.name() + " is not of the code system " + printable(system.URL())}, nil
		case asked.version != "" && asked.version != system.Version():
			return verdict{problem: "the code is of version " + printable(asked.version) + " of the code system, and this is version " + printable(system.Version())}, nil
		case !concept.IsKnown:
			return verdict{problem: "the code " + asked.name() + " is not in the code system " + printable(system.URL())}, nil
		}
		return verdict{concept: concept}, nil
	})
}

// systemAsked finds the code system that $validate-code is about.
func (s *Server) systemAsked(x *exchange, in *arguments) (*terminology.CodeSystem, error) {
	asked, err := s.definitionAsked(x, in, "codeSystem", "version")
	if err != nil {
		return nil, err
	}
	var system *terminology.CodeSystem
	if asked.root.Ok() {
		system, err = terminology.ReadCodeSystem(asked.root)
	} else {
		system, err = s.codes.With(&storedTerminology{s: s, x: x}).CodeSystem(asked.url, asked.version)
	}
	return system, systemError(err)
}

// codingsAsked reads what is to be validated: a code, a Coding or a CodeableConcept, one of them.
func codingsAsked(in *arguments, system, version string) ([]codeAsked, error) {
	if err := refusedOfCodes(in); err != nil {
		return nil, err
	}
	code, hasCode := in.text("code")
	coding, concept := in.node("coding"), in.node("codeableConcept")
	display, hasDisplay := in.text("display")
	switch {
	case hasCode && !coding.Ok() && !concept.Ok():
		asked := codeAsked{code: code, display: display}
		if system == "" {
			return []codeAsked{asked}, nil
		}
		asked.version, _ = in.text(version)
		if asked.system, _ = in.text(system); asked.system == "" {
			return nil, fhir.Invalidf(fhir.CodeRequired, "http."+system, "code needs %s: without it, it is not known which code is meant", system)
		}
		return []codeAsked{asked}, nil
	case hasDisplay:
		return nil, fhir.Invalidf(fhir.CodeInvalid, "http.display", "display goes with code; a Coding has a display of its own")
	case !hasCode && coding.Ok() && !concept.Ok():
		return []codeAsked{codingAsked(coding)}, nil
	case !hasCode && !coding.Ok() && concept.Ok():
		var list []codeAsked
		for n := range concept.Get("coding").Children() {
			list = append(list, codingAsked(n))
		}
		return list, nil
	}
	return nil, fhir.Invalidf(fhir.CodeRequired, "http.code", "$validate-code needs one of code, coding and codeableConcept")
}

// refusedOfCodes refuses the parameters that would ask for what is not kept: other times, and value sets by the place where they are bound.
func refusedOfCodes(in *arguments) error {
	for _, name := range []string{"context", "date"} {
		if _, ok := in.text(name); ok {
			return fhir.Invalidf(fhir.CodeNotSupported, "http."+name, "the parameter %s is not supported; without it codes are as they are now", name)
		}
	}
	return nil
}

// name is the code with its system, as a search has it.
func (c codeAsked) name() string {
	if c.system == "" {
		return printable(c.code)
	}
	return printable(c.system) + "|" + printable(c.code)
}

// judged answers $validate-code: the result is true when one of the codings is valid, with the display it should have. If none is, the message says why not.
func judged(in *arguments, codings []codeAsked, judge func(codeAsked) (verdict, error)) (reply, error) {
	var problems []string
	language, _ := in.text("displayLanguage")
	for _, asked := range codings {
		found, err := judge(asked)
		if err != nil {
			return reply{}, err
		}
		if abstract, _ := in.text("abstract"); found.problem == "" && abstract == "false" && found.concept.Abstract {
			found.problem = "the code " + asked.name() + " is abstract"
		}
		display := displayIn(&found.concept, strings.ToLower(language))
		if found.problem == "" && asked.display != "" && !found.isNamed(asked.display) {
			found.problem = "the display of " + asked.name() + " is not one that the code has"
			if display != "" {
				found.problem += "; it is " + printable(display)
			}
		}
		if found.problem == "" {
			return verdictReply(true, "", display), nil
		}
		problems = append(problems, found.problem)
		if len(codings) == 1 && found.concept.IsKnown {
			return verdictReply(false, found.problem, display), nil
		}
	}
	if len(problems) == 0 {
		problems = []string{"there is no coding"}
	}
	return verdictReply(false, strings.Join(problems, "; "), ""), nil
}

// isNamed reports whether a display is one of the names of the concept. Where no name is known, none is wrong.
func (v *verdict) isNamed(display string) bool {
	asked := search.Folded(display)
	names := []string{v.concept.Display, textOf(v.concept.Defined().Get("display"))}
	for designation := range v.concept.Designations() {
		names = append(names, textOf(designation.Get("value")))
	}
	isKnown := false
	for _, name := range names {
		if name != "" && search.Folded(name) == asked {
			return true
		}
		isKnown = isKnown || name != ""
	}
	return !isKnown
}

// displayIn is the display of a concept in a language, or else the one it has.
func displayIn(concept *terminology.Concept, language string) string {
	if language != "" {
		for designation := range concept.Designations() {
			if speaks(textOf(designation.Get("language")), language) {
				return textOf(designation.Get("value"))
			}
		}
	}
	return concept.Display
}

func verdictReply(result bool, message, display string) reply {
	body := []byte(`{"resourceType":"Parameters","parameter":[{"name":"result","valueBoolean":false}`)
	if result {
		body = []byte(`{"resourceType":"Parameters","parameter":[{"name":"result","valueBoolean":true}`)
	}
	for _, part := range []struct{ name, value string }{{"message", message}, {"display", display}} {
		if part.value != "" {
			body = append(fhir.AppendQuoted(append(body, `,{"name":"`+part.name+`","valueString":`...), part.value), '}')
		}
	}
	return reply{status: http.StatusOK, body: append(body, "]}"...)}
}
