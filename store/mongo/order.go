package mongo

import (
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// column is a field of the documents that has the values of a sort key.
type column struct {
	field      string
	descending bool
	always     bool // never missing
}

// columnOf finds the field with the values of the first sort key; ok is false where the documents have none.
func columnOf(o store.Order) (c column, ok bool) {
	key := o[0]
	c.descending = key.Descending
	if len(key.Prefixes) == 1 && key.Prefixes[0] == search.IDPrefix {
		c.field, c.always = fieldID, true
		return c, true
	}
	c.field, ok = fieldOf(key.Prefixes)
	return c, ok
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

// present restricts a find to documents that have the value, or to those that lack it. MongoDB sorts what is missing first, Firth last; so they are two finds.
func (c column) present(has bool) bson.D {
	if c.always {
		return nil
	}
	return bson.D{{Key: c.field, Value: bson.D{{Key: "$exists", Value: has}}}}
}

// behind matches what comes behind a position in the order of the column and, of equal values, of creation.
func (c column) behind(at *store.Position) bson.D {
	equal := bson.D{{Key: c.field, Value: c.equals(at.Values[0].Text)}}
	return bson.D{{Key: "$or", Value: bson.A{bson.D{{Key: c.field, Value: c.after(at.Values[0].Text)}}, append(equal, createdBehind(at, c.descending)...)}}}
}

// createdBehind matches what comes behind a position in the order of creation.
func createdBehind(at *store.Position, descending bool) bson.D {
	return bson.D{{Key: fieldCreated, Value: bson.D{{Key: map[bool]string{false: "$gt", true: "$lt"}[descending], Value: int64(at.Created)}}}}
}

// after matches values behind text. A resource may have two, of which MongoDB sorts by the one that comes first in the direction of the sort; so none may be at
// text or before it.
func (c column) after(text string) bson.D {
	if c.field == fieldID {
		return bson.D{{Key: map[bool]string{false: "$gt", true: "$lt"}[c.descending], Value: text}}
	}
	return bson.D{{Key: "$not", Value: bson.D{{Key: map[bool]string{false: "$lte", true: "$gte"}[c.descending], Value: text}}}}
}

// from matches values at text or behind it.
func (c column) from(text string) bson.D {
	return bson.D{{Key: "$not", Value: bson.D{{Key: map[bool]string{false: "$lt", true: "$gt"}[c.descending], Value: text}}}}
}

// equals matches values whose first one in the direction of the sort is text.
func (c column) equals(text string) any {
	if c.field == fieldID {
		return text
	}
	return append(bson.D{{Key: "$eq", Value: text}}, c.from(text)...)
}

// sortBy orders by the column, if there is one, and then by creation.
func sortBy(c *column, descending bool) bson.D {
	created := bson.E{Key: fieldCreated, Value: direction(descending)}
	if c == nil {
		return bson.D{created}
	}
	return bson.D{{Key: c.field, Value: direction(c.descending)}, created}
}

func direction(descending bool) int32 {
	if descending {
		return -1
	}
	return 1
}
