package store

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/firth-health/firth/search"
)

// SortValue is what a resource is sorted by under one sort key. What has none comes last, in both directions.
type SortValue struct {
	Text string
	Has  bool
}

// Position is where a match stands in the order of a query.
type Position struct {
	Values  []SortValue // one a sort key
	Created uint64      // its place in the order of creation, as the back end counts; it tells apart what has the same values
}

// Order is the order of a query, first key first.
type Order []search.SortKey

// Descends reports the direction of matches with the same values: that of the first key.
func (o Order) Descends() bool { return len(o) > 0 && o[0].Descending }

// Compare tells which of two positions comes first.
func (o Order) Compare(a, b *Position) int {
	for i := range o {
		x, y := &a.Values[i], &b.Values[i]
		if x.Has != y.Has {
			if x.Has {
				return -1
			}
			return 1
		}
		if c := strings.Compare(x.Text, y.Text); c != 0 {
			return directed(c, o[i].Descending)
		}
	}
	return directed(cmp.Compare(a.Created, b.Created), o.Descends())
}

func directed(c int, descending bool) int {
	if descending {
		return -c
	}
	return c
}

// AppendValues appends the sort values of a resource; the texts share keys.
func (o Order) AppendValues(dst []SortValue, id string, keys []string) []SortValue {
	for i := range o {
		text, has := o[i].Value(id, keys)
		dst = append(dst, SortValue{text, has})
	}
	return dst
}

// CountsTotal reports whether a page has to find the total, which is known when it is not negative: a bounded one goes with the first page, or with a page of nothing.
func CountsTotal(q *search.Query, known int, first bool) bool {
	return q.Total != search.NoTotal && known < 0 && (first || q.Total != search.Bounded || q.Count == 0)
}

// IsOnly reports whether an order is that of the values behind one key prefix and nothing else.
func (o Order) IsOnly(prefix string) bool {
	return len(o) == 1 && len(o[0].Prefixes) == 1 && o[0].Prefixes[0] == prefix
}

// SortsByID reports whether the values of a sort key are the logical ids, which no resource lacks.
func SortsByID(key search.SortKey) bool { return slices.Contains(key.Prefixes, search.IDPrefix) }

// Cursor is what the cursor of a search says: where the last page ended.
type Cursor struct {
	Position
	Total int // -1: not counted
}

// Seal makes the cursor's text.
func (c *Cursor) Seal(secret []byte, q *search.Query) string {
	b := binary.AppendVarint(nil, int64(c.Total))
	b = binary.AppendUvarint(b, c.Created)
	for _, v := range c.Values {
		if !v.Has {
			b = append(b, 0)
			continue
		}
		b = binary.AppendUvarint(append(b, 1), uint64(len(v.Text)))
		b = append(b, v.Text...)
	}
	return SealCursor(secret, Fingerprint(q), b)
}

// ParseCursor reads the cursor of a query. ErrBadCursor.
func ParseCursor(secret []byte, q *search.Query) (*Cursor, error) {
	b, err := OpenCursor(secret, Fingerprint(q), q.Cursor)
	if err != nil {
		return nil, err
	}
	total, n := binary.Varint(b)
	created, m := binary.Uvarint(b[max(n, 0):])
	if n <= 0 || m <= 0 {
		return nil, ErrBadCursor
	}
	c := &Cursor{Position: Position{Created: created}, Total: int(total)}
	b = b[n+m:]
	for range q.Sort {
		if len(b) == 0 {
			return nil, ErrBadCursor
		}
		v := SortValue{Has: b[0] == 1}
		b = b[1:]
		if v.Has {
			size, n := binary.Uvarint(b)
			if n <= 0 || size > uint64(len(b)-n) {
				return nil, ErrBadCursor
			}
			v.Text, b = string(b[n:n+int(size)]), b[n+int(size):]
		}
		c.Values = append(c.Values, v)
	}
	return c, nil
}
