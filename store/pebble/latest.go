package pebble

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// Latest implements [store.Latest] for plans that name one subject: it jumps over the sets of tokens that the subject has and takes the newest of each.
func (s *Store) Latest(ctx context.Context, q store.LatestQuery) ([]store.Version, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	if search.FollowsReferences(q.Plan) {
		return nil, fmt.Errorf("chains: %w", store.ErrUnsupported)
	}
	v, err := s.newView(ctx, q.Type)
	if err != nil {
		return nil, err
	}
	found, err := v.latest(q)
	if err = errors.Join(err, v.err, v.close()); err != nil {
		return nil, err
	}
	s.stats.searches.Add(1)
	return found, nil
}

// latest is the search for the newest of each code.
type latest struct {
	*hotScan
	max    int
	codes  []search.Plan // conditions that the tokens of a resource decide
	groups store.CodeGroups
	found  []newest
}

// newest is a match that may be among the newest of its group.
type newest struct {
	row   uint64
	time  string // noTime for none
	group int
}

func (v *view) latest(q store.LatestQuery) ([]store.Version, error) {
	l := &latest{max: q.Max, groups: store.NewCodeGroups()}
	plan := search.Conjuncts(nil, q.Plan)
	for no, index := range search.HotIndexes(v.typ) {
		l.hotScan = &hotScan{v: v, no: no, index: index, plan: plan, hi: noTime}
		if l.sort() {
			break
		}
		l.hotScan = nil
	}
	if l.hotScan == nil {
		return nil, fmt.Errorf("the newest of several subjects: %w", store.ErrUnsupported)
	}
	if v.n.live == 0 {
		return nil, nil
	}
	for _, set := range l.sets() {
		l.takeSet(set)
	}
	l.takeAny()
	return l.bodies(l.best(), q.Limit), nil
}

// sort finds the subject and says for each other part of the plan what decides it. It returns false when there is not one subject.
func (l *latest) sort() bool {
	for _, part := range l.plan {
		if key, ok := search.ExactKey(part); ok && l.subject == "" && strings.HasPrefix(key, l.index.Subject) {
			l.subject = key[len(l.index.Subject):]
			continue
		}
		if lo, hi, ok := l.index.Window(part); ok {
			l.times = append(l.times, part)
			l.lo, l.hi = max(l.lo, lo), min(l.hi, hi)
		} else if onlyTokens(part, l.index.Codes) {
			l.codes = append(l.codes, part)
		} else {
			l.rest = append(l.rest, part)
		}
	}
	return l.subject != ""
}

// onlyTokens reports whether a plan is about nothing but tokens with the prefixes.
func onlyTokens(plan search.Plan, prefixes []string) bool {
	other := func(p search.Plan) bool { return !onlyTokens(p, prefixes) }
	switch p := plan.(type) {
	case search.Keys:
		return slices.ContainsFunc(prefixes, func(prefix string) bool { return within(p, prefix) })
	case search.And:
		return !slices.ContainsFunc(p, other)
	case search.Or:
		return !slices.ContainsFunc(p, other)
	case search.Not:
		return !other(p.Of)
	}
	return false
}

// sets lists the sets of tokens of the subject.
func (l *latest) sets() []string {
	base := l.subjectPrefix()
	from := append(slices.Clone(base), setToken...)
	it := l.v.iterator(from, after(nil, from))
	if it == nil {
		return nil
	}
	defer l.v.release(it)
	var sets []string
	for l.v.seek(it, from) {
		rest := it.Key()[len(base):]
		set := rest[:bytes.IndexByte(rest, 0)]
		sets = append(sets, string(set))
		from = append(append(from[:len(base)], set...), 1)
	}
	return sets
}

// takeSet takes the newest resources with one set of tokens, and where that has no code those of each text.
func (l *latest) takeSet(set string) {
	t := taker{latest: l, set: set}
	for _, timeless := range []bool{false, true} {
		if !timeless || l.timelessMatch() {
			w := &walk{v: l.v, reverse: true, timeless: timeless}
			l.enter(w, set, nil)
			t.walk(w)
			w.close()
		}
		if t.done {
			return
		}
	}
}

// taker takes the resources of one set of tokens, newest first.
type taker struct {
	*latest
	set    string
	begun  bool
	done   bool     // no later resource can be among the newest
	tokens []string // codes of the set; none when resources are told apart by the text
	count  int
	group  int
	last   string
}

// walk takes the matches of a walk.
func (t *taker) walk(w *walk) {
	for !t.done && w.next() {
		if !t.begun {
			t.begun, t.done = true, !t.begin(w.at.row)
		}
		if !t.done && t.accepts(w) {
			t.take(w)
		}
	}
}

// begin finds the tokens of the set, by one of its resources if need be, and reports whether they meet the conditions.
func (t *taker) begin(row uint64) bool {
	all, known := t.v.s.sets.tokens(t.set)
	if !known {
		keys, ok := t.v.keyList(row)
		if !ok {
			return false
		}
		for _, prefix := range t.index.Codes {
			for _, token := range search.KeysUnder(keys, prefix) {
				all = append(all, strings.Clone(token))
			}
		}
		slices.Sort(all)
		t.v.s.sets.keep(t.set, all)
	}
	for _, plan := range t.codes {
		if !search.Match(plan, "", all, nil) {
			return false
		}
	}
	t.tokens = search.KeysUnder(all, t.index.Codes[0])
	return true
}

// codesOf copies the codes from a key list.
func (l *latest) codesOf(keys []string) []string {
	var tokens []string
	for _, code := range search.KeysUnder(keys, l.index.Codes[0]) {
		tokens = append(tokens, strings.Clone(code))
	}
	return tokens
}

// take takes the match at the walk.
func (t *taker) take(w *walk) {
	at := noTime
	if !w.timeless {
		at = string(w.at.value)
	}
	if len(t.tokens) == 0 {
		t.found = append(t.found, newest{w.at.row, at, t.groups.Join(t.v.codeText(w.at.row))})
		return
	}
	if t.count >= t.max && (at == noTime || at != t.last) {
		t.done = true
		return
	}
	if t.count == 0 {
		t.group = t.groups.Join(t.tokens)
	}
	t.count, t.last = t.count+1, at
	t.found = append(t.found, newest{w.at.row, at, t.group})
}

// codeText names the code of a resource that has no code token.
func (v *view) codeText(row uint64) []string {
	version, ok := v.body(row)
	if !ok {
		return []string{""}
	}
	res, err := fhir.ParseResource(version.JSON)
	if err != nil {
		v.fail(err)
		return []string{""}
	}
	return store.Codings(res.Root().Get("code"))
}

// takeAny takes all matches among the resources under anyToken.
func (l *latest) takeAny() {
	for _, timeless := range []bool{false, true} {
		w := &walk{v: l.v, reverse: true, timeless: timeless}
		l.enter(w, anyToken, nil)
		for w.next() {
			if !l.accepts(w) {
				continue
			}
			at := noTime
			if !timeless {
				at = string(w.at.value)
			}
			keys, ok := l.v.keyList(w.at.row)
			if !ok {
				continue
			}
			tokens := l.codesOf(keys)
			if len(tokens) == 0 {
				tokens = l.v.codeText(w.at.row)
			}
			l.found = append(l.found, newest{w.at.row, at, l.groups.Join(tokens)})
		}
		w.close()
	}
}

// best orders what was found, newest first, and takes the newest of each group and those of the same time as the last of them.
func (l *latest) best() []newest {
	slices.SortFunc(l.found, func(a, b newest) int {
		if (a.time == noTime) != (b.time == noTime) {
			return strings.Compare(a.time, b.time) // without a time last
		}
		return cmp.Or(strings.Compare(b.time, a.time), cmp.Compare(b.row, a.row))
	})
	taken := l.groups.Newest(l.max)
	return slices.DeleteFunc(l.found, func(n newest) bool {
		if n.time == noTime {
			return !taken.Takes(n.group, "")
		}
		return !taken.Takes(n.group, n.time)
	})
}

// bodies reads the resources, one more than the limit at most.
func (l *latest) bodies(rows []newest, limit int) []store.Version {
	at := make([]store.Position, min(len(rows), limit+1))
	for i := range at {
		at[i].Created = rows[i].row
	}
	return l.v.bodies(at)
}
