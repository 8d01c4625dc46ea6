package storetest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/spec"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// Real is [Differential] with real resources, the JSON files in a directory, and with query strings as clients write them: search parameters of the
// resources' types, with values that occur in the resources. A case is one query string that can be parsed.
func Real(t *testing.T, open New, dir string, seed uint64, cases int) {
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) == 0 {
		t.Skipf("no resources in %s", dir)
	}
	defs, err := spec.R4()
	if err != nil {
		t.Fatal(err)
	}
	registry, err := search.NewRegistry(defs, search.Options{References: true})
	if err != nil {
		t.Fatal(err)
	}
	r := &realData{differential: differential{fixture: newFixture(t, open), random: random{Rand: rand.New(rand.NewPCG(seed, 0x4ea1))}, current: map[fhir.Key][]string{}}, defs: defs, registry: registry,
		texts: map[string][]string{}}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		r.load(data)
	}
	r.loadCorpus()
	found := 0
	for done := 0; done < cases && !t.Failed(); {
		if q, ok := r.parse(); ok {
			done++
			r.compare(q)
			found += min(1, len(r.memory.Order(&q)))
		}
	}
	steps, led := 0, 0
	for done := 0; done < cases && !t.Failed(); done++ {
		if asked, found := r.steps(); asked {
			steps++
			if found {
				led++
			}
		}
	}
	t.Logf("%d of %d chains, _has, filters and compartments found something", led, steps)
	t.Logf("%d of %d queries found something in %d resources", found, cases, len(r.keys))
}

// realData is a store of real resources and what can be asked of them.
type realData struct {
	differential
	defs     *spec.Definitions
	registry *search.Registry
	types    []string
	texts    map[string][]string // values that occur in the resources of a type
}

// loadCorpus stores the resources of the search corpus, which refer to each other more than published examples do.
func (r *realData) loadCorpus() {
	r.Helper()
	files, err := filepath.Glob("../../testdata/search/*.json")
	if err != nil || len(files) == 0 {
		r.Fatalf("the search corpus is not there: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			r.Fatal(err)
		}
		var corpus struct{ Resources []json.RawMessage }
		if err := json.Unmarshal(data, &corpus); err != nil {
			r.Fatalf("%s: %v", file, err)
		}
		for _, resource := range corpus.Resources {
			r.load(resource)
		}
	}
}

// load stores a resource, in half of the cases as the second version, and notes its texts. The first of an id stays.
func (r *realData) load(data []byte) {
	r.Helper()
	res, err := fhir.ParseResource(data)
	if err != nil || res.Type() == "Bundle" {
		return
	}
	keys, err := r.registry.Extract(res)
	if err != nil {
		return
	}
	key := fhir.Key{Type: res.Type(), ID: res.ID()}
	if !fhir.IsID(key.ID) {
		key.ID = "r" + fmt.Sprint(len(r.keys))
	}
	if r.current[key] != nil {
		return
	}
	op := store.Op{Method: store.Update, Key: key, Resource: stamped(r, key.ID, string(data)), Keys: keys}
	if r.IntN(2) == 0 {
		before := op
		before.Keys = keys[:len(keys)/2]
		r.apply(before)
	}
	written := r.apply(op)[0].Version
	r.memory.Add(key.Type, key.ID, append(slices.Clone(keys), search.LastUpdatedKey(written.LastUpdated)))
	r.keep(key, keys)
	r.keys = append(r.keys, key)
	if !slices.Contains(r.types, key.Type) {
		r.types = append(r.types, key.Type)
	}
	r.indexed(key.Type, keys)
	r.texts[key.Type] = append(r.texts[key.Type], key.ID, key.Type+"/"+key.ID)
	for n := range res.Root().Descendants() {
		if k := n.Kind(); k == fhir.String || k == fhir.Number {
			r.texts[key.Type] = append(r.texts[key.Type], n.Text())
		}
	}
}

// parse makes a query string and understands it; ok is false when it says nothing that can be understood.
func (r *realData) parse() (q search.Query, ok bool) {
	typ := pick(r.random, r.types...)
	var pairs []search.Pair
	for range 1 + r.IntN(3) {
		pairs = append(pairs, r.pair(typ))
	}
	for range pick(r.random, 0, 0, 1, 2) {
		pairs = append(pairs, search.Pair{Name: "_sort", Value: pick(r.random, "", "-") + pick(r.random, r.registry.Params(typ)...).Code})
	}
	pairs = slices.CompactFunc(pairs, func(a, b search.Pair) bool { return a.Name == "_sort" && b.Name == "_sort" })
	request, err := r.registry.Parse(typ, pairs, search.ParseOptions{})
	if err != nil {
		return q, false
	}
	q = *request.Query
	q.Count = pick(r.random, 1, 2, 3, 50)
	q.Total = pick(r.random, search.Bounded, search.Accurate)
	q.Include, q.RevInclude = nil, nil
	if p, target, ok := r.reference(typ); ok && r.IntN(4) == 0 {
		q.Include = []search.Include{{Type: typ, Index: pick(r.random, p.Indexes()...), Target: pick(r.random, "", target), Iterate: r.IntN(2) == 0}}
	}
	source := pick(r.random, r.types...)
	if p, _, ok := r.reference(source); ok && r.IntN(4) == 0 {
		q.RevInclude = []search.Include{{Type: source, Index: pick(r.random, p.Indexes()...), Iterate: r.IntN(2) == 0}}
	}
	return q, true
}

// pair makes a parameter and its value, most often one that something has.
func (r *realData) pair(typ string) search.Pair {
	p := pick(r.random, r.registry.Params(typ)...)
	if indexes := p.Indexes(); len(indexes) > 0 && r.IntN(4) > 0 {
		if values := r.texts[typ+"\x01"+indexes[0]]; len(values) > 0 {
			value := pick(r.random, values...)
			if i := len(value); i > 12 && r.IntN(2) == 0 && (p.Type == "string" || p.Type == "date") {
				value = value[:10]
			}
			return search.Pair{Name: p.Code + pick(r.random, "", "", "", "", ":not", ":missing"), Value: pick(r.random, "", "", "", "ge", "lt") + value}
		}
	}
	return search.Pair{Name: r.name(p), Value: r.value(typ)}
}

// indexed notes the values in index keys, in the form of queries, under their type and index.
func (r *realData) indexed(typ string, keys []string) {
	for _, key := range keys {
		index, rest, _ := strings.Cut(key, search.Separator)
		if rest == "" {
			continue
		}
		name := typ + search.Separator + index
		switch rest[0] {
		case 'k':
			r.texts[name] = append(r.texts[name], r.composite(rest[1:]))
			continue
		case 'g':
			r.texts[name] = append(r.texts[name], r.place(rest[1:]))
			continue
		}
		for i, part := range strings.Split(rest[1:], search.Separator) {
			if strings.Trim(part, "0123456789") == "" && len(part) == 20 && i == 0 {
				part = part[:4] + "-" + part[4:6] + "-" + part[6:8]
			}
			r.texts[name] = append(r.texts[name], escapes.Replace(part))
		}
	}
}

var escapes = strings.NewReplacer(",", `\,`, "$", `\$`, "|", `\|`)

// composite is a value that asks for a key of a composite, or for other values with its first component.
func (r *realData) composite(key string) string {
	fields := strings.Split(key, search.Separator)
	return escapes.Replace(fields[0][1:]) + "$" + pick(r.random, escapes.Replace(fields[1][min(1, len(fields[1])):]), "ge0", "lt100", "ne5", "gt1990", "le2030-01-01")
}

// place is a circle around a position.
func (r *realData) place(key string) string {
	fields := strings.Split(key, search.Separator)
	return strings.Join(fields[1:], "|") + pick(r.random, "", "|0", "|10", "|500|m", "|3000|km", "|20|[mi_i]")
}

// name picks a modifier or a chain for a search parameter, or neither.
func (r *realData) name(p *search.Param) string {
	name := p.Code
	if len(p.Modifiers) > 0 && r.IntN(3) == 0 {
		name += ":" + pick(r.random, p.Modifiers...)
	}
	if p.Type == "reference" && r.IntN(4) == 0 {
		target := pick(r.random, r.types...)
		name = p.Code + ":" + target + "." + pick(r.random, r.registry.Params(target)...).Code
	}
	return name
}

// value picks one or more values that occur, as they are, shortened, with a prefix, or with a system.
func (r *realData) value(typ string) string {
	var values []string
	for range pick(r.random, 1, 1, 1, 2) {
		v := pick(r.random, r.texts[pick(r.random, typ, typ, pick(r.random, r.types...))]...)
		switch r.IntN(6) {
		case 0:
			v = v[:r.IntN(len(v)+1)]
		case 1:
			v = pick(r.random, "eq", "ne", "lt", "gt", "le", "ge", "sa", "eb", "ap") + v
		case 2:
			v = pick(r.random, "", pick(r.random, r.texts[typ]...)) + "|" + v
		case 3:
			v = pick(r.random, "true", "false", "2012", "1990-01-01", "10", "final")
		}
		values = append(values, strings.NewReplacer(",", `\,`, "$", `\$`).Replace(strings.ToValidUTF8(v, "")))
	}
	return strings.Join(values, ",")
}
