package mongo

import (
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/firth-health/firth/search"
)

// ref compiles a chain: the targets are found first, and then who refers to them. Where there are too many targets, everything that refers to the type is a
// candidate.
func (c *compiler) ref(p search.Ref) (filter, error) {
	prefix := search.ReferencePrefix(p.Index, p.Type)
	var keys []string
	complete, err := c.v.each(p.Type, p.Of, nil, c.v.s.opts.Targets, func(found *version) {
		keys = append(keys, prefix+found.key.ID)
	})
	switch {
	case err != nil:
		return filter{}, err
	case !complete:
		f := keysFilter(search.Keys{Lo: prefix, Hi: prefix + "\U0010ffff"})
		f.exact = false
		return f, nil
	case len(keys) == 0:
		return nothing(), nil
	}
	return filter{where: keyIn(keys), exact: true, live: true}, nil
}

// revRef compiles the reverse of a chain: those who refer are found first, and then whom they refer to.
func (c *compiler) revRef(p search.RevRef) (filter, error) {
	prefix := search.ReferencePrefix(p.Index, c.typ)
	refers := search.Keys{Lo: prefix, Hi: prefix + "\U0010ffff"}
	ids := map[string]bool{}
	complete, err := c.v.each(p.Type, search.And{refers, p.Of}, bson.D{{Key: fieldKeys, Value: 1}}, c.v.s.opts.Targets, func(found *version) {
		for _, id := range search.ReferencedIDs(found.keys, p.Index, c.typ) {
			ids[id] = true
		}
	})
	if err != nil {
		return filter{}, err
	}
	if !complete {
		return filter{}, nil
	}
	list := make(search.IDs, 0, len(ids))
	for id := range ids {
		list = append(list, id)
	}
	return idsFilter(list), nil
}

// resolver answers the parts of a plan that lead to other resources for one candidate after the other. It implements [search.Resolver].
type resolver struct {
	v   *view
	typ string
	err *error // the first one
}

// Ref implements [search.Resolver].
func (r resolver) Ref(p search.Ref, keys []string) bool {
	ids := search.IDs(search.ReferencedIDs(keys, p.Index, p.Type))
	return len(ids) > 0 && r.any(p.Type, search.And{ids, p.Of})
}

// RevRef implements [search.Resolver].
func (r resolver) RevRef(p search.RevRef, id string) bool {
	return r.any(p.Type, search.And{search.OneKey(search.ReferencePrefix(p.Index, r.typ) + id), p.Of})
}

// any reports whether a resource matches.
func (r resolver) any(typ string, plan search.Plan) bool {
	if *r.err != nil {
		return false
	}
	found := false
	_, err := r.v.each(typ, plan, nil, 1, func(*version) { found = true })
	*r.err = err
	return found
}
