package store_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"
	"time"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// liar is a store that answers what a test tells it to.
type liar struct {
	version *store.Version
	page    *store.Page
	history *store.HistoryPage
	results []store.Result
	err     error
}

func (l liar) Read(context.Context, fhir.Key) (*store.Version, error)     { return l.version, l.err }
func (l liar) Search(context.Context, *search.Query) (*store.Page, error) { return l.page, l.err }
func (l liar) Apply(context.Context, []store.Op) ([]store.Result, error)  { return l.results, l.err }
func (l liar) Close() error                                               { return nil }
func (l liar) History(context.Context, store.HistoryQuery) (*store.HistoryPage, error) {
	return l.history, l.err
}

var moment = time.Date(2024, 1, 2, 3, 4, 5, 6_000_000, time.UTC)

// patient is the first version of a Patient, changed.
func patient(id string, changes ...func(*store.Version)) store.Version {
	v := store.Version{Key: fhir.Key{Type: "Patient", ID: id, Version: "1"}, LastUpdated: moment, Method: store.Create,
		JSON: fmt.Appendf(nil, `{"resourceType":"Patient","id":%q,"meta":{"versionId":"1","lastUpdated":"2024-01-02T03:04:05.006Z"}}`, id)}
	for _, change := range changes {
		change(&v)
	}
	return v
}

// breach expects a *store.ContractError or none.
func breach(t *testing.T, err error, want bool) {
	t.Helper()
	var broken *store.ContractError
	if errors.As(err, &broken) != want {
		t.Errorf("got %v, want a breach: %v", err, want)
	}
}

func TestContractRead(t *testing.T) {
	good := patient("a")
	other := patient("b")
	deleted := patient("a", func(v *store.Version) { v.Method, v.JSON = store.Delete, nil })
	fine := patient("a", func(v *store.Version) { v.LastUpdated = moment.Add(time.Microsecond) })
	empty := patient("a", func(v *store.Version) { v.JSON = nil })
	for name, c := range map[string]struct {
		l    liar
		want bool
	}{
		"good":               {liar{version: &good}, false},
		"not found":          {liar{err: fmt.Errorf("x: %w", store.ErrNotFound)}, false},
		"gone":               {liar{err: store.ErrGone}, false},
		"closed":             {liar{err: fs.ErrClosed}, false},
		"cancelled":          {liar{err: context.Canceled}, false},
		"nothing":            {liar{}, true},
		"both":               {liar{version: &good, err: store.ErrGone}, true},
		"another":            {liar{version: &other}, true},
		"a deletion":         {liar{version: &deleted}, true},
		"without content":    {liar{version: &empty}, true},
		"finer than a milli": {liar{version: &fine}, true},
		"unknown error":      {liar{err: errors.New("disk on fire")}, true},
		"foreign sentinel":   {liar{err: store.ErrBadCursor}, true},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := store.Contract(c.l).Read(t.Context(), fhir.Key{Type: "Patient", ID: "a"})
			breach(t, err, c.want)
		})
	}
	_, err := store.Contract(liar{version: &good}).Read(t.Context(), fhir.Key{Type: "Patient"})
	breach(t, err, true)
}

func op(t *testing.T, method store.Method, changes ...func(*store.Op)) store.Op {
	t.Helper()
	res, err := fhir.ParseResource([]byte(`{"resourceType":"Patient"}`))
	if err != nil {
		t.Fatal(err)
	}
	st, err := res.Stamp("a")
	if err != nil {
		t.Fatal(err)
	}
	o := store.Op{Method: method, Key: fhir.Key{Type: "Patient", ID: "a"}, Resource: st, Keys: []string{"k\x01t1"}}
	for _, change := range changes {
		change(&o)
	}
	return o
}

func TestContractApply(t *testing.T) {
	create := op(t, store.Create)
	conditional := op(t, store.Create, func(o *store.Op) { o.IfNoneExist = &search.Query{Type: "Patient", Plan: search.All{}} })
	remove := op(t, store.Delete)
	gone := patient("a", func(v *store.Version) { v.Method, v.JSON, v.Key.Version = store.Delete, nil, "2" })
	for name, c := range map[string]struct {
		op   store.Op
		l    liar
		want bool
	}{
		"created":                   {create, liar{results: []store.Result{{Version: patient("a"), Created: true}}}, false},
		"deleted":                   {remove, liar{results: []store.Result{{Version: gone}}}, false},
		"nothing to delete":         {remove, liar{results: []store.Result{{}}}, false},
		"existing":                  {conditional, liar{results: []store.Result{{Version: patient("b"), Existing: true}}}, false},
		"conflict":                  {create, liar{err: &store.OpError{Err: store.ErrConflict}}, false},
		"busy":                      {create, liar{err: store.ErrBusy}, false},
		"no results":                {create, liar{}, true},
		"not created":               {create, liar{results: []store.Result{{Version: patient("a")}}}, true},
		"created another":           {create, liar{results: []store.Result{{Version: patient("b"), Created: true}}}, true},
		"existing without question": {create, liar{results: []store.Result{{Version: patient("b"), Existing: true}}}, true},
		"created by deleting":       {remove, liar{results: []store.Result{{Version: gone, Created: true}}}, true},
		"other bytes": {create, liar{results: []store.Result{{Created: true, Version: patient("a", func(v *store.Version) {
			v.JSON = []byte(`{"resourceType":"Patient"}`)
		})}}}, true},
		"conflict about nothing": {create, liar{err: store.ErrConflict}, true},
		"conflict out of range":  {create, liar{err: &store.OpError{Index: 1, Err: store.ErrConflict}}, true},
		"not found":              {create, liar{err: &store.OpError{Err: store.ErrNotFound}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := store.Contract(c.l).Apply(t.Context(), []store.Op{c.op})
			breach(t, err, c.want)
		})
	}
}

func TestCheckOps(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*store.Op)
		want   bool
	}{
		"good":                      {func(*store.Op) {}, false},
		"no keys":                   {func(o *store.Op) { o.Keys = nil }, false},
		"no method":                 {func(o *store.Op) { o.Method = 0 }, true},
		"no type":                   {func(o *store.Op) { o.Key.Type = "" }, true},
		"no id":                     {func(o *store.Op) { o.Key.ID = "" }, true},
		"malformed id":              {func(o *store.Op) { o.Key.ID = "a/b" }, true},
		"version":                   {func(o *store.Op) { o.Key.Version = "1" }, true},
		"no resource":               {func(o *store.Op) { o.Resource = fhir.Stamped{} }, true},
		"unsorted keys":             {func(o *store.Op) { o.Keys = []string{"b", "a"} }, true},
		"double keys":               {func(o *store.Op) { o.Keys = []string{"a", "a"} }, true},
		"empty key":                 {func(o *store.Op) { o.Keys = []string{""} }, true},
		"NUL in a key":              {func(o *store.Op) { o.Keys = []string{"a\x00b"} }, true},
		"expectation without query": {func(o *store.Op) { o.ExpectNone = true }, true},
		"contradicting expectations": {func(o *store.Op) {
			o.IfNoneExist, o.Expect, o.ExpectNone = &search.Query{Type: "Patient", Plan: search.All{}}, "a", true
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			breach(t, store.CheckOps([]store.Op{op(t, store.Update), op(t, store.Update, c.change)}), c.want)
		})
	}
}

func TestContractSearch(t *testing.T) {
	two := []store.Version{patient("a"), patient("b")}
	for name, c := range map[string]struct {
		q    search.Query
		page *store.Page
		want bool
	}{
		"good":               {search.Query{Count: 2}, &store.Page{Matches: two, Total: 2}, false},
		"more to come":       {search.Query{Count: 2}, &store.Page{Matches: two, Total: 3, Next: "x"}, false},
		"too many":           {search.Query{Count: 1}, &store.Page{Matches: two, Total: 2}, true},
		"next after few":     {search.Query{Count: 3}, &store.Page{Matches: two, Total: 5, Next: "x"}, true},
		"twice the same":     {search.Query{Count: 2}, &store.Page{Matches: []store.Version{two[0], two[0]}, Total: 2}, true},
		"included a match":   {search.Query{Count: 2}, &store.Page{Matches: two, Total: 2, Included: two[:1]}, true},
		"total too small":    {search.Query{Count: 2}, &store.Page{Matches: two, Total: 1}, true},
		"total without next": {search.Query{Count: 2}, &store.Page{Matches: two, Total: 3}, true},
		"no accurate total":  {search.Query{Count: 2, Total: search.Accurate}, &store.Page{Matches: two, Total: -1}, true},
		"unwanted total":     {search.Query{Count: 2, Total: search.NoTotal}, &store.Page{Matches: two, Total: 2}, true},
		"another type":       {search.Query{Type: "Device", Count: 2}, &store.Page{Matches: two, Total: 2}, true},
		"malformed query":    {search.Query{Count: -1}, &store.Page{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			c.q.Plan = search.All{}
			if c.q.Type == "" {
				c.q.Type = "Patient"
			}
			_, err := store.Contract(liar{page: c.page}).Search(t.Context(), &c.q)
			breach(t, err, c.want)
		})
	}
}

// TestContractMatches has matches that were written through the contract, so that it knows their keys.
func TestContractMatches(t *testing.T) {
	l := &liar{}
	s := store.Contract(l)
	for _, id := range []string{"a", "b"} {
		o := op(t, store.Create, func(o *store.Op) { o.Key.ID, o.Keys = id, []string{"k\x01t" + id} })
		res, err := fhir.ParseResource([]byte(`{"resourceType":"Patient"}`))
		if err != nil {
			t.Fatal(err)
		}
		if o.Resource, err = res.Stamp(id); err != nil {
			t.Fatal(err)
		}
		l.results = []store.Result{{Version: patient(id), Created: true}}
		if _, err := s.Apply(t.Context(), []store.Op{o}); err != nil {
			t.Fatal(err)
		}
	}
	l.page = &store.Page{Matches: []store.Version{patient("b"), patient("a")}, Total: 2}
	key := func(descending bool) []search.SortKey {
		return []search.SortKey{{Prefixes: []string{"k\x01t"}, Descending: descending}}
	}
	for name, c := range map[string]struct {
		plan search.Plan
		sort []search.SortKey
		want bool
	}{
		"in order":     {search.All{}, key(true), false},
		"out of order": {search.All{}, key(false), true},
		"no match":     {search.Keys{Lo: "k\x01tb", Hi: "k\x01tc"}, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.Search(t.Context(), &search.Query{Type: "Patient", Plan: c.plan, Sort: c.sort, Count: 2})
			breach(t, err, c.want)
		})
	}
}

func TestContractHistory(t *testing.T) {
	old := patient("a", func(v *store.Version) { v.LastUpdated = moment.Add(-time.Hour) })
	two := []store.Version{patient("a"), old}
	for name, c := range map[string]struct {
		q    store.HistoryQuery
		page *store.HistoryPage
		want bool
	}{
		"good":           {store.HistoryQuery{Count: 2}, &store.HistoryPage{Versions: two, Total: 2}, false},
		"not counted":    {store.HistoryQuery{Count: 2}, &store.HistoryPage{Versions: two, Total: -1, Next: "x"}, false},
		"oldest first":   {store.HistoryQuery{Count: 2}, &store.HistoryPage{Versions: []store.Version{two[1], two[0]}, Total: 2}, true},
		"before since":   {store.HistoryQuery{Count: 2, Since: moment}, &store.HistoryPage{Versions: two, Total: 2}, true},
		"another":        {store.HistoryQuery{Count: 2, Type: "Patient", ID: "b"}, &store.HistoryPage{Versions: two, Total: 2}, true},
		"too many":       {store.HistoryQuery{Count: 1}, &store.HistoryPage{Versions: two, Total: 2}, true},
		"id of no type":  {store.HistoryQuery{Count: 2, ID: "a"}, &store.HistoryPage{Versions: two, Total: 2}, true},
		"total too low":  {store.HistoryQuery{Count: 2}, &store.HistoryPage{Versions: two, Total: 1}, true},
		"negative count": {store.HistoryQuery{Count: -2}, &store.HistoryPage{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := store.Contract(liar{history: c.page}).History(t.Context(), c.q)
			breach(t, err, c.want)
		})
	}
}
