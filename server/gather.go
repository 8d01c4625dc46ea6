package server

import (
	"cmp"
	"slices"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// typeStream is the matches of one type from a cursor on, or of one of the places where resources of the type are.
type typeStream struct {
	name   string // in cursors
	q      *search.Query
	find   finder
	cursor string

	page  *store.Page // what was read from cursor on; nil for nothing yet
	taken int         // how many matches of it are on the page that is being made
	value []sortValue // of the match that is next
}

// sortValue is a value to sort by; a resource without one comes last.
type sortValue struct {
	text string
	has  bool
}

// read asks for a page of the stream.
func (t *typeStream) read(x *exchange, count int) (*store.Page, error) {
	q := *t.q
	q.Count, q.Cursor = count, t.cursor
	return t.find.Search(x.ctx, &q)
}

// gatherer makes one page of the streams of several types.
type gatherer struct {
	x       *exchange
	streams []*typeStream
	first   bool // page
	total   int  // of all types as the first page knew it
	count   int
	keys    func(*fhir.Resource) ([]string, error)
	page    store.Page
}

// add adds the total of a type on the first page; one that is not known makes the sum unknown.
func (g *gatherer) add(total int) {
	if !g.first || g.total < 0 {
		return
	}
	if g.total += total; total < 0 {
		g.total = -1
	}
}

// inTurn takes the types one after the other. On the first page each type is asked at least for one match, which tells its total; a type that turns
// out to be empty is dropped, so that a next page has matches.
func (g *gatherer) inTurn() (*store.Page, error) {
	var left []progressRow
	for i, t := range g.streams {
		room := g.count - len(g.page.Matches)
		if room == 0 && !g.first && len(left) > 0 {
			for _, rest := range g.streams[i:] {
				left = append(left, progressRow{rest.name, rest.cursor})
			}
			break
		}
		ask := max(room, min(g.count, 1))
		page, err := t.read(g.x, ask)
		if err != nil {
			return nil, err
		}
		g.add(page.Total)
		switch {
		case room > 0:
			g.take(page.Matches, page)
			if page.Next != "" {
				left = append(left, progressRow{t.name, page.Next})
			}
		case len(page.Matches) > 0:
			left = append(left, progressRow{t.name, t.cursor})
		}
	}
	return g.finish(left)
}

// take puts matches on the page, and what a page of one type includes.
func (g *gatherer) take(matches []store.Version, with *store.Page) {
	g.page.Matches = append(g.page.Matches, matches...)
	g.page.Included = append(g.page.Included, with.Included...)
	g.page.Cut = g.page.Cut || with.Cut
}

// merged takes the matches of all types in the order of _sort; of equals, the types in their order. Each type is read as far as the page could
// need, and again as far as it did need, for the cursor behind it.
func (g *gatherer) merged() (*store.Page, error) {
	for _, t := range g.streams {
		var err error
		if t.page, err = t.read(g.x, g.count); err == nil {
			g.add(t.page.Total)
			err = g.evaluate(t)
		}
		if err != nil {
			return nil, err
		}
	}
	for len(g.page.Matches) < g.count {
		best := g.best()
		if best == nil {
			break
		}
		g.page.Matches = append(g.page.Matches, best.page.Matches[best.taken])
		best.taken++
		if err := g.evaluate(best); err != nil {
			return nil, err
		}
	}
	var left []progressRow
	for _, t := range g.streams {
		page, err := t.page, error(nil)
		switch {
		case t.taken == 0:
			if len(page.Matches) > 0 {
				left = append(left, progressRow{t.name, t.cursor})
			}
			continue
		case t.taken < len(page.Matches):
			if page, err = t.read(g.x, t.taken); err != nil {
				return nil, err
			}
		}
		g.take(nil, page)
		if page.Next != "" {
			left = append(left, progressRow{t.name, page.Next})
		}
	}
	return g.finish(left)
}

// evaluate reads the sort values of the next match of a stream.
func (g *gatherer) evaluate(t *typeStream) error {
	t.value = t.value[:0]
	if t.taken == len(t.page.Matches) {
		return nil
	}
	v := &t.page.Matches[t.taken]
	resource, err := fhir.ParseResource(v.JSON)
	if err != nil {
		return err
	}
	keys, err := g.keys(resource)
	if err != nil {
		return err
	}
	keys = slices.Clone(keys)
	if !v.LastUpdated.IsZero() { // a definition of R4 has none
		keys = append(keys, search.LastUpdatedKey(v.LastUpdated))
	}
	slices.Sort(keys)
	for _, key := range t.q.Sort {
		text, has := key.Value(v.Key.ID, keys)
		t.value = append(t.value, sortValue{text, has})
	}
	return nil
}

// best is the stream whose next match comes next; nil when all are read to the end.
func (g *gatherer) best() *typeStream {
	var best *typeStream
	for _, t := range g.streams {
		if t.taken < len(t.page.Matches) && (best == nil || t.precedes(best)) {
			best = t
		}
	}
	return best
}

func (t *typeStream) precedes(other *typeStream) bool {
	for i, key := range t.q.Sort {
		a, b := t.value[i], other.value[i]
		if a.has != b.has {
			return a.has
		}
		if c := cmp.Compare(a.text, b.text); c != 0 {
			return (c < 0) != key.Descending
		}
	}
	return false
}

// finish completes the page: what is included comes once, and not when it is a match.
func (g *gatherer) finish(left []progressRow) (*store.Page, error) {
	seen := map[fhir.Key]bool{}
	for i := range g.page.Matches {
		seen[g.page.Matches[i].Key] = true
	}
	included := g.page.Included[:0]
	for _, v := range g.page.Included {
		if !seen[v.Key] {
			seen[v.Key] = true
			included = append(included, v)
		}
	}
	g.page.Included, g.page.Total = included, g.total
	var err error
	g.page.Next, err = progress{Total: g.total, Left: left}.encode()
	return &g.page, err
}
