package validate

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/spec"
)

// report adds an error about the current place; n is where it stands in the document.
func (w *walk) report(n fhir.Node, code fhir.IssueType, format string, args ...any) {
	if len(w.issues) == w.limit {
		w.full = true
		return
	}
	start, _ := n.Range()
	w.issues = append(w.issues, fhir.Issue{Severity: fhir.Error, Code: code, Expression: w.expression(), Diagnostics: fmt.Sprintf(format, args...)})
	w.offsets = append(w.offsets, start)
}

// missing reports an element of n that must be there.
func (w *walk) missing(n fhir.Node, e *spec.Element) {
	w.enter(e.Name)
	w.report(n, fhir.CodeRequired, "%s is required (%s)", e.Path, cardinality(e))
	w.leave()
}

// expression is the FHIRPath of the current place.
func (w *walk) expression() string {
	var b []byte
	for i, s := range w.steps {
		if i > 0 {
			b = append(b, '.')
		}
		b = append(b, s.name...)
		if s.index >= 0 {
			b = append(b, '[')
			b = strconv.AppendInt(b, int64(s.index), 10)
			b = append(b, ']')
		}
	}
	return string(b)
}

// finish returns the issues, with positions where they are asked for.
func (w *walk) finish(positions bool) []fhir.Issue {
	if positions {
		w.locate()
	}
	if w.full {
		w.issues = append(w.issues, fhir.Issue{
			Severity: fhir.Information, Code: fhir.CodeInformational,
			Diagnostics: fmt.Sprintf("checking stopped after %d issues: there are more", w.limit),
		})
	}
	return w.issues
}

// locate adds line and column to the diagnostics. It goes through the document once.
func (w *walk) locate() {
	order := make([]int, len(w.issues))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return w.offsets[a] - w.offsets[b] })
	line, lineEnd, at := 1, -1, 0
	for _, i := range order {
		offset := w.offsets[i]
		between := w.document[at:offset]
		line += bytes.Count(between, []byte{'\n'})
		if last := bytes.LastIndexByte(between, '\n'); last >= 0 {
			lineEnd = at + last
		}
		at = offset
		w.issues[i].Diagnostics += fmt.Sprintf(" (line %d, column %d)", line, offset-lineEnd)
	}
}

func cardinality(e *spec.Element) string {
	if e.Max == spec.Unbounded {
		return strconv.Itoa(e.Min) + "..*"
	}
	return strconv.Itoa(e.Min) + ".." + strconv.Itoa(e.Max)
}

// describe names a JSON kind in a sentence.
func describe(k fhir.Kind) string {
	switch k {
	case fhir.Object:
		return "an object"
	case fhir.Array:
		return "an array"
	case fhir.String:
		return "a string"
	case fhir.Number:
		return "a number"
	case fhir.Bool:
		return "a boolean"
	case fhir.Null:
		return "null"
	}
	return "nothing"
}
