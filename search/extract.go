package search

import (
	"bytes"
	"slices"
	"strings"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/path"
)

// Extract returns the index keys of a resource, sorted and unique, without those that only the store knows (_id, _lastUpdated). A
// value that cannot be read (a malformed date) has no key; that is not an error. An unknown resource type is one.
func (r *Registry) Extract(res *fhir.Resource) ([]string, error) {
	keys, _, err := r.Reextract(res)
	return keys, err
}

// Reextract is Extract for a reindex, which must tell what it could not do: custom parameters whose expression failed on the content have no keys and are
// listed.
func (r *Registry) Reextract(res *fhir.Resource) ([]string, []ExtractFailure, error) {
	return r.extract(res, nil)
}

// extract gives the keys of the named indexes; nil names all.
func (r *Registry) extract(res *fhir.Resource, names indexNames) ([]string, []ExtractFailure, error) {
	types, err := r.indexesOf(res.Type())
	if err != nil {
		return nil, nil, err
	}
	x := r.extractors.Get().(*extractor)
	x.resource = res
	x.keys, x.spans, x.tuples, x.tooMany = x.keys[:0], x.spans[:0], 0, false
	for _, ix := range types.indexes {
		if ix.name != lastUpdatedIndex && names.has(ix.name) {
			x.index(ix)
		}
	}
	keys, failures, tooMany := oneSubject(x.result(), types.subject), x.failures, x.tooMany
	x.resource, x.failures = nil, nil
	r.extractors.Put(x)
	if tooMany {
		return nil, nil, fhir.Invalidf(fhir.CodeTooCostly, res.Type(), "an element has too many codings to index in all their combinations")
	}
	return keys, failures, nil
}

// oneSubject leaves of the keys with the prefix of a subject the first, and the same with a version.
func oneSubject(keys []string, prefix string) []string {
	if prefix == "" {
		return keys
	}
	subjects := KeysUnder(keys, prefix)
	if len(subjects) < 2 {
		return keys
	}
	first, one := subjects[0], subjects[0]+versionPart
	return slices.DeleteFunc(keys, func(key string) bool {
		return key != first && strings.HasPrefix(key, prefix) && !strings.HasPrefix(key, one)
	})
}

// extractor writes the keys of one resource. Everything it holds is reused for the next.
type extractor struct {
	registry *Registry
	resource *fhir.Resource

	ix    *index
	part  int  // component that is being read; -1 for a whole index
	found bool // the element is there

	scratch []byte   // texts of pieces
	pieces  []piece  // values of the index or the composite's item
	counts  []int    // pieces of each component: [0, counts[0]) are of the first, and so on
	keys    []byte   // all keys, one behind the other
	spans   []extent // where each key lies in keys
	chosen  []piece  // one piece for each component
	tuples  int      // combinations so far, of the resource
	tooMany bool     // more than maxTuples or maxAllTuples
	values  path.Collection

	converted  []byte            // unit and number of a quantity
	canonicals map[string]string // by those: the value in base units, as it stands in keys

	failures []ExtractFailure

	unfolded, fold []byte          // a text while its words are read
	seen           map[string]bool // words of the resource
}

// extent is a range of bytes.
type extent struct{ from, to int }

// piece is one value in the shape that keys have. Its texts lie in scratch.
type piece struct {
	form byte      // formToken, …; formLow for an interval, which also makes the formHigh key
	a, b extent    // code and system, folded and exact, low and high, identifier and system; others only a
	unit [3]extent // of a quantity; of formOfType the first is the system of the type
	base extent    // of a quantity in base units: their code
	tail bool      // the form has the field b
}

// index reads the values of one index and writes their keys.
func (x *extractor) index(ix *index) {
	before := len(x.spans)
	x.ix, x.part, x.found = ix, -1, false
	x.scratch, x.pieces = x.scratch[:0], x.pieces[:0]
	if ix.kind == fulltext {
		x.fullText(ix)
	}
	for i := range ix.paths {
		x.follow(&ix.paths[i], x.resource.Root())
	}
	if ix.kind == composite {
		return // its items wrote their keys
	}
	for i := range x.pieces {
		x.writeKeys(&x.pieces[i])
	}
	if x.found && len(x.spans) == before {
		x.begin(formPresent)
		x.end()
	}
}

// follow delivers every value that a path leads to from n.
func (x *extractor) follow(way *route, n fhir.Node) {
	switch {
	case way.expression != nil:
		x.evaluate(way.expression)
	case len(way.steps) == 0:
		x.item(n, way.components)
	default:
		x.descend(n, way, way.steps)
	}
}

func (x *extractor) descend(n fhir.Node, way *route, steps []step) {
	s := &steps[0]
	for i := range s.members {
		m := &s.members[i]
		value := n.Get(m.name)
		if value.Kind() != fhir.Array {
			x.enter(value, way, s, m, steps[1:])
			continue
		}
		for item := value.First(); item.Ok(); item = item.Next() {
			x.enter(item, way, s, m, steps[1:])
			if s.first {
				break
			}
		}
	}
}

func (x *extractor) enter(n fhir.Node, way *route, s *step, m *member, rest []step) {
	if !n.Ok() || s.where != "" && !n.Get(s.where).TextIs(s.value) {
		return
	}
	switch {
	case len(rest) > 0:
		x.descend(n, way, rest)
	case way.components != nil:
		x.item(n, way.components)
	default:
		x.arrive(n, &m.leaf)
	}
}

// kind is the kind of parameter whose values are read now.
func (x *extractor) kind() kind {
	if x.part >= 0 {
		return x.ix.parts[x.part].kind
	}
	return x.ix.kind
}

// arrive reads a value.
func (x *extractor) arrive(n fhir.Node, l *leaf) {
	if !present(n) {
		return
	}
	x.found = true
	switch l.reading {
	case readText, readCode, readBoolean:
		x.readCode(n, l)
	case readCoding:
		x.readCoding(n)
	case readConcept:
		x.readConcept(n)
	case readIdentifier:
		x.readIdentifier(n)
	case readContact:
		x.readContact(n)
	case readString:
		x.readString(n)
	case readStrings:
		x.readStrings(n, l.strings)
	case readReference:
		x.readReference(n)
	case readCanonical:
		x.readCanonical(n, formReference)
	case readURI:
		x.readURI(n)
	case readVersionedURI:
		x.readCanonical(n, formURI)
	case readResource:
		x.readResource(n)
	case readDate:
		x.readDate(n)
	case readPeriod:
		x.readPeriod(n)
	case readTiming:
		x.readTiming(n)
	case readNumber:
		x.readNumber(n)
	case readRange:
		x.readRange(n)
	case readQuantity:
		x.readQuantity(n)
	case readMoney:
		x.readMoney(n)
	case readSamples:
		x.readSamples(n)
	case readPosition:
		x.readPosition(n)
	}
}

// present reports whether an element says more than its id and extensions.
func present(n fhir.Node) bool {
	switch n.Kind() {
	case fhir.Invalid, fhir.Null, fhir.Array:
		return false
	case fhir.Object:
		for c := n.First(); c.Ok(); c = c.Next() {
			if !c.KeyIs("id") && !c.KeyIs("extension") {
				return true
			}
		}
		return false
	}
	return true
}

func (x *extractor) add(p piece) { x.pieces = append(x.pieces, p) }

// text puts a text into scratch as a field of a key.
func (x *extractor) text(s string) extent {
	from := len(x.scratch)
	x.scratch = appendText(x.scratch, []byte(s))
	return extent{from, len(x.scratch)}
}

// member puts the text of a member into scratch; an empty one when it is absent or not a primitive.
func (x *extractor) member(n fhir.Node, name string) extent { return x.nodeText(n.Get(name)) }

func (x *extractor) nodeText(n fhir.Node) extent {
	from := len(x.scratch)
	x.scratch = n.AppendText(x.scratch)
	if s := x.scratch[from:]; !isText(s) {
		x.scratch = appendText(x.scratch[:from], slices.Clone(s))
	}
	return extent{from, len(x.scratch)}
}

func (x *extractor) at(e extent) []byte { return x.scratch[e.from:e.to] }

func (e extent) empty() bool { return e.from == e.to }

// begin starts a key of the current index.
func (x *extractor) begin(form byte) {
	x.spans = append(x.spans, extent{from: len(x.keys)})
	x.keys = append(x.keys, x.ix.prefix...)
	x.keys = append(x.keys, form)
}

func (x *extractor) end() { x.spans[len(x.spans)-1].to = len(x.keys) }

func (x *extractor) put(e extent) { x.keys = append(x.keys, x.at(e)...) }

func (x *extractor) putField(e extent) {
	x.keys = append(x.keys, separator)
	x.put(e)
}

// writeKeys writes the keys of one value of an index that is not a composite.
func (x *extractor) writeKeys(p *piece) {
	switch {
	case p.form == formToken:
		x.writeToken(p)
	case p.form == formLow && p.tail:
		x.writeInterval(p)
	case p.form == formOfType:
		x.begin(formOfType)
		x.put(p.a)
		x.putField(p.b)
		x.putField(p.unit[0])
		x.end()
	case x.ix.kind == quantity:
		x.beginHead(p, p.form, p.a)
		x.putUnit(p, "")
		if p.base.empty() {
			x.keys = append(x.keys, separator)
		}
		x.end()
	default:
		x.begin(p.form)
		x.put(p.a)
		if p.tail {
			x.putField(p.b)
		}
		x.end()
	}
}

func (x *extractor) writeInterval(p *piece) {
	for _, key := range [2]struct {
		form        byte
		first, tail extent
	}{{formLow, p.a, p.b}, {formHigh, p.b, p.a}} {
		x.beginHead(p, key.form, key.first)
		if x.ix.kind == quantity {
			x.putUnit(p, "")
		}
		x.putField(key.tail)
		x.end()
	}
}

// beginHead starts a key of the current index with a value.
func (x *extractor) beginHead(p *piece, form byte, value extent) {
	x.begin(p.letter(form))
	x.putValue(p, value)
}

// letter is the form of a value's key: another one for quantities in base units.
func (p *piece) letter(form byte) byte {
	if p.base.empty() {
		return form
	}
	switch form {
	case formLow:
		return formBaseLow
	case formHigh:
		return formBaseHigh
	}
	return formBase
}

// putValue writes a value, behind its base units if it is in those.
func (x *extractor) putValue(p *piece, value extent) {
	if !p.base.empty() {
		x.put(p.base)
		x.keys = append(x.keys, ' ')
	}
	x.put(value)
}

// putUnit writes the unit of a quantity as sent; its labels begin with the number of the component in a composite.
func (x *extractor) putUnit(p *piece, label string) {
	if !p.base.empty() {
		return
	}
	for i, letter := range [3]byte{'S', 'u', 'u'} {
		x.keys = append(x.keys, separator)
		x.keys = append(x.keys, label...)
		x.keys = append(x.keys, letter)
		x.put(p.unit[i])
	}
}

// result sorts the keys and copies them into one string that all share.
func (x *extractor) result() []string {
	slices.SortFunc(x.spans, func(a, b extent) int {
		return bytes.Compare(x.keys[a.from:a.to], x.keys[b.from:b.to])
	})
	x.spans = slices.CompactFunc(x.spans, func(a, b extent) bool {
		return bytes.Equal(x.keys[a.from:a.to], x.keys[b.from:b.to])
	})
	all := string(x.keys)
	keys := make([]string, len(x.spans))
	for i, s := range x.spans {
		keys[i] = all[s.from:s.to]
	}
	return keys
}
