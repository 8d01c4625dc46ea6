package storetest

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/store"
)

func testRead(t *testing.T, open New) {
	t.Run("absent", func(t *testing.T) {
		f := newFixture(t, open)
		f.missing(store.ErrNotFound, "a", "")
		f.apply(f.write(store.Create, "a", "en"))
		f.missing(store.ErrNotFound, "b", "")
		f.missing(store.ErrNotFound, "A", "")
		if _, err := f.s.Read(f.ctx, fhir.Key{Type: "Group", ID: "a"}); err == nil {
			t.Error("the id of another type is found")
		}
	})
	t.Run("versions that never were", func(t *testing.T) {
		f := newFixture(t, open)
		f.apply(f.write(store.Create, "a", "en"))
		f.apply(f.write(store.Update, "a", "de"))
		for _, version := range []string{"0", "3", "01", "+1", "-1", "x", "1 ", "99999999999999999999", "4294967297"} {
			f.missing(store.ErrNotFound, "a", version)
		}
	})
}

func testCreate(t *testing.T, open New) {
	t.Run("stored as given", func(t *testing.T) {
		f := newFixture(t, open)
		before := time.Now().Truncate(time.Millisecond)
		op := f.write(store.Create, "a", "en")
		op.Resource = stamped(t, "a", `{ "resourceType":"Patient" , "x":1.50,"_y":{"z":[null]},"meta":{"source":"u"}}`)
		r := f.apply(op)[0]
		if !r.Created || r.Existing || r.Version.Method != store.Create {
			t.Errorf("result: %+v", r)
		}
		if at := r.Version.LastUpdated; at.Before(before) || at.After(time.Now()) || at.Nanosecond()%1e6 != 0 {
			t.Errorf("lastUpdated is %v, which is not now to the millisecond", at)
		}
		want := `{ "resourceType":"Patient","id":"a" , "x":1.50,"_y":{"z":[null]},"meta":{"versionId":"1","lastUpdated":"` +
			r.Version.LastUpdated.Format(fhir.InstantFormat) + `","source":"u"}}`
		if diff := cmp.Diff(want, string(r.Version.JSON)); diff != "" {
			t.Errorf("result (-want +got):\n%s", diff)
		}
		for _, version := range []string{"", "1"} {
			if diff := cmp.Diff(&r.Version, f.read("a", version)); diff != "" {
				t.Errorf("read %q (-want +got):\n%s", version, diff)
			}
		}
	})
	t.Run("taken id", func(t *testing.T) {
		f := newFixture(t, open)
		f.apply(f.write(store.Create, "a", "en"))
		f.refuse(0, store.ErrConflict, f.write(store.Create, "a", "de"))
		f.apply(f.write(store.Delete, "a", ""))
		f.refuse(0, store.ErrConflict, f.write(store.Create, "a", "de"))
	})
	t.Run("long ids and large bodies", func(t *testing.T) {
		f := newFixture(t, open)
		id := strings.Repeat("x", 64)
		body := strings.Repeat("long ", 1<<18)
		f.apply(f.write(store.Create, id, body))
		if got := f.read(id, "").JSON; !strings.Contains(string(got), body) {
			t.Errorf("%d bytes came back", len(got))
		}
	})
}

func testUpdate(t *testing.T, open New) {
	f := newFixture(t, open)
	if r := f.apply(f.write(store.Update, "a", "en"))[0]; !r.Created || r.Version.Key.Version != "1" || r.Version.Method != store.Update {
		t.Errorf("update-as-create: %+v", r)
	}
	last := time.Time{}
	for i, text := range []string{"de", "fr"} {
		r := f.apply(f.write(store.Update, "a", text))[0]
		if want := string(rune('2' + i)); r.Created || r.Version.Key.Version != want {
			t.Errorf("update: %+v, want version %s", r, want)
		}
		if r.Version.LastUpdated.Before(last) {
			t.Errorf("lastUpdated went back from %v to %v", last, r.Version.LastUpdated)
		}
		last = r.Version.LastUpdated
	}
	for version, text := range map[string]string{"1": "en", "2": "de", "3": "fr", "": "fr"} {
		if got := string(f.read("a", version).JSON); !strings.Contains(got, `"language":"`+text+`"`) {
			t.Errorf("version %q: %s", version, got)
		}
	}
}

func testDelete(t *testing.T, open New) {
	f := newFixture(t, open)
	if r := f.apply(f.write(store.Delete, "a", ""))[0]; r.Version.Method != 0 || r.Created || r.Existing {
		t.Errorf("delete of what never was: %+v", r)
	}
	f.missing(store.ErrNotFound, "a", "")
	f.apply(f.write(store.Create, "a", "en", "k"))
	r := f.apply(f.write(store.Delete, "a", ""))[0]
	if want := (fhir.Key{Type: "Patient", ID: "a", Version: "2"}); r.Version.Key != want || r.Version.Method != store.Delete || r.Version.JSON != nil {
		t.Errorf("delete: %+v", r)
	}
	f.missing(store.ErrGone, "a", "")
	f.missing(store.ErrGone, "a", "2")
	f.read("a", "1")
	if r := f.apply(f.write(store.Delete, "a", ""))[0]; r.Version.Method != 0 {
		t.Errorf("second delete: %+v", r)
	}
	f.missing(store.ErrNotFound, "a", "3")
	if r := f.apply(f.write(store.Update, "a", "de", "k"))[0]; !r.Created || r.Version.Key.Version != "3" {
		t.Errorf("resurrection: %+v", r)
	}
	f.missing(store.ErrGone, "a", "2")
	f.read("a", "")
}

func testPreconditions(t *testing.T, open New) {
	f := newFixture(t, open)
	match := func(op store.Op, version string) store.Op { op.IfMatch = version; return op }
	none := func(op store.Op) store.Op { op.IfNoneMatch = true; return op }
	f.apply(f.write(store.Create, "gone", "en"))
	f.apply(f.write(store.Delete, "gone", ""))
	f.apply(f.write(store.Create, "a", "en"))

	f.refuse(0, store.ErrPrecondition, match(f.write(store.Update, "a", "de"), "2"))
	f.refuse(0, store.ErrPrecondition, match(f.write(store.Delete, "a", ""), "x"))
	f.refuse(0, store.ErrPrecondition, match(f.write(store.Update, "absent", "de"), "1"))
	f.refuse(0, store.ErrPrecondition, match(f.write(store.Delete, "absent", ""), "1"))
	f.refuse(0, store.ErrPrecondition, match(f.write(store.Update, "gone", "de"), "2"))
	f.refuse(0, store.ErrPrecondition, none(f.write(store.Update, "a", "de")))
	f.missing(store.ErrNotFound, "a", "2")
	f.missing(store.ErrNotFound, "absent", "")

	f.apply(match(f.write(store.Update, "a", "de"), "1"))
	f.apply(match(f.write(store.Delete, "a", ""), "2"))
	if r := f.apply(none(f.write(store.Update, "a", "fr")))[0]; r.Version.Key.Version != "4" || !r.Created {
		t.Errorf("If-None-Match after a deletion: %+v", r)
	}
	f.apply(none(f.write(store.Update, "fresh", "de")))
	f.apply(none(f.write(store.Create, "newer", "de")))
}
