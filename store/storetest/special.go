package storetest

import (
	"strings"

	"github.com/firth-health/firth/search"
)

// Keys and plans of the kinds that [random] knows beyond tokens, strings and dates: positions, words, composites, Lists, times of writing, compartments.

// position is the key of one of few places, a few of which no place could have.
func (r random) position() string {
	latitude := pick(r, "0", "10.5", "10.50", "-10.5", "89.99", "-90")
	longitude := pick(r, "0", "0.01", "-0.01", "179.999", "-180", "45")
	key := r.cell()
	switch r.IntN(12) {
	case 0:
		return "near\x01!"
	case 1:
		return key
	case 2:
		return key + "\x01" + latitude
	case 3:
		return key + "\x01" + latitude + "\x01east"
	}
	return key + "\x01" + latitude + "\x01" + longitude
}

// cell is the beginning of a position's key. That cells cover their circles is for package search to prove.
func (r random) cell() string { return "near\x01g" + pick(r, "0", "1", "12", "13", "2") }

// near makes a condition on the position, with one range or several.
func (r random) near() search.Plan {
	circle := &search.Circle{Latitude: pick(r, 0, 10.5, -10.5, 90), Longitude: pick(r, 0, 0.005, 180, 45), Radius: pick(r, 0, 600.0, 2000, 5e6, 3e7)}
	one := func() search.Plan {
		k := prefixed(pick(r, "near\x01g", r.cell(), r.cell()))
		k.Near = circle
		return k
	}
	if r.IntN(2) == 0 {
		return one()
	}
	return search.Or{one(), one(), one()}
}

// word is the key of a word in a text.
func (r random) word() string {
	return "_text\x01w" + pick(r, "heart", "heartbeat", "rate", "öl", "a", "and")
}

// words asks for words as _text does.
func (r random) words() search.Plan {
	return pick[search.Plan](r, search.And{exact(r.word()), exact(r.word())}, search.Or{exact(r.word()), exact(r.word())}, search.Not{Of: exact(r.word())},
		search.And{exact(r.word()), search.Not{Of: exact(r.word())}}, prefixed("_text\x01wheart"))
}

// combination is the key of a composite: code and value, with fields of both and a tail.
func (r random) combination() string {
	return "cv\x01kt" + pick(r, "hr", "bp") + "\x01n" + pick(r, ">5003.1", ">5003.12", "0", "-4996.8~") + pick(r, "", "\x010SL", "\x010SL\x011u/min") + "\x01" + pick(r, "", "2", "3")
}

// combined asks for a composite: equality of the first part, a range of the second, and filters.
func (r random) combined() search.Plan {
	head := "cv\x01kt" + pick(r, "hr", "bp") + "\x01n"
	k := search.Keys{Lo: head + pick(r, "", "0", ">5003.1"), Hi: head + pick(r, "~", ">5003.12", ">5003.1\x02")}
	if r.IntN(2) == 0 {
		k.Contains = []string{pick(r, "\x010SL\x01", "\x011u/min\x01", "/")}
	}
	if r.IntN(3) == 0 {
		k.TailLo, k.TailHi = pick(r, "", "2"), pick(r, "3", "4")
	}
	return k
}

// item is the key of an entry of a List.
func (r random) item() string {
	return "item\x01r" + pick(r, "Patient", "Observation") + "/" + pick(r, "a0", "B1", "z2", "a3", "nobody")
}

// inList asks for what is in Lists, as _list does.
func (r random) inList() search.Plan {
	return search.RevRef{Type: "List", Index: "item", Of: pick[search.Plan](r, search.IDs{"a0", "B1"}, search.IDs{"z2"}, search.All{}, exact(r.item()), prefixed("a\x01t"))}
}

// compartment asks for what belongs to somebody: one of several references, or being that one.
func (r random) compartment() search.Plan {
	id := pick(r, "a0", "B1", "z2", "a11")
	return search.Or{search.IDs{id}, exact("subject\x01rPatient/" + id), exact("item\x01rPatient/" + id), exact("member\x01rObservation/" + id)}
}

// written asks for the time of writing, around times at which something was written.
func (r random) written() search.Plan {
	if len(r.stamps) == 0 {
		return search.All{}
	}
	k := search.Keys{Lo: pick(r, r.stamps...), Hi: pick(r, r.stamps...) + pick(r, "", "\x00")}
	switch r.IntN(4) {
	case 0:
		return exact(k.Lo)
	case 1:
		k.Hi = prefixed(k.Lo[:strings.Index(k.Lo, search.Separator)+1]).Hi
	case 2:
		return search.Not{Of: k}
	}
	return k
}

// missing asks whether there is a value at all, as :missing does.
func (r random) missing() search.Plan {
	has := prefixed(pick(r, "a\x01", "subject\x01", "near\x01", "date\x01", "cv\x01", "_text\x01"))
	if r.IntN(2) == 0 {
		return search.Not{Of: has}
	}
	return has
}

// special makes one of these.
func (r random) special() search.Plan {
	return pick(r, r.near, r.words, r.combined, r.inList, r.compartment, r.written, r.missing)()
}

// specialKeys are keys for them.
func (r random) specialKeys(typ string) []string {
	var keys []string
	for _, one := range []func() string{r.position, r.word, r.word, r.combination} {
		if r.IntN(3) == 0 {
			keys = append(keys, one())
		}
	}
	if typ == "List" {
		keys = r.some(keys, func() []string { return []string{r.item()} })
	}
	return keys
}

// includes asks for what matches refer to and for what refers to them.
func (r random) includes(q *search.Query) {
	for range pick(r, 0, 0, 0, 1, 2) {
		q.Include = append(q.Include, search.Include{Type: pick(r, "Observation", q.Type), Index: pick(r, "subject", "member", "item"), Target: pick(r, "", "", "Patient", "Observation"), Iterate: r.IntN(2) == 0})
	}
	for range pick(r, 0, 0, 0, 1, 2) {
		from := pick(r, "Observation", "Observation", "List")
		q.RevInclude = append(q.RevInclude, search.Include{Type: from, Index: pick(r, "subject", "member", "item"), Target: pick(r, "", "", q.Type), Iterate: r.IntN(2) == 0})
	}
	if len(q.Include)+len(q.RevInclude) > 0 && r.IntN(2) == 0 {
		q.Visible = r.visibility()
	}
}

// visibility hides some of what includes would bring.
func (r random) visibility() search.Visibility {
	type limit struct {
		of search.Plan
		ok bool
	}
	limits := map[string]limit{}
	for _, typ := range []string{"Patient", "Observation", "List"} {
		limits[typ] = pick(r, limit{nil, true}, limit{nil, false}, limit{r.plan(1), true}, limit{search.Not{Of: r.plan(1)}, true})
	}
	return func(typ string) (search.Plan, bool) { return limits[typ].of, limits[typ].ok }
}
