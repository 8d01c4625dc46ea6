package validate

import (
	"strings"

	"github.com/firth-health/firth/fhir"
)

// longestList is how many codes a message names.
const longestList = 20

// code checks a code against a required binding.
func (w *walk) code(n fhir.Node, code []byte, m *member) {
	known := m.codes.known()
	if known == nil || known.any[string(code)] {
		return
	}
	w.report(n, fhir.CodeCodeInvalid, "%s must be a code of the value set %s%s%s", m.element.Path, m.codes.url, known.list(), suggest(string(code), known.codes))
}

// concept checks a CodeableConcept against a required binding: one coding must be from the value set (R4 terminologies.html#required).
func (w *walk) concept(n fhir.Node, m *member) {
	known := m.codes.known()
	if known == nil {
		return
	}
	codings := n.Get("coding")
	for c := codings.First(); c.Ok(); c = c.Next() {
		system, code := c.Get("system"), c.Get("code")
		if system.Kind() != fhir.String || code.Kind() != fhir.String {
			continue
		}
		if codes := known.bySystem[string(w.string(system))]; codes != nil && codes[string(w.string(code))] {
			return
		}
	}
	if !codings.Ok() && !n.Get("text").Ok() {
		return // only extensions say why there is no code
	}
	w.report(n, fhir.CodeCodeInvalid, "%s must have a coding of the value set %s%s, with its system", m.element.Path, m.codes.url, known.list())
}

// list names the codes where they are few.
func (k *expansion) list() string {
	if len(k.codes) > longestList {
		return ""
	}
	return ": " + strings.Join(k.codes, ", ")
}
