package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/store"
)

// versions collects a whole history page by page as "Type/id/version method".
func (f *fixture) versions(q store.HistoryQuery) (all []string, total int) {
	f.Helper()
	total = -2
	for {
		page, err := f.s.History(f.ctx, q)
		if err != nil {
			f.Fatalf("History %+v: %v", q, err)
		}
		if total == -2 {
			total = page.Total
		}
		for _, v := range page.Versions {
			all = append(all, fmt.Sprintf("%s/%s/%s %d", v.Key.Type, v.Key.ID, v.Key.Version, v.Method))
			if v.Deleted() != (v.JSON == nil) {
				f.Errorf("%v: method %d with content %q", v.Key, v.Method, v.JSON)
			}
		}
		if page.Next == "" {
			return all, total
		}
		q.Cursor = page.Next
	}
}

// bothWays reads a history newest first and oldest first, on pages of several sizes.
func (f *fixture) bothWays(q store.HistoryQuery, want []string) {
	f.Helper()
	for _, q.OldestFirst = range []bool{false, true} {
		if q.OldestFirst {
			want = slices.Clone(want)
			slices.Reverse(want)
		}
		for _, q.Count = range []int{1, 2, 3, 100} {
			got, total := f.versions(q)
			if diff := cmp.Diff(want, got); diff != "" {
				f.Errorf("count %d, oldest first %t (-want +got):\n%s", q.Count, q.OldestFirst, diff)
			}
			if total != len(want) && total != -1 {
				f.Errorf("count %d, oldest first %t: total %d of %d", q.Count, q.OldestFirst, total, len(want))
			}
		}
	}
}

// tick waits until the next instant of a store.
func tick() time.Time {
	time.Sleep(3 * time.Millisecond)
	at := time.Now()
	time.Sleep(3 * time.Millisecond)
	return at
}

func testHistory(t *testing.T, open New) {
	f := newFixture(t, open)
	group := func(id string) store.Op {
		return store.Op{Method: store.Create, Key: fhir.Key{Type: "Group", ID: id}, Resource: stamped(t, id, `{"resourceType":"Group"}`)}
	}
	f.apply(f.write(store.Create, "a", "1"), group("g"))
	t1 := tick()
	f.apply(f.write(store.Update, "a", "2"))
	f.apply(f.write(store.Create, "b", "1"))
	t2 := tick()
	f.apply(f.write(store.Delete, "a", ""))
	f.apply(group("h"))
	f.apply(f.write(store.Update, "a", "4"))

	firstYear, lastYear := time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
	all := []string{"Patient/a/4 2", "Group/h/1 1", "Patient/a/3 3", "Patient/b/1 1", "Patient/a/2 2", "Group/g/1 1", "Patient/a/1 1"}
	patients := []string{all[0], all[2], all[3], all[4], all[6]}
	a := []string{all[0], all[2], all[4], all[6]}
	for _, c := range []struct {
		name string
		q    store.HistoryQuery
		want []string
	}{
		{"instance", store.HistoryQuery{Type: "Patient", ID: "a"}, a},
		{"instance since", store.HistoryQuery{Type: "Patient", ID: "a", Since: t1}, a[:3]},
		{"instance since later", store.HistoryQuery{Type: "Patient", ID: "a", Since: t2}, a[:2]},
		{"instance since ever", store.HistoryQuery{Type: "Patient", ID: "a", Since: t1.Add(-time.Hour)}, a},
		{"instance since the future", store.HistoryQuery{Type: "Patient", ID: "a", Since: t1.Add(time.Hour)}, nil},
		{"instance at", store.HistoryQuery{Type: "Patient", ID: "a", At: t1}, a},
		{"instance at later", store.HistoryQuery{Type: "Patient", ID: "a", At: t2}, a[:3]},
		{"instance at the future", store.HistoryQuery{Type: "Patient", ID: "a", At: t1.Add(time.Hour)}, a[:1]},
		{"instance at and since", store.HistoryQuery{Type: "Patient", ID: "a", At: t1, Since: t2}, a[:2]},
		{"instance before", store.HistoryQuery{Type: "Patient", ID: "a", Before: t1}, a[3:]},
		{"instance before later", store.HistoryQuery{Type: "Patient", ID: "a", Before: t2}, a[2:]},
		{"instance before ever", store.HistoryQuery{Type: "Patient", ID: "a", Before: t1.Add(-time.Hour)}, nil},
		{"instance at and before", store.HistoryQuery{Type: "Patient", ID: "a", At: t1, Before: t2}, a[2:]},
		{"instance since the last year", store.HistoryQuery{Type: "Patient", ID: "a", Since: lastYear}, nil},
		{"instance since the first year", store.HistoryQuery{Type: "Patient", ID: "a", Since: firstYear}, a},
		{"instance at the last year", store.HistoryQuery{Type: "Patient", ID: "a", At: lastYear}, a[:1]},
		{"instance at the first year", store.HistoryQuery{Type: "Patient", ID: "a", At: firstYear}, a},
		{"instance before the last year", store.HistoryQuery{Type: "Patient", ID: "a", Before: lastYear}, a},
		{"instance before the first year", store.HistoryQuery{Type: "Patient", ID: "a", Before: firstYear}, nil},
		{"type", store.HistoryQuery{Type: "Patient"}, patients},
		{"type since the last year", store.HistoryQuery{Type: "Patient", Since: lastYear}, nil},
		{"type before the last year", store.HistoryQuery{Type: "Patient", Before: lastYear}, patients},
		{"type since", store.HistoryQuery{Type: "Patient", Since: t2}, patients[:2]},
		{"type at", store.HistoryQuery{Type: "Patient", At: t2}, patients[:4]},
		{"type before", store.HistoryQuery{Type: "Patient", Before: t2}, patients[2:]},
		{"type never stored", store.HistoryQuery{Type: "Device"}, nil},
		{"system", store.HistoryQuery{}, all},
		{"system since", store.HistoryQuery{Since: t1}, all[:5]},
		{"system at", store.HistoryQuery{At: t2}, append(append([]string{}, all[:5]...), all[5])},
		{"system before", store.HistoryQuery{Before: t1}, all[5:]},
		{"system at a moment", store.HistoryQuery{At: t2, Before: t2.Add(time.Millisecond)}, all[3:6]},
		{"system at the future", store.HistoryQuery{At: t1.Add(time.Hour)}, []string{all[0], all[1], all[3], all[5]}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &fixture{t, f.s, t.Context()}
			f.bothWays(c.q, c.want)
		})
	}
	t.Run("exact totals", func(t *testing.T) {
		for _, q := range []store.HistoryQuery{{Type: "Patient", ID: "a", Count: 1}, {Type: "Patient", Count: 1}, {Count: 1}, {Count: 0}} {
			want := map[string]int{"Patienta": 4, "Patient": 5, "": 7}[q.Type+q.ID]
			page, err := f.s.History(f.ctx, q)
			if err != nil || page.Total != want || len(page.Versions) != q.Count {
				t.Errorf("%+v: %+v, %v; want a total of %d", q, page, err, want)
			}
		}
	})
	t.Run("absent", func(t *testing.T) {
		for _, key := range []fhir.Key{{Type: "Patient", ID: "zzz"}, {Type: "Device", ID: "a"}} {
			if _, err := f.s.History(f.ctx, store.HistoryQuery{Type: key.Type, ID: key.ID, Count: 1}); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%v: %v", key, err)
			}
		}
	})
	t.Run("foreign cursors", func(t *testing.T) {
		page, err := f.s.History(f.ctx, store.HistoryQuery{Type: "Patient", Count: 1})
		if err != nil || page.Next == "" {
			t.Fatalf("%+v, %v", page, err)
		}
		for _, q := range []store.HistoryQuery{{Cursor: page.Next, Count: 1}, {Type: "Group", Cursor: page.Next, Count: 1},
			{Type: "Patient", Since: t1, Cursor: page.Next, Count: 1}, {Type: "Patient", Cursor: "x" + page.Next, Count: 1}, {Cursor: "AAAA", Count: 1}} {
			if _, err := f.s.History(f.ctx, q); !errors.Is(err, store.ErrBadCursor) {
				t.Errorf("%+v: %v", q, err)
			}
		}
	})
}
