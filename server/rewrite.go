package server

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/spec"
)

// references knows where the fullUrls of a Bundle lead, and finds the places in resources that say them (R4 http.html#trules):
// Reference.reference, elements of type uri, url and canonical, and href and src in narratives. Elements of type oid and uuid keep what they say, although the
// rules name them: Patient/1 is neither, and what is stored must be R4.
type references struct {
	definitions *spec.Definitions
	targets     map[string]string // fullUrl -> what to say instead
	hasREST     bool              // some fullUrl is [base]/[type]/[id], to which relative references may lead
	first       [256]bool         // bytes that fullUrls begin with, to pass over most strings at once
}

// place is a byte range that says a reference.
type place struct {
	start, end  int
	target      string // what to say instead; of a conditional reference the search, Patient?identifier=...
	suffix      string // fragment to keep
	inNarrative bool   // not a JSON string of its own
	conditional bool
	dangling    string // the element, when it refers to an entry that the Bundle does not have; target says which
}

// add says where a fullUrl leads.
func (r *references) add(fullURL, target string) {
	r.targets[fullURL] = target
	r.first[fullURL[0]] = true
	if fhir.ParseReference(fullURL).Base != "" {
		r.hasREST = true
	}
}

// isTemporary reports whether a fullUrl can only mean an entry of the same Bundle.
func isTemporary(fullURL string) bool {
	return strings.HasPrefix(fullURL, "urn:uuid:") || strings.HasPrefix(fullURL, "urn:oid:")
}

// scan finds the places of a resource, in document order. fullURL is that of its entry.
func (r *references) scan(res *fhir.Resource, fullURL string) []place {
	var places []place
	base := ""
	if r.hasREST {
		base = fhir.ParseReference(fullURL).Base
	}
	for node := range res.Root().Descendants() {
		if node.Kind() != fhir.String {
			continue
		}
		raw := node.Raw()
		if len(raw) < 5 {
			continue
		}
		switch c := raw[1]; {
		case c == '<' && node.KeyIs("div"):
			places = r.narrative(places, node)
		case r.first[c] || c == '\\':
			if target, suffix, ok := r.target(raw); ok && r.speaks(res, node) {
				places = append(places, at(node, target, suffix, false))
				continue
			}
			fallthrough
		case ('A' <= c && c <= 'Z' || c == 'u') && node.KeyIs("reference"):
			if p, ok := r.relative(node, base); ok && r.speaks(res, node) {
				places = append(places, p)
			} else if p, ok := r.dangling(res, node); ok {
				places = append(places, p)
			}
		}
	}
	return places
}

// relative reads Reference.reference: Patient?identifier=... is conditional, Patient/1 may be the entry whose fullUrl has the same base as that of the
// resource it stands in (R4 bundle.html#references).
func (r *references) relative(node fhir.Node, base string) (place, bool) {
	if !node.KeyIs("reference") {
		return place{}, false
	}
	if bytes.IndexByte(node.Raw(), '?') > 0 {
		text := node.Text()
		return at(node, text, "", true), r.isConditional(text)
	}
	if base == "" {
		return place{}, false
	}
	target, ok := r.targets[base+"/"+node.Text()]
	return at(node, target, "", false), ok
}

// dangling reads Reference.reference of a UUID that no fullUrl is. A UUID says nothing outside of the Bundle, so that nobody could ever follow it. An OID may be the
// name of something elsewhere (a DICOM study), and in a Bundle that is stored as a resource the references are to its own entries: both are let be.
func (r *references) dangling(res *fhir.Resource, node fhir.Node) (place, bool) {
	if res.Type() == "Bundle" || !bytes.HasPrefix(node.Raw(), []byte(`"urn:uuid:`)) || !r.speaks(res, node) {
		return place{}, false
	}
	return place{target: node.Text(), dangling: elementPath(res, node)}, true
}

// elementPath is the expression of a node: Observation.performer[1].reference.
func elementPath(res *fhir.Resource, target fhir.Node) string {
	path := res.Type()
	for node := res.Root(); node != target; {
		child := childAround(node, target)
		if !child.Ok() {
			break
		}
		if node.Kind() == fhir.Object {
			path += "." + child.Key()
		} else {
			i := 0
			for item := node.First(); item != child; item = item.Next() {
				i++
			}
			path += "[" + strconv.Itoa(i) + "]"
		}
		node = child
	}
	return path
}

func at(node fhir.Node, target, suffix string, conditional bool) place {
	start, end := node.Range()
	return place{start: start, end: end, target: target, suffix: suffix, conditional: conditional}
}

// target looks a JSON string up, with and without its fragment.
func (r *references) target(raw []byte) (target, suffix string, ok bool) {
	text := raw[1 : len(raw)-1]
	if bytes.IndexByte(text, '\\') >= 0 {
		text = bytes.ReplaceAll(text, []byte(`\/`), []byte(`/`))
	}
	if target, ok = r.targets[string(text)]; ok {
		return target, "", true
	}
	if i := bytes.IndexByte(text, '#'); i > 0 {
		target, ok = r.targets[string(text[:i])]
		return target, string(text[i:]), ok
	}
	return "", "", false
}

func (r *references) isConditional(text string) bool {
	typ, _, found := strings.Cut(text, "?")
	return found && r.definitions.IsResource(typ)
}

// speaks reports whether the string is an element that may refer: an Identifier.value that happens to be a fullUrl stays as it is. In elements that
// the specification does not know, only "reference" does.
func (r *references) speaks(res *fhir.Resource, target fhir.Node) bool {
	node, within := res.Root(), r.definitions.Type(res.Type())
	for {
		child := childAround(node, target)
		if !child.Ok() {
			return false
		}
		name := child.Key()
		element := (*spec.Element)(nil)
		if node.Kind() == fhir.Object && within != nil {
			element = within.Child(strings.TrimPrefix(name, "_"))
		}
		if child == target {
			return refers(within, element, node, name)
		}
		if node.Kind() == fhir.Object {
			within = r.inside(element, child)
		} else if child.Kind() == fhir.Object {
			within = r.concrete(within, child)
		}
		node = child
	}
}

// refers decides for one string. In an array, within is the type of the items.
func refers(within *spec.Type, element *spec.Element, parent fhir.Node, name string) bool {
	if name == "reference" && parent.Kind() == fhir.Object {
		return within == nil || within.Is("Reference") || element == nil
	}
	if element != nil {
		within = element.Type()
	} else if parent.Kind() == fhir.Object {
		return false
	}
	if within == nil {
		return false
	}
	switch within.Name {
	case "uri", "url", "canonical":
		return true
	}
	return false
}

// inside is the type of what an element holds.
func (r *references) inside(element *spec.Element, child fhir.Node) *spec.Type {
	if element == nil {
		return nil
	}
	return r.concrete(element.Type(), child)
}

// concrete replaces the abstract Resource by the type that a contained resource or an entry names.
func (r *references) concrete(typ *spec.Type, node fhir.Node) *spec.Type {
	if typ != nil && typ.Kind == spec.Resource {
		if name := node.Get("resourceType"); name.Ok() {
			return r.definitions.Type(name.Text())
		}
	}
	return typ
}

// childAround is the member or item that holds target.
func childAround(node, target fhir.Node) fhir.Node {
	start, _ := target.Range()
	for child := node.First(); child.Ok(); child = child.Next() {
		if _, end := child.Range(); start < end {
			return child
		}
	}
	return fhir.Node{}
}

// narrative finds the href and src attributes of an XHTML string that lead to entries.
func (r *references) narrative(places []place, node fhir.Node) []place {
	raw := node.Raw()
	offset, _ := node.Range()
	for i := 0; i < len(raw); {
		equals := bytes.IndexByte(raw[i:], '=')
		if equals < 0 {
			break
		}
		equals += i
		i = equals + 1
		if !bytes.HasSuffix(raw[:equals], []byte("href")) && !bytes.HasSuffix(raw[:equals], []byte("src")) {
			continue
		}
		start, end, ok := attribute(raw, i)
		if !ok {
			continue
		}
		i = end
		if target, found := r.targets[string(raw[start:end])]; found {
			places = append(places, place{start: offset + start, end: offset + end, target: target, inNarrative: true})
		}
	}
	return places
}

// attribute finds the value between the quotes at i, which are written \" or ' inside a JSON string.
func attribute(raw []byte, i int) (start, end int, ok bool) {
	rest := raw[i:]
	for _, quote := range []string{`\"`, `'`} {
		if bytes.HasPrefix(rest, []byte(quote)) {
			start = i + len(quote)
			length := bytes.Index(raw[start:], []byte(quote))
			return start, start + length, length >= 0
		}
	}
	return 0, 0, false
}

// splice makes the replacement of a place. Targets of narratives need no escapes: they are types, ids and slashes.
func (p place) splice() fhir.Splice {
	text := []byte(p.target + p.suffix)
	if !p.inNarrative {
		text = fhir.AppendQuoted(nil, string(text))
	}
	return fhir.Splice{Start: p.start, End: p.end, Text: text}
}
