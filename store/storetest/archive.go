package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/store"
)

// recorder remembers by which operation each version came.
type recorder struct {
	store.Store
	ops map[fhir.Key]store.Op
}

func (r *recorder) Unwrap() store.Store { return r.Store }

// Apply implements [store.Store].
func (r *recorder) Apply(ctx context.Context, ops []store.Op) ([]store.Result, error) {
	results, err := r.Store.Apply(ctx, ops)
	for i := range results {
		if v := &results[i].Version; v.Key.Version != "" && !results[i].Existing {
			r.ops[v.Key] = ops[i]
		}
	}
	return results, err
}

// testArchive moves everything to another store, page by page, with an interruption.
func testArchive(t *testing.T, open New) {
	from := newFixture(t, open)
	record := &recorder{from.s, map[fhir.Key]store.Op{}}
	from.s = record
	source, ok := store.Unwrap(from.s).(store.Archive)
	if !ok {
		t.Log("the store has no archive")
		return
	}
	from.people()
	from.apply(store.Op{Method: store.Create, Key: fhir.Key{Type: "Group", ID: "g"}, Resource: stamped(from, "g", `{"resourceType":"Group"}`), Keys: []string{"k\x01ta"}})
	for i := range 5 {
		from.apply(from.write(store.Update, "c", fmt.Sprint(i), fmt.Sprintf("city\x01t%d", i)))
	}
	order := []string{"Patient/a/1", "Patient/b/1", "Patient/c/1", "Patient/d/1", "Patient/e/1", "Patient/f/1", "Patient/e/2", "Patient/a/2", "Patient/a/3", "Group/g/1",
		"Patient/c/2", "Patient/c/3", "Patient/c/4", "Patient/c/5", "Patient/c/6"}
	all := exported(from, source, record)
	for _, limit := range []int{1, 4} {
		t.Run(fmt.Sprintf("pages of %d", limit), func(t *testing.T) {
			to := newFixture(t, open)
			target := store.Unwrap(to.s).(store.Archive)
			for at := 0; at < len(all); at += limit {
				// The page before once more, as after an interruption.
				if err := target.Restore(t.Context(), all[max(0, at-limit):min(at+limit, len(all))]); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(from.everything(), to.everything()); diff != "" {
				t.Errorf("the copy differs (-source +copy):\n%s", diff)
			}
			if diff := cmp.Diff(names(all), names(exported(to, target, record))); diff != "" {
				t.Errorf("the copy was written in another order (-source +copy):\n%s", diff)
			}
			if c, ok := store.Unwrap(to.s).(store.Checker); ok {
				checkStore(t, c, 7)
			}
			r := to.apply(to.write(store.Update, "c", "after", "city\x01tafter"))
			if r[0].Version.Key.Version != "7" || r[0].Version.LastUpdated.Before(all[len(all)-1].LastUpdated) {
				t.Errorf("a write behind the copy: %+v", r[0].Version)
			}
		})
	}
	if got := names(all); len(got) != len(order) {
		t.Errorf("exported %v, want %v", got, order)
	}
	t.Run("refusals", func(t *testing.T) { refuseRestores(t, open, all) })
}

// exported reads the whole archive in pages of two.
func exported(f *fixture, a store.Archive, record *recorder) (all []store.Restored) {
	f.Helper()
	for cursor := ""; ; {
		page, err := a.Export(f.ctx, store.ExportQuery{Cursor: cursor, Limit: 2})
		if err != nil {
			f.Fatal(err)
		}
		if len(page.Versions) == 0 {
			return all
		}
		for _, v := range page.Versions {
			op := record.ops[v.Key]
			if v.Method != op.Method || !v.Deleted() && string(v.JSON) != string(op.Resource.Render(nil, v.Key.Version, v.LastUpdated)) {
				f.Errorf("%s is exported with method %d as %s", v.Key, v.Method, v.JSON)
			}
			op.Key.Version = ""
			all = append(all, store.Restored{Op: op, Version: v.Key.Version, LastUpdated: v.LastUpdated})
		}
		if len(page.Versions) > 2 || page.Next == cursor {
			f.Fatalf("%d versions on a page of 2, cursor %q behind %q", len(page.Versions), page.Next, cursor)
		}
		cursor = page.Next
	}
}

func names(all []store.Restored) (names []string) {
	for i := range all {
		names = append(names, all[i].VersionKey().String())
	}
	return names
}

func refuseRestores(t *testing.T, open New, all []store.Restored) {
	f := newFixture(t, open)
	a := store.Unwrap(f.s).(store.Archive)
	if _, err := a.Export(t.Context(), store.ExportQuery{Cursor: "x", Limit: 1}); !errors.Is(err, store.ErrBadCursor) {
		t.Errorf("invented cursor: %v", err)
	}
	if err := a.Restore(t.Context(), all[:6]); err != nil {
		t.Fatal(err)
	}
	last := all[len(all)-1]
	older := all[0]
	older.Key.ID, older.LastUpdated = "older", older.LastUpdated.Add(-time.Hour)
	for _, tt := range []struct {
		name  string
		index int
		all   []store.Restored
	}{
		{"a version is missing", 1, []store.Restored{all[6], last}},
		{"older than the store", 0, []store.Restored{older}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := a.Restore(t.Context(), tt.all)
			var failed *store.OpError
			if !errors.Is(err, store.ErrConflict) || !errors.As(err, &failed) || failed.Index != tt.index {
				t.Errorf("got %v (%+v), want %v about version %d", err, failed, store.ErrConflict, tt.index)
			}
		})
	}
	var misuse *store.ContractError
	conditional := all[0]
	conditional.IfNoneMatch = true
	later := all[0]
	later.LastUpdated = later.LastUpdated.Add(time.Hour)
	for _, wrong := range [][]store.Restored{{conditional}, {later, all[0]}, {{Op: all[0].Op, LastUpdated: all[0].LastUpdated}}} {
		if err := a.Restore(t.Context(), wrong); !errors.As(err, &misuse) {
			t.Errorf("restored %v: %v", names(wrong), err)
		}
	}
	for _, line := range f.everything()["history"] {
		if strings.Contains(line, "/c/_history/6") || strings.Contains(line, "/older/") {
			t.Errorf("a refused version was written: %s", line)
		}
	}
}
