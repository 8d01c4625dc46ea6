package server

import (
	"net/http"
	"strings"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
)

// resolveConditional replaces references such as Patient?identifier=... by the one resource they match (R4 http.html#trules). They see the
// state behind the transaction: resources of the Bundle count as it leaves them.
func (t *transaction) resolveConditional() error {
	found := map[string]string{}
	for _, w := range t.writes {
		for i := range w.places {
			p := &w.places[i]
			if !p.conditional {
				continue
			}
			target, known := found[p.target]
			if !known {
				var err error
				if target, err = t.only(p.target); err != nil {
					return &entryError{index: w.index, err: pointed(w.element(p), err)}
				}
				found[p.target] = target
			}
			p.target = target
		}
	}
	return nil
}

// element names the element that a place is in.
func (w *write) element(p *place) string {
	for node := range w.resource.Root().Descendants() {
		if start, end := node.Range(); start <= p.start && p.end <= end && node.Kind() == fhir.String {
			return elementPath(w.resource, node)
		}
	}
	return w.resource.Type()
}

// only returns the one resource that a conditional reference matches.
func (t *transaction) only(reference string) (string, error) {
	typ, query, _ := strings.Cut(reference, "?")
	q, err := t.s.criteria(typ, query)
	if err != nil {
		return "", err
	}
	if err := t.s.restrictCondition(t.x, q); err != nil {
		return "", err
	}
	touched := map[string]bool{}
	var ids []string
	for _, w := range t.writes {
		if w.key.Type != typ || w.existing {
			continue
		}
		for i := range w.ops {
			touched[w.ops[i].Key.ID] = true
		}
		matches, err := t.matches(w, q)
		if err != nil {
			return "", &entryError{index: w.index, err: err}
		}
		if matches {
			ids = append(ids, w.key.ID)
		}
	}
	stored, err := t.s.find(t.x.ctx, q, 2+len(touched))
	if err != nil {
		return "", err
	}
	for _, id := range stored {
		if !touched[id] {
			ids = append(ids, id)
		}
	}
	if len(ids) != 1 {
		code, text := fhir.CodeNotFound, "no resource matches"
		if len(ids) > 1 {
			code, text = fhir.CodeMultipleMatches, "more than one resource matches"
		}
		return "", refuse(http.StatusPreconditionFailed, code, "", "%s the reference %q", text, printable(reference))
	}
	return typ + "/" + ids[0], nil
}

// matches asks whether what a write leaves behind is a match.
func (t *transaction) matches(w *write, q *search.Query) (bool, error) {
	if w.resource == nil {
		return false, nil
	}
	if w.keys == nil {
		keys, err := t.s.search.Extract(w.resource)
		if err != nil {
			return false, err
		}
		w.keys = keys
	}
	return search.Match(q.Plan, w.key.ID, w.keys, nil), nil
}
