package pebble

import "github.com/firth-health/firth/search"

// named replaces conditions that lead to few resources by references to them: "of the patient with this identifier" becomes "of Patient/123", which
// compound keys answer and which costs what the plain reference costs. Conditions that lead to many stay.
func (v *view) named(plan search.And) search.And {
	var changed search.And
	for i, part := range plan {
		direct, ok := v.direct(part)
		if !ok {
			continue
		}
		if changed == nil {
			changed = append(changed, plan...)
		}
		if len(direct) == 0 {
			return search.And{direct} // nothing matches, whatever the other conditions say
		}
		changed[i] = direct
		v.note("a chain leads to %d resources", len(direct))
	}
	if changed == nil {
		return plan
	}
	return search.Conjuncts(nil, changed)
}

// direct gives the references that satisfy a condition about what references lead to; ok is false when they are too many or it is another condition.
func (v *view) direct(plan search.Plan) (keys search.Or, ok bool) {
	switch p := plan.(type) {
	case search.Ref:
		target := v.toward(p.Type)
		rows, ok := target.within(v.tune.smallHot).set(p.Of)
		if !ok || rows.GetCardinality() > uint64(v.tune.maxUnion) {
			return nil, false
		}
		prefix := search.ReferencePrefix(p.Index, p.Type)
		for it := rows.Iterator(); it.HasNext(); {
			keys = append(keys, search.OneKey(prefix+target.id(it.Next())))
		}
		return keys, !v.stopped()
	case search.Or:
		for _, part := range p {
			more, ok := v.direct(part)
			if keys = append(keys, more...); !ok || len(keys) > v.tune.maxUnion {
				return nil, false
			}
		}
		return keys, len(p) > 0
	}
	return nil, false
}
