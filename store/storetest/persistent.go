package storetest

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// RunPersistent tests what must survive closing and opening a store.
func RunPersistent(t *testing.T, open Open) {
	t.Run("reopen", func(t *testing.T) { testReopen(t, open) })
	t.Run("state", func(t *testing.T) { testStateReopen(t, open) })
	t.Run("walk", func(t *testing.T) { testWalkReopen(t, open) })
	t.Run("backup", func(t *testing.T) { testBackup(t, open) })
}

func testReopen(t *testing.T, open Open) {
	dir := t.TempDir()
	f := wrap(t, open(t, dir))
	f.people()
	before := f.everything()
	q := search.Query{Type: "Patient", Plan: search.All{}, Count: 2}
	next := f.search(&q).Next
	for round := range 3 {
		if err := f.s.Close(); err != nil {
			t.Fatal(err)
		}
		f = wrap(t, open(t, dir))
		if diff := cmp.Diff(before, f.everything()); diff != "" {
			t.Fatalf("round %d (-before +after):\n%s", round, diff)
		}
	}
	q.Cursor = next
	f.finds(&q, "cd")
	r := f.apply(f.write(store.Update, "e", "x", "city\x01tbonn"), f.write(store.Create, "n", "x"))
	if r[0].Version.Key.Version != "3" || !r[0].Created || r[1].Version.Key.Version != "1" {
		t.Errorf("writes after reopening: %+v", r)
	}
	if last := f.read("f", "").LastUpdated; r[0].Version.LastUpdated.Before(last) {
		t.Errorf("lastUpdated went back from %v to %v", last, r[0].Version.LastUpdated)
	}
	f.finds(&search.Query{Type: "Patient", Plan: search.All{}, Count: 10, Total: search.Accurate}, "abcdefn")
	if c, ok := store.Unwrap(f.s).(store.Checker); ok {
		checkStore(t, c, 7)
	}
}

func testBackup(t *testing.T, open Open) {
	f := wrap(t, open(t, filepath.Join(t.TempDir(), "store")))
	b, ok := store.Unwrap(f.s).(store.Backuper)
	if !ok {
		t.Log("the store makes no backups")
		return
	}
	f.people()
	want := f.everything()
	dir := filepath.Join(t.TempDir(), "copy")
	if err := b.Backup(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	f.apply(f.write(store.Create, "later", "x"))
	if err := b.Backup(t.Context(), dir); err == nil {
		t.Error("a backup overwrote another")
	}
	restored := wrap(t, open(t, dir))
	if diff := cmp.Diff(want, restored.everything()); diff != "" {
		t.Errorf("restored (-want +got):\n%s", diff)
	}
}
