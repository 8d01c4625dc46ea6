package mongo

import (
	"fmt"
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"

	"github.com/firth-health/firth/search"
)

// Everything that a document holds for searches is derived from the index keys here, so that a check can derive it again.

// hotParts is what the compound index of a type is made of (search.HotIndexes): a patient, tokens, a time. MongoDB refuses two arrays in one compound index,
// so patient and time are scalars. There is one patient at most. Of several times the last one is in the index, which is what the newest first are sorted by; where other times
// than that can match or come first, resources with several times, or one that lasts, are told apart by tokens of their own.
type hotParts struct {
	patient string   // empty: not hot
	tokens  []string // markAny, and the keys of code and category, with the code system and without; where long the same again behind markLong
	time    string   // low ␁ high ␁ place in the order of creation; empty for none
	long    bool     // several times, or one that is not short
}

const (
	markAny  = "*" // a token that all have, for searches that name none
	markLong = "*" // before a token
)

// deriveHot finds the parts of the compound index in the keys of a resource.
func deriveHot(typ string, keys []string, created int64) hotParts {
	indexes := search.HotIndexes(typ)
	if len(indexes) == 0 {
		return hotParts{}
	}
	x := indexes[0]
	patients := search.KeysUnder(keys, x.Subject)
	if len(patients) == 0 {
		return hotParts{}
	}
	h := hotParts{patient: patients[0][len(x.Subject):], tokens: deriveTokens(x, keys)}
	times := search.KeysUnder(keys, x.Time)
	if len(times) == 0 {
		return h
	}
	last := times[len(times)-1][len(x.Time):]
	h.time = hotTime(last, created)
	if h.long = len(times) > 1 || !x.Short(last); h.long {
		for _, token := range h.tokens[:len(h.tokens):len(h.tokens)] {
			h.tokens = append(h.tokens, markLong+token)
		}
	}
	return h
}

// deriveTokens gives the tokens of a resource: searches that name a code system have an entry to count by, and those that do not one that gives the order of time.
func deriveTokens(x search.HotIndex, keys []string) []string {
	tokens := []string{markAny}
	for _, prefix := range x.Codes {
		last := ""
		for _, key := range search.KeysUnder(keys, prefix) {
			token := withoutSystem(key, prefix)
			if token == key {
				continue // no key of a token
			}
			if token != last {
				tokens, last = append(tokens, token), token
			}
			tokens = append(tokens, key)
		}
	}
	return tokens
}

// withoutSystem cuts the code system off the key of a token.
func withoutSystem(key, prefix string) string {
	if i := strings.IndexByte(key[len(prefix):], search.Separator[0]); i >= 0 {
		return key[:len(prefix)+i]
	}
	return key
}

// hotTime is a value of the time field: as time values are ordered, those that are equal in the order of creation.
func hotTime(value string, created int64) string {
	return value + search.Separator + fmt.Sprintf("%016x", uint64(created))
}

// placeLength is how long the place in the order of creation is, with the separator.
const placeLength = 17

// sortValue is what a resource is sorted by: the smallest and the largest remainder of the keys of an index, whose form is one that is sorted by.
type sortValue struct{ field, low, high string }

// sortForms are the forms of keys whose remainder is sorted by (search.SortKey): number, low end, token, string, URI, reference. An index has keys of one of
// them, or of number and low end, which are compared with each other.
const sortForms = "nltSur"

// deriveOrder finds the sort values in sorted keys.
func deriveOrder(keys []string) []sortValue {
	var values []sortValue
	for _, key := range keys {
		index, rest, found := strings.Cut(key, search.Separator)
		if !found || rest == "" || !strings.Contains(sortForms, rest[:1]) || index == "" {
			continue
		}
		field, value := orderField(index), rest[1:]
		last := len(values) - 1
		if last < 0 || values[last].field != field {
			values = append(values, sortValue{field, value, value})
			continue
		}
		values[last].low, values[last].high = min(values[last].low, value), max(values[last].high, value)
	}
	return values
}

// orderField names the sort value of an index; the names of indexes may contain a dot.
func orderField(index string) string { return strings.ReplaceAll(index, ".", "/") }

// appendDerived appends the fields for searches.
func appendDerived(dst []byte, v *version, h hotParts) []byte {
	if h.patient != "" {
		dst = bsoncore.AppendStringElement(dst, fieldPatient, h.patient)
		dst = appendStrings(dst, fieldHot, h.tokens)
		if h.time != "" {
			dst = bsoncore.AppendStringElement(dst, fieldTime, h.time)
		}
		if h.long {
			dst = bsoncore.AppendBooleanElement(dst, fieldLong, true)
		}
	}
	at, dst := bsoncore.AppendDocumentElementStart(dst, fieldOrder)
	for _, value := range deriveOrder(v.keys) {
		if value.low == value.high {
			dst = bsoncore.AppendStringElement(dst, value.field, value.low)
		} else {
			dst = appendStrings(dst, value.field, []string{value.low, value.high})
		}
	}
	return appendStrings(closeDocument(dst, at), fieldKeys, v.keys)
}

func appendStrings(dst []byte, name string, texts []string) []byte {
	at, dst := bsoncore.AppendArrayElementStart(dst, name)
	for i, text := range texts {
		dst = bsoncore.AppendStringElement(dst, strconv.Itoa(i), text)
	}
	return closeDocument(dst, at)
}

// derived is a document of the fields for searches alone.
func derived(v *version) bson.Raw {
	at, dst := bsoncore.AppendDocumentStart(nil)
	return bson.Raw(closeDocument(appendDerived(dst, v, deriveHot(v.key.Type, v.keys, v.created)), at))
}
