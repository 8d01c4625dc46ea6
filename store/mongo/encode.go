package mongo

import (
	"math"
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"

	"github.com/firth-health/firth/fhir"
)

// maxDepth is how deep a resource may be nested to become BSON; MongoDB refuses documents deeper than 100 levels. No FHIR resource comes near.
const maxDepth = 80

// encoder turns a JSON tree into BSON. What BSON cannot hold becomes something near, so that queries find it, and makes exact false.
type encoder struct {
	exact    bool
	decimals bool // the server knows Decimal128
}

// object appends the members of a JSON object as a BSON document.
func (e *encoder) object(dst []byte, n fhir.Node, depth int) []byte {
	at, dst := bsoncore.AppendDocumentStart(dst)
	if depth > maxDepth {
		e.exact = false
	} else {
		members := names{object: n}
		for child := range n.Children() {
			if name, ok := members.of(child.Key()); ok {
				dst = e.value(dst, name, child, depth)
			}
		}
		e.exact = e.exact && members.taken == nil
	}
	return closeDocument(dst, at)
}

// array appends the items of a JSON array.
func (e *encoder) array(dst []byte, n fhir.Node, depth int) []byte {
	at, dst := bsoncore.AppendArrayStart(dst)
	if depth > maxDepth {
		e.exact = false
	} else {
		i := 0
		for child := range n.Children() {
			dst = e.value(dst, strconv.Itoa(i), child, depth)
			i++
		}
	}
	return closeDocument(dst, at)
}

// value appends one element.
func (e *encoder) value(dst []byte, name string, n fhir.Node, depth int) []byte {
	switch n.Kind() {
	case fhir.Object:
		return e.object(bsoncore.AppendHeader(dst, bsoncore.TypeEmbeddedDocument, name), n, depth+1)
	case fhir.Array:
		return e.array(bsoncore.AppendHeader(dst, bsoncore.TypeArray, name), n, depth+1)
	case fhir.String:
		return bsoncore.AppendStringElement(dst, name, n.Text())
	case fhir.Number:
		return e.number(dst, name, n.Raw())
	case fhir.Bool:
		return bsoncore.AppendBooleanElement(dst, name, n.TextIs("true"))
	}
	return bsoncore.AppendNullElement(dst, name)
}

func (e *encoder) number(dst []byte, name string, text []byte) []byte {
	switch t := numberType(text); {
	case t == bsoncore.TypeInt32, t == bsoncore.TypeInt64:
		n, _ := strconv.ParseInt(string(text), 10, 64) // numberType parsed it
		if t == bsoncore.TypeInt32 {
			return bsoncore.AppendInt32Element(dst, name, int32(n))
		}
		return bsoncore.AppendInt64Element(dst, name, n)
	case t == bsoncore.TypeDecimal128 && e.decimals:
		high, low := decimal(text)
		return bsoncore.AppendDecimal128Element(dst, name, high, low)
	}
	e.exact = false
	near, err := strconv.ParseFloat(string(text), 64) // for queries only: what is served are the bytes beside it
	if err != nil || math.IsInf(near, 0) {
		return bsoncore.AppendStringElement(dst, name, string(text))
	}
	return bsoncore.AppendDoubleElement(dst, name, near)
}

// unqueryable are characters that names in MongoDB cannot have, or not so that queries could ask for them, and what stands for them.
var unqueryable = strings.NewReplacer("$", "＄", ".", "．", "\x00", "␀")

// names gives the members of one object their names in BSON.
type names struct {
	object fhir.Node
	taken  map[string]bool // made when a name first needs a stand-in
}

// of is what a member is called; ok is false for one whose stand-in is the name of another.
func (x *names) of(name string) (_ string, ok bool) {
	if isQueryable(name) {
		return name, true
	}
	if x.taken == nil {
		x.taken = map[string]bool{}
		for other := range x.object.Children() {
			x.taken[other.Key()] = true
		}
	}
	name = standIn(name)
	ok = !x.taken[name]
	x.taken[name] = true
	return name, ok
}

func isQueryable(name string) bool { return name != "" && !strings.ContainsAny(name, "$.\x00") }

// standIn is the name that stands for a name.
func standIn(name string) string {
	if name == "" {
		return "＿"
	}
	return unqueryable.Replace(name)
}

// closeDocument ends a document or array that began at an index.
func closeDocument(dst []byte, at int32) []byte {
	dst = append(dst, 0)
	return bsoncore.UpdateLength(dst, at, int32(len(dst))-at)
}
