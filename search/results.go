package search

import (
	"fmt"
	"iter"
	"strconv"
	"strings"

	"github.com/firth-health/firth/fhir"
)

// Parameters about the result (R4 search.html#return). Each returns whether it was used.

// count reads _count. 0 asks for the total alone.
func (p *parser) count(value string) (bool, error) {
	n, err := strconv.ParseUint(value, 10, 64)
	if err != nil {
		return false, &valueError{0, fhir.CodeValue, "_count is a number of entries, 0 or more"}
	}
	p.request.Query.Count = int(min(n, 1<<30))
	return true, nil
}

func (p *parser) total(value string) (bool, error) {
	switch value {
	case "none":
		p.request.Query.Total = NoTotal
	case "estimate":
		p.request.Query.Total = Bounded
	case "accurate":
		p.request.Query.Total = Accurate
	default:
		return false, &valueError{0, fhir.CodeValue, "_total is none, estimate or accurate"}
	}
	return true, nil
}

// summary reads _summary. What it says about the content of entries is for whoever writes them.
func (p *parser) summary(value string) (bool, error) {
	p.request.SummaryCount = value == "count"
	switch value {
	case "count", "false", "true", "text", "data":
		return true, nil
	}
	return false, &valueError{0, fhir.CodeValue, "_summary is true, text, data, count or false"}
}

// contained reads _contained (R4 search.html#contained). Contained resources have no keys of their own, so that asking for them would find nothing.
func (p *parser) contained(value string) (bool, error) {
	switch value {
	case "false":
		return true, nil
	case "true", "both":
		return false, &valueError{0, fhir.CodeNotSupported, "contained resources are not searched; _contained is false"}
	}
	return false, &valueError{0, fhir.CodeValue, "_contained is true, false or both"}
}

// containedType reads _containedType, which says what is answered for a contained resource that matches: here none does.
func (p *parser) containedType(value string) (bool, error) {
	switch value {
	case "container":
		return true, nil
	case "contained":
		return false, &valueError{0, fhir.CodeNotSupported, "contained resources are not searched; _containedType is container"}
	}
	return false, &valueError{0, fhir.CodeValue, "_containedType is container or contained"}
}

// sort reads _sort: parameters with commas between them, each with a minus for descending order.
func (p *parser) sort(value string) (bool, error) {
	for _, key := range (segment{raw: value}).split(',') {
		code, descending := strings.CutPrefix(key.raw, "-")
		param := p.types.byCode[code]
		if param == nil {
			if err := p.types.refuseUnready(code, "_sort"); err != nil {
				return false, err
			}
			if code == "_score" {
				return false, &valueError{key.at, fhir.CodeNotSupported, "matches are found, not ranked; they cannot be sorted by _score"}
			}
			msg := "unknown search parameter " + code
			if best := p.types.suggest(code); best != "" {
				msg += "; did you mean " + best + "?"
			}
			return false, &valueError{key.at, fhir.CodeNotSupported, msg}
		}
		if !param.Sortable {
			return false, &valueError{key.at, fhir.CodeNotSupported, fmt.Sprintf("%s cannot be sorted by: it is of type %s", code, param.kind)}
		}
		p.request.Query.Sort = append(p.request.Query.Sort, SortKey{Param: code, Prefixes: param.sortPrefixes(), Descending: descending})
	}
	return true, nil
}

// sortPrefixes are the forms that carry the value to sort by: numbers and quantities by value as sent, dates by their low end, tokens by code.
func (p *Param) sortPrefixes() []string {
	if p.id {
		return []string{IDPrefix}
	}
	var prefixes []string
	for _, ix := range p.indexes {
		switch ix.kind {
		case number, quantity:
			prefixes = append(prefixes, ix.prefix+string(formNumber), ix.prefix+string(formLow))
		case date:
			prefixes = append(prefixes, ix.prefix+string(formLow))
		case token:
			prefixes = append(prefixes, ix.prefix+string(formToken))
		case text:
			prefixes = append(prefixes, ix.prefix+string(formString))
		case uri:
			prefixes = append(prefixes, ix.prefix+string(formURI))
		case reference:
			form := ix.prefix + string(formReference)
			if p.target != "" {
				form = ReferencePrefix(ix.name, p.target)
			}
			prefixes = append(prefixes, form)
		}
	}
	return prefixes
}

// suggest finds the parameter whose code is nearest to what was written; empty when none is near.
func (x *typeIndexes) suggest(written string) string {
	return nearest(written, func(yield func(string) bool) {
		for _, param := range x.params {
			if !yield(param.Code) {
				return
			}
		}
	})
}

// DidYouMean continues an error message about a name that is not known with the one that was probably meant; empty when none is near.
func DidYouMean(written string, names iter.Seq[string]) string {
	if best := nearest(written, names); best != "" {
		return "; did you mean " + best + "?"
	}
	return ""
}

// nearest finds the name that was probably meant: a few letters off, or the same without case and punctuation; empty for none.
func nearest(written string, names iter.Seq[string]) string {
	best, distance := "", min(len(written)/3, 3)+1
	for name := range names {
		if d := editDistance(plainCode(written), plainCode(name)); d < distance {
			best, distance = name, d
		}
	}
	return best
}

func plainCode(s string) string {
	s = strings.ToLower(s)
	if len(s) > 64 {
		s = s[:64]
	}
	return strings.NewReplacer("-", "", "_", "", ".", "").Replace(s)
}

// editDistance counts insertions, deletions and replacements of bytes, and neighbours that changed places.
func editDistance(a, b string) int {
	before, row, next := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next[0] = i + 1
		for j := range len(b) {
			next[j+1] = row[j]
			if a[i] != b[j] {
				next[j+1] = 1 + min(row[j], next[j], row[j+1])
			}
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], 1+before[j-1])
			}
		}
		before, row, next = row, next, before
	}
	return row[len(b)]
}
