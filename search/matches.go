package search

import (
	"strings"

	"github.com/firth-health/firth/fhir"
)

// Matches is [Match] for a resource that need not be stored. Only the keys that the plan asks for are extracted, so that a plan about the patient costs little. The
// time of the last update is that of the resource's meta. With a nil resolver, a plan that follows references matches nothing.
func (r *Registry) Matches(plan Plan, res *fhir.Resource, links Resolver) (bool, error) {
	if links == nil && FollowsReferences(plan) {
		return false, nil
	}
	asked := indexNames{}
	asked.add(plan)
	keys, _, err := r.extract(res, asked)
	if err != nil {
		return false, err
	}
	if updated, err := fhir.ParseDateTime(res.Root().Get("meta").Get("lastUpdated").Text()); err == nil && asked.has(lastUpdatedIndex) {
		keys = WithKey(keys, LastUpdatedKey(updated.Low))
	}
	return Match(plan, res.ID(), keys, links), nil
}

// indexNames are the indexes that a plan asks; with "" all of them.
type indexNames map[string]bool

func (n indexNames) has(name string) bool { return n == nil || n[name] || n[""] }

func (n indexNames) add(plan Plan) {
	switch p := plan.(type) {
	case And:
		for _, part := range p {
			n.add(part)
		}
	case Or:
		for _, part := range p {
			n.add(part)
		}
	case Not:
		n.add(p.Of)
	case Keys:
		name, _, within := strings.Cut(p.Lo, Separator)
		if !within || p.Hi > after(name+Separator) {
			name = "" // of more than one index
		}
		n[name] = true
	case Ref:
		n[p.Index] = true
	}
}
