package storetest

import (
	"math/rand/v2"
	"slices"

	"github.com/firth-health/firth/search"
)

// random makes keys and queries from a small alphabet, so that they meet often.
type random struct {
	*rand.Rand
	stamps []string // some keys of times of writing
}

func pick[T any](r random, from ...T) T { return from[r.IntN(len(from))] }

// index is the beginning of a key up to its form letter.
func (r random) index() string { return pick(r, "a\x01t", "a\x01T", "b\x01S", "c\x01l", "ab\x01t") }

// value has values that begin with each other, and bytes at the edges of what a key may hold.
func (r random) value() string {
	return pick(r, "", "1", "11", "111", "12", "2", "é", "~", "\x02", "\U0010ffff", "1 1", "long long long value of many bytes")
}

func (r random) key() string {
	key := r.index() + r.value()
	if r.IntN(3) == 0 {
		key += "\x01" + r.value()
	}
	return key
}

// moment is one of few points of time.
func (r random) moment() string {
	return "202402" + pick(r, "01", "02", "03", "28", "29") + pick(r, "00", "12", "23") + "0000000000"
}

// span is a time as keys hold it: low ␁ high. Some are points, some last for days, some are open.
func (r random) span() (low, high string) {
	low, high = r.moment(), r.moment()
	switch r.IntN(8) {
	case 0:
		return low, "99999999999999999999"
	case 1, 2, 3:
		high = low
	}
	return min(low, high), max(low, high)
}

// hot parts of an Observation's keys.
func (r random) subject() string { return "subject\x01rPatient/" + pick(r, "a0", "B1", "z2", "a11") }
func (r random) member() string {
	return "member\x01rObservation/" + pick(r, "a0", "B1", "z2", "a3", "a11", "nobody")
}

// subjects are the keys of a resource's one subject (search.HotIndex): none, one, or another with its version.
func (r random) subjects() []string {
	subject := r.subject()
	return pick(r, nil, []string{subject}, []string{subject}, []string{subject}, []string{subject}, []string{subject, subject + "/_history/1"})
}

func (r random) code() string {
	return "code\x01t" + pick(r, "hr", "bp", "h") + "\x01" + pick(r, "", "L", "M")
}
func (r random) category() string {
	return "category\x01t" + pick(r, "v", "l") + "\x01" + pick(r, "", "S")
}

// times are the two keys of a time.
func (r random) times() []string {
	low, high := r.span()
	return []string{"date\x01l" + low + "\x01" + high, "date\x01h" + high + "\x01" + low}
}

// some appends up to a few keys, most often one.
func (r random) some(keys []string, make func() []string) []string {
	for range pick(r, 0, 1, 1, 1, 1, 1, 1, 2, 3) {
		keys = append(keys, make()...)
	}
	return keys
}

// resourceKeys makes the keys of a resource.
func (r random) resourceKeys(typ string) []string {
	var keys []string
	for range r.IntN(5) {
		keys = append(keys, r.key())
	}
	if typ == "Observation" {
		keys = append(keys, r.subjects()...)
		for _, one := range []func() string{r.code, r.category} {
			keys = r.some(keys, func() []string { return []string{one()} })
		}
		keys = r.some(keys, r.times)
		if r.IntN(3) == 0 {
			keys = append(keys, r.member())
		}
		if r.IntN(100) == 0 {
			for i := range 80 {
				keys = append(keys, "code\x01t"+string(rune('0'+i))+"\x01")
			}
		}
	}
	keys = append(keys, r.specialKeys(typ)...)
	slices.Sort(keys)
	return slices.Compact(keys)
}

// query makes a query.
func (r random) query() search.Query {
	q := search.Query{Type: pick(r, "Patient", "Patient", "Observation", "Observation", "Observation", "Observation", "List"), Count: pick(r, 0, 1, 2, 3, 5, 10, 1000),
		Total: pick(r, search.Bounded, search.NoTotal, search.Accurate)}
	r.includes(&q)
	if q.Type == "Observation" && r.IntN(2) == 0 {
		q.Plan, q.Sort = r.hotPlan(), r.hotSort()
		return q
	}
	q.Plan = r.plan(3)
	for range pick(r, 0, 0, 1, 1, 2, 3) {
		q.Sort = append(q.Sort, r.sortKey())
	}
	return q
}

func (r random) sortKey() search.SortKey {
	key := search.SortKey{Param: "p", Descending: r.IntN(2) == 0}
	for range pick(r, 1, 1, 1, 2) {
		key.Prefixes = append(key.Prefixes, pick(r, search.IDPrefix, "date\x01l", "_lastUpdated\x01l", "cv\x01k", r.index(), r.index(), r.index()))
	}
	slices.Sort(key.Prefixes)
	key.Prefixes = slices.Compact(key.Prefixes)
	return key
}

// plan makes a plan of at most that depth.
func (r random) plan(depth int) search.Plan {
	if depth > 0 {
		switch r.IntN(8) {
		case 6:
			return r.link(depth - 1)
		case 0:
			return search.And(r.plans(depth - 1))
		case 1:
			return search.Or(r.plans(depth - 1))
		case 2:
			return search.Not{Of: r.plan(depth - 1)}
		case 3:
			return search.And{r.plan(depth - 1), r.plan(depth - 1)}
		}
	}
	switch r.IntN(14) {
	case 12, 13:
		return r.special()
	case 0:
		return search.All{}
	case 1:
		ids := search.IDs{}
		for range r.IntN(5) {
			ids = append(ids, string("aBz"[r.IntN(3)])+string(rune('0'+r.IntN(10))))
		}
		return ids
	}
	return r.keys()
}

// link makes a plan that follows references.
func (r random) link(depth int) search.Plan {
	return pick[search.Plan](r,
		search.Ref{Index: "subject", Type: "Patient", Of: r.plan(depth)},
		search.Ref{Index: "member", Type: "Observation", Of: r.plan(depth)},
		search.Ref{Index: "item", Type: pick(r, "Patient", "Observation"), Of: r.plan(depth)},
		search.RevRef{Type: "Observation", Index: "subject", Of: r.plan(depth)},
		search.RevRef{Type: "List", Index: "item", Of: r.plan(depth)},
		search.RevRef{Type: "Observation", Index: "member", Of: r.plan(depth)})
}

func (r random) plans(depth int) []search.Plan {
	var parts []search.Plan
	for range r.IntN(4) {
		parts = append(parts, r.plan(depth))
	}
	return parts
}

// among makes a choice of keys, sometimes within a range.
func (r random) among() search.Keys {
	var keys []string
	for range 1 + r.IntN(12) {
		keys = append(keys, r.key())
	}
	p := search.Among(keys)
	if r.IntN(4) == 0 {
		p.Lo = r.key()
	}
	return p
}

// keys makes a range with or without filters.
func (r random) keys() search.Keys {
	if r.IntN(10) == 0 {
		return r.among()
	}
	p := exact(r.key())
	switch r.IntN(6) {
	case 0, 1:
		p = search.Keys{Lo: r.key(), Hi: r.key() + pick(r, "", "\x00")}
	case 2:
		p = prefixed(r.index())
	case 3:
		p.Lo += "\x00"
		p.Hi = r.index() + "\U0010ffff\U0010ffff"
	}
	if r.IntN(5) == 0 {
		p.Contains = append(p.Contains, pick(r, "1", "11", "é", "a", "long", " "))
	}
	if r.IntN(5) == 0 {
		p.TailLo, p.TailHi = r.value(), r.value()
	}
	return p
}

// hotPlan makes a query for device data.
func (r random) hotPlan() search.Plan {
	plan := search.And{exact(r.subject())}
	token := func() search.Plan {
		return pick[search.Plan](r, exact(r.code()), exact(r.category()), search.Or{exact(r.code()), exact(r.code())},
			prefixed("code\x01thr\x01"), prefixed("code\x01th"), search.Or{exact(r.code()), exact(r.category())}, search.Or{prefixed("code\x01tb"), exact(r.code())})
	}
	plan = append(plan, token())
	if r.IntN(3) == 0 {
		plan = append(plan, token())
	}
	if r.IntN(2) == 0 {
		plan = append(plan, r.dates(2))
	}
	if r.IntN(4) == 0 {
		plan = append(plan, r.plan(1))
	}
	r.Shuffle(len(plan), func(i, j int) { plan[i], plan[j] = plan[j], plan[i] })
	return plan
}

// dates makes a condition on the time, of the shapes that the prefixes of R4 give.
func (r random) dates(depth int) search.Plan {
	form := pick(r, "date\x01l", "date\x01h")
	p := search.Keys{Lo: form + r.moment(), Hi: form + r.moment() + pick(r, "", "\x00", "\x02")}
	switch r.IntN(5) {
	case 0:
		p.Hi = prefixed(form).Hi
	case 1:
		p.Lo = form + pick(r, "", "2024", "202402")
	case 2:
		p.TailLo, p.TailHi = r.moment(), r.moment()+"\x00"
	}
	if depth > 0 {
		switch r.IntN(6) {
		case 0, 1:
			return search.Or{r.dates(depth - 1), r.dates(depth - 1)}
		case 2:
			return search.And{r.dates(depth - 1), r.dates(depth - 1)}
		case 3:
			return search.Not{Of: r.dates(depth - 1)}
		}
	}
	return p
}

func (r random) hotSort() []search.SortKey {
	key := search.SortKey{Param: "date", Prefixes: []string{"date\x01l"}, Descending: r.IntN(2) == 0}
	switch r.IntN(8) {
	case 0:
		return nil
	case 1:
		return []search.SortKey{key, r.sortKey()}
	}
	return []search.SortKey{key}
}
