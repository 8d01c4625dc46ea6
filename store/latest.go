package store

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
)

// LatestQuery asks for the newest resources of each code (R4 observation-operation-lastn.html).
type LatestQuery struct {
	Type  string
	Plan  search.Plan
	Max   int // of each group of codes, ties not counted
	Limit int // of all; one more than that says that there are more
}

// Latest finds the newest resources of each code faster than by reading all. It is an optional interface.
type Latest interface {
	// Latest returns the matches that are among the Max newest of their group, newest first. Resources are in one group when they share a coding, or are
	// linked by others that do; without any coding those of equal code.text are. Those with exactly the time of the last one of a group
	// come too. Those without a time are the oldest. ErrUnsupported when the store has no fast way for this plan: then [Newest] has one.
	Latest(ctx context.Context, q LatestQuery) ([]Version, error)
}

// Newest answers a query by the store's own means, or else by reading all matches.
func Newest(ctx context.Context, s Store, q LatestQuery) ([]Version, error) {
	if l, ok := Unwrap(s).(Latest); ok {
		found, err := l.Latest(ctx, q)
		if !errors.Is(err, ErrUnsupported) {
			return found, err
		}
	}
	return newestOfAll(ctx, s, q)
}

// newestOfAll reads the matches newest first and keeps of each set of codings what may be among the newest.
func newestOfAll(ctx context.Context, s Store, q LatestQuery) ([]Version, error) {
	n := newest{groups: NewCodeGroups(), max: q.Max}
	sq := &search.Query{Type: q.Type, Plan: q.Plan, Count: 500, Total: search.NoTotal}
	for _, index := range search.HotIndexes(q.Type) {
		sq.Sort = []search.SortKey{{Param: "date", Prefixes: []string{index.Time}, Descending: true}}
	}
	for {
		page, err := s.Search(ctx, sq)
		if err != nil {
			return nil, err
		}
		for i := range page.Matches {
			if err := n.add(&page.Matches[i]); err != nil {
				return nil, err
			}
		}
		if sq.Cursor = page.Next; page.Next == "" {
			return n.result(q.Limit), nil
		}
	}
}

// newest collects candidates, which come newest first.
type newest struct {
	groups CodeGroups
	max    int
	sets   map[string]*codeSet
	kept   []candidate
}

// codeSet counts the resources with one set of codings.
type codeSet struct {
	count int
	last  string
}

type candidate struct {
	version Version
	group   int
	time    string // empty for none
}

func (n *newest) add(v *Version) error {
	res, err := fhir.ParseResource(v.JSON)
	if err != nil {
		return err
	}
	tokens, at := Codings(res.Root().Get("code")), effective(res.Root())
	name := strings.Join(tokens, "\x00")
	set := n.sets[name]
	if set == nil {
		if n.sets == nil {
			n.sets = map[string]*codeSet{}
		}
		set = &codeSet{}
		n.sets[name] = set
	}
	if set.count < n.max || at != "" && at == set.last {
		n.kept = append(n.kept, candidate{version: *v, group: n.groups.Join(tokens), time: at})
		set.last = at
	}
	set.count++
	return nil
}

// result takes the newest of each group from the candidates.
func (n *newest) result(limit int) []Version {
	var found []Version
	taken := n.groups.Newest(n.max)
	for i := range n.kept {
		c := &n.kept[i]
		if !taken.Takes(c.group, c.time) {
			continue
		}
		if found = append(found, c.version); len(found) > limit {
			break
		}
	}
	return found
}

// Codings gives the codings of a CodeableConcept one name each, sorted and unique, equal for equal system and code; without any, a name made of the text.
func Codings(concept fhir.Node) []string {
	var names []string
	for coding := range concept.Get("coding").Children() {
		if code := coding.Get("code"); code.Ok() {
			names = append(names, "c"+code.Text()+"\x01"+coding.Get("system").Text())
		}
	}
	if len(names) == 0 {
		return []string{"x" + concept.Get("text").Text()}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// effective names the time of an Observation so that equal times have equal names; empty for none.
func effective(root fhir.Node) string {
	for _, name := range []string{"effectiveDateTime", "effectiveInstant"} {
		if n := root.Get(name); n.Ok() {
			return interval(n, n)
		}
	}
	if period := root.Get("effectivePeriod"); period.Ok() {
		return interval(period.Get("start"), period.Get("end"))
	}
	return string(root.Get("effectiveTiming").Raw())
}

func interval(start, end fhir.Node) string {
	name := ""
	if low, err := fhir.ParseDateTime(start.Text()); err == nil {
		name = low.Low.UTC().Format(time.RFC3339Nano)
	}
	if high, err := fhir.ParseDateTime(end.Text()); err == nil {
		name += "/" + high.High().UTC().Format(time.RFC3339Nano)
	}
	return name
}

// CodeGroups puts codings that occur together into one group, transitively.
type CodeGroups struct {
	number map[string]int
	parent []int
}

// NewCodeGroups returns groups of nothing.
func NewCodeGroups() CodeGroups { return CodeGroups{number: map[string]int{}} }

// Join says that the codings, one at least, are equal, and returns the number of one of them for [CodeGroups.Root].
func (g *CodeGroups) Join(codings []string) int {
	first := -1
	for _, name := range codings {
		n, known := g.number[name]
		if !known {
			n = len(g.parent)
			g.number[name] = n
			g.parent = append(g.parent, n)
		}
		if first < 0 {
			first = n
		}
		g.parent[g.Root(n)] = g.Root(first)
	}
	return first
}

// Root is the same for all codings of a group, until the next Join.
func (g *CodeGroups) Root(n int) int {
	for g.parent[n] != n {
		g.parent[n] = g.parent[g.parent[n]]
		n = g.parent[n]
	}
	return n
}

// Newest begins a walk over resources, newest first, that takes the first max of each group. No codings may be joined meanwhile.
func (g *CodeGroups) Newest(max int) *NewestOfGroups {
	return &NewestOfGroups{groups: g, max: max, sets: map[int]*codeSet{}}
}

// NewestOfGroups is such a walk.
type NewestOfGroups struct {
	groups *CodeGroups
	max    int
	sets   map[int]*codeSet // by their roots
}

// Takes reports whether the next resource, of the group with this number, is among the newest or of exactly the time of the last one that was; time is empty for none.
func (n *NewestOfGroups) Takes(group int, time string) bool {
	root := n.groups.Root(group)
	set := n.sets[root]
	if set == nil {
		set = &codeSet{}
		n.sets[root] = set
	}
	if set.count >= n.max && (time == "" || time != set.last) {
		return false
	}
	set.count, set.last = set.count+1, time
	return true
}
