package auth

import "github.com/firth-health/firth/search"

// takes is what consents take of a type for an action. A Provenance that is about something they take, whatever else it is about, tells of it and is taken with it.
func (d *denial) takes(r *Rules, typ string, action Action) limit {
	own := d.taken(r, typ, action)
	if d == nil || typ != provenance || own.ok && own.plan == nil {
		return own
	}
	var about search.Or
	for _, target := range r.opts.Definitions.ResourceTypes() {
		if target == provenance {
			continue
		}
		of := d.taken(r, target, action)
		if !of.ok {
			continue
		}
		if of.plan == nil {
			of.plan = search.All{}
		}
		for _, index := range r.references(provenance, []string{"target"}) {
			about = append(about, search.Ref{Index: index, Type: target, Of: of.plan})
		}
	}
	return either(own, limit{unique(about), len(about) > 0})
}
