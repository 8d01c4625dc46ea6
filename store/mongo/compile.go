package mongo

import (
	"regexp"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/firth-health/firth/search"
)

// filter is what a plan means to MongoDB.
type filter struct {
	where bson.D // conditions that all hold; empty: everything
	none  bool   // nothing matches
	exact bool   // every match of where is one of the plan; else candidates are tested with search.Match
	live  bool   // where cannot match a deletion
}

func everything() filter { return filter{exact: true} }

func nothing() filter { return filter{none: true, exact: true, live: true} }

func (f filter) all() bool { return !f.none && len(f.where) == 0 }

// compiler turns plans about one type into filters. Chains are resolved to ids first, through the view.
type compiler struct {
	v   *view
	typ string
}

func (c *compiler) plan(plan search.Plan) (filter, error) {
	switch p := plan.(type) {
	case search.All:
		return everything(), nil
	case search.Keys:
		return c.v.s.keys(p), nil
	case search.And:
		return c.and(p)
	case search.Or:
		return c.or(p)
	case search.Not:
		of, err := c.plan(p.Of)
		return not(of), err
	case search.IDs:
		return idsFilter(p), nil
	case search.Ref:
		return c.ref(p)
	case search.RevRef:
		return c.revRef(p)
	}
	return filter{}, errCorrupt
}

// keys compiles a range for this server.
func (s *Store) keys(p search.Keys) filter {
	f := keysFilter(p)
	if _, one := p.Exact(); !one && !f.none && !s.elements {
		f.exact = false
	}
	return f
}

// keysFilter matches resources with a key in a range. One element of the array must satisfy all of it.
func keysFilter(p search.Keys) filter {
	if p.Hi <= p.Lo {
		return nothing()
	}
	if key, ok := p.Exact(); ok {
		return filter{where: bson.D{{Key: fieldKeys, Value: key}}, exact: true, live: true}
	}
	if p.Among != nil {
		keys := slices.DeleteFunc(slices.Clone(p.Among.Keys), func(key string) bool { return !p.Accepts(key) })
		if len(keys) == 0 {
			return nothing()
		}
		return filter{where: keyIn(keys), exact: true, live: true}
	}
	one := bson.D{{Key: "$gte", Value: p.Lo}, {Key: "$lt", Value: p.Hi}}
	exact := p.TailLo == "" && p.TailHi == "" && p.Near == nil && len(p.Contains) < 2
	if text := longest(p.Contains); strings.Contains(text, "\x00") {
		exact = false
	} else if text != "" {
		one = append(one, bson.E{Key: "$regex", Value: containing(text)})
	}
	return filter{where: bson.D{{Key: fieldKeys, Value: bson.D{{Key: "$elemMatch", Value: one}}}}, exact: exact, live: true}
}

// containing is the one place where input meets a regular expression: a literal behind a separator.
func containing(text string) string { return search.Separator + `[\s\S]*` + regexp.QuoteMeta(text) }

func longest(texts []string) (long string) {
	for _, text := range texts {
		if len(text) > len(long) {
			long = text
		}
	}
	return long
}

func idsFilter(p search.IDs) filter {
	ids := slices.Sorted(slices.Values(p))
	ids = slices.Compact(ids)
	switch len(ids) {
	case 0:
		return nothing()
	case 1:
		return filter{where: bson.D{{Key: fieldID, Value: ids[0]}}, exact: true}
	}
	return filter{where: bson.D{{Key: fieldID, Value: bson.D{{Key: "$in", Value: ids}}}}, exact: true}
}

func (c *compiler) and(parts []search.Plan) (filter, error) {
	f := everything()
	for _, part := range parts {
		one, err := c.plan(part)
		if err != nil {
			return f, err
		}
		f = both(f, one)
	}
	return f, nil
}

// both matches what both match.
func both(a, b filter) filter {
	if a.none || b.none {
		return nothing()
	}
	return filter{where: conjunction(a.where, b.where), exact: a.exact && b.exact, live: a.live || b.live}
}

// conjunction joins conditions. Two on one field need $and, because a document cannot name a field twice.
func conjunction(a, b bson.D) bson.D {
	joined := slices.Clone(a)
	for _, e := range b {
		at := slices.IndexFunc(joined, func(x bson.E) bool { return x.Key == e.Key })
		list, isAnd := e.Value.(bson.A)
		switch {
		case e.Key == "$and" && isAnd && at >= 0:
			before, _ := joined[at].Value.(bson.A)
			joined[at].Value = append(slices.Clip(before), list...)
		case at < 0:
			joined = append(joined, e)
		default:
			joined = conjunction(joined, bson.D{{Key: "$and", Value: bson.A{bson.D{e}}}})
		}
	}
	return joined
}

func (c *compiler) or(parts []search.Plan) (filter, error) {
	f := filter{exact: true, live: true}
	var keys []string
	var alternatives bson.A
	for _, part := range parts {
		one, err := c.plan(part)
		switch {
		case err != nil:
			return f, err
		case one.none:
			continue
		case one.all():
			return filter{exact: one.exact}, nil
		}
		f.exact, f.live = f.exact && one.exact, f.live && one.live
		if key, ok := onlyKey(one.where); ok {
			keys = append(keys, key)
		} else {
			alternatives = append(alternatives, one.where)
		}
	}
	if len(keys) > 0 {
		alternatives = append(bson.A{keyIn(keys)}, alternatives...)
	}
	switch len(alternatives) {
	case 0:
		return nothing(), nil
	case 1:
		f.where, _ = alternatives[0].(bson.D)
		return f, nil
	}
	f.where = bson.D{{Key: "$or", Value: alternatives}}
	return f, nil
}

// onlyKey returns the key that a filter asks for, when it asks for nothing else.
func onlyKey(where bson.D) (string, bool) {
	if len(where) != 1 || where[0].Key != fieldKeys {
		return "", false
	}
	key, ok := where[0].Value.(string)
	return key, ok
}

// keyIn matches resources with one of the keys.
func keyIn(keys []string) bson.D {
	keys = slices.Compact(slices.Sorted(slices.Values(keys)))
	if len(keys) == 1 {
		return bson.D{{Key: fieldKeys, Value: keys[0]}}
	}
	return bson.D{{Key: fieldKeys, Value: bson.D{{Key: "$in", Value: keys}}}}
}

// not matches what f does not. The complement of an approximation is not known, so then all are candidates.
func not(f filter) filter {
	switch {
	case f.none:
		return everything()
	case !f.exact:
		return filter{}
	case f.all():
		return nothing()
	}
	return filter{where: bson.D{{Key: "$nor", Value: bson.A{f.where}}}, exact: true}
}

// onlyLive keeps deletions out.
func (f filter) onlyLive() bson.D {
	if f.live {
		return f.where
	}
	return conjunction(f.where, bson.D{{Key: fieldDeleted, Value: nil}})
}
