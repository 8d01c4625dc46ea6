package mongo

import (
	"cmp"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/firth-health/firth/search"
)

// position is where a page ended, or a match stands: its sort values and its place in the order of creation.
type position struct {
	values  []value
	created int64
}

// value is the value of one sort key; missing ones sort last in both directions.
type value struct {
	text string
	has  bool
}

// order is the order of a query, first key first.
type order []search.SortKey

// descends reports the direction of ties.
func (o order) descends() bool { return len(o) > 0 && o[0].Descending }

// compare tells which comes first.
func (o order) compare(a, b *position) int {
	for i := range o {
		x, y := a.values[i], b.values[i]
		switch {
		case x.has != y.has && x.has:
			return -1
		case x.has != y.has:
			return 1
		case x.text != y.text:
			return directed(strings.Compare(x.text, y.text), o[i].Descending)
		}
	}
	return directed(cmp.Compare(a.created, b.created), o.descends())
}

func directed(c int, descending bool) int {
	if descending {
		return -c
	}
	return c
}

// values reads the sort values of a resource out of its keys.
func (o order) values(id string, keys []string) []value {
	values := make([]value, len(o))
	for i, key := range o {
		values[i].text, values[i].has = key.Value(id, keys)
	}
	return values
}

// maxServerKeys bounds the sort keys that the server sorts by: there is a find for each combination of those that are there and those that are missing.
const maxServerKeys = 3

// column is a field of the documents that has the values of a sort key.
type column struct {
	field      string
	descending bool
	always     bool // never missing
}

// columns finds the fields to sort by; ok is false where the documents have none, and the matches must be sorted here.
func (o order) columns() (columns []column, ok bool) {
	for _, key := range o {
		c := column{descending: key.Descending}
		if len(key.Prefixes) == 1 && key.Prefixes[0] == search.IDPrefix {
			c.field, c.always = fieldID, true
		} else if c.field, ok = fieldOf(key.Prefixes); !ok {
			return nil, false
		}
		columns = append(columns, c)
	}
	return columns, len(columns) <= maxServerKeys
}

// fieldOf names the field with the values behind some key prefixes: those of one index, a form each (see deriveOrder).
func fieldOf(prefixes []string) (string, bool) {
	index := ""
	for i, prefix := range prefixes {
		name, form, found := strings.Cut(prefix, search.Separator)
		if !found || len(form) != 1 || !strings.Contains(sortForms, form) || name == "" || i > 0 && (name != index || !strings.Contains("nl", form)) {
			return "", false
		}
		index = name
	}
	return fieldOrder + "." + orderField(index), index != ""
}

// phase is one find of a sorted search: the matches that have the values of certain sort keys and lack the others.
type phase []bool

// phases lists them in the order in which their matches come.
func phases(columns []column) (all []phase) {
	for bits := range 1 << len(columns) {
		p := make(phase, len(columns))
		wanted := true
		for i := range columns {
			p[i] = bits>>(len(columns)-1-i)&1 == 0
			wanted = wanted && (p[i] || !columns[i].always)
		}
		if wanted {
			all = append(all, p)
		}
	}
	return all
}

// of reports in which phase a position is.
func (p *position) in() (in phase) {
	for _, v := range p.values {
		in = append(in, v.has)
	}
	return in
}

// compare tells which phase comes first.
func (p phase) compare(q phase) int {
	for i := range p {
		if p[i] != q[i] && p[i] {
			return -1
		} else if p[i] != q[i] {
			return 1
		}
	}
	return 0
}

// where restricts a find to the phase and, when that is not nil, to what comes behind a position of the phase.
func (p phase) where(columns []column, behind *position, descending bool) bson.D {
	var all bson.A
	for i, c := range columns {
		if !c.always {
			all = append(all, bson.D{{Key: c.field, Value: bson.D{{Key: "$exists", Value: p[i]}}}})
		}
	}
	if behind != nil {
		all = append(all, p.behind(columns, behind, descending))
	}
	switch len(all) {
	case 0:
		return nil
	case 1:
		one, _ := all[0].(bson.D)
		return one
	}
	return bson.D{{Key: "$and", Value: all}}
}

// behind matches what comes behind a position: equal in the first sort keys and behind in the next, or equal in all and behind in the order of creation.
func (p phase) behind(columns []column, at *position, descending bool) bson.D {
	var alternatives bson.A
	var equal bson.D
	for i, c := range columns {
		if !p[i] {
			continue
		}
		text := at.values[i].text
		alternatives = append(alternatives, append(slices.Clone(equal), bson.E{Key: c.field, Value: c.after(text)}))
		equal = append(equal, bson.E{Key: c.field, Value: c.equals(text)})
	}
	operator := "$gt"
	if descending {
		operator = "$lt"
	}
	last := append(equal, bson.E{Key: fieldCreated, Value: bson.D{{Key: operator, Value: at.created}}})
	if len(alternatives) == 0 {
		return last
	}
	return bson.D{{Key: "$or", Value: append(alternatives, last)}}
}

// after matches values behind text. A resource may have two, of which MongoDB sorts by the one that comes first in the direction of the sort; so none may be at
// text or before it.
func (c column) after(text string) bson.D {
	if c.field == fieldID {
		return bson.D{{Key: map[bool]string{false: "$gt", true: "$lt"}[c.descending], Value: text}}
	}
	return bson.D{{Key: "$not", Value: bson.D{{Key: map[bool]string{false: "$lte", true: "$gte"}[c.descending], Value: text}}}}
}

// equals matches values whose first one in the direction of the sort is text.
func (c column) equals(text string) any {
	if c.field == fieldID {
		return text
	}
	return bson.D{{Key: "$eq", Value: text}, {Key: "$not", Value: bson.D{{Key: map[bool]string{false: "$lt", true: "$gt"}[c.descending], Value: text}}}}
}

// sort is the sort of the phase: by what is there, then by the order of creation.
func (p phase) sort(columns []column, descending bool) bson.D {
	var by bson.D
	for i, c := range columns {
		if p[i] {
			by = append(by, bson.E{Key: c.field, Value: direction(c.descending)})
		}
	}
	return append(by, bson.E{Key: fieldCreated, Value: direction(descending)})
}

func direction(descending bool) int32 {
	if descending {
		return -1
	}
	return 1
}
