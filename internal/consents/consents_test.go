package consents_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/spec"
	"github.com/firth-health/firth/internal/consents"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
	"github.com/firth-health/firth/store/pebble"
)

// world is a store, and what is known of its Consents.
type world struct {
	*testing.T
	inner store.Store
	index *auth.Consents
	grant *auth.Grant
}

func newWorld(t *testing.T, inner store.Store) *world {
	t.Helper()
	defs, err := spec.R4()
	if err != nil {
		t.Fatal(err)
	}
	registry, err := search.NewRegistry(defs, search.Options{References: true})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, inner: inner, index: auth.NewConsents(auth.ConsentOptions{})}
	rules, err := auth.New(auth.Options{Definitions: defs, Search: registry, Consents: w.index})
	if err != nil {
		t.Fatal(err)
	}
	if w.grant, err = rules.Grant(t.Context(), auth.Claims{Scope: "system/*.rs"}); err != nil {
		t.Fatal(err)
	}
	return w
}

func openStore(t *testing.T) store.Store {
	t.Helper()
	s, err := pebble.Open("", pebble.Options{InMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func optOut(t *testing.T, method store.Method, id, status string) store.Op {
	t.Helper()
	op := store.Op{Method: method, Key: fhir.Key{Type: "Consent", ID: id}}
	if method == store.Delete {
		return op
	}
	res, err := fhir.ParseResource(fmt.Appendf(nil, `{"resourceType":"Consent","status":%q,"scope":{"coding":[{"code":"patient-privacy"}]},"patient":{"reference":"Patient/p%s"},"provision":{"type":"deny"}}`, status, id))
	if err != nil {
		t.Fatal(err)
	}
	if op.Resource, err = res.Stamp(id); err != nil {
		t.Fatal(err)
	}
	return op
}

func (w *world) apply(s store.Store, ops ...store.Op) {
	w.Helper()
	if _, err := s.Apply(w.Context(), ops); err != nil {
		w.Fatal(err)
	}
}

// expect checks whether the patient of a Consent has denied.
func (w *world) expect(what, id string, denied bool) {
	w.Helper()
	patient, err := fhir.ParseResource([]byte(`{"resourceType":"Patient","id":"p` + id + `"}`))
	if err != nil {
		w.Fatal(err)
	}
	if err := w.grant.Permits(w.Context(), auth.Read, patient, nil); (err != nil) != denied {
		w.Errorf("%s: %v", what, err)
	}
}

func TestOver(t *testing.T) {
	w := newWorld(t, openStore(t))
	var before []store.Op
	for i := range 1200 {
		before = append(before, optOut(t, store.Create, fmt.Sprint(i), "active"))
	}
	w.apply(w.inner, before...)
	s, err := consents.Over(t.Context(), w.inner, w.index, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if store.Unwrap(s) != w.inner {
		t.Error("the store is not found behind it")
	}
	w.expect("the first that was there", "0", true)
	w.expect("the last that was there", "1199", true)
	w.expect("another", "new", false)
	w.apply(s, optOut(t, store.Create, "new", "active"))
	w.expect("created", "new", true)
	w.apply(s, optOut(t, store.Update, "new", "inactive"), optOut(t, store.Delete, "0", ""))
	w.expect("withdrawn", "new", false)
	w.expect("deleted", "0", false)
	conflict := optOut(t, store.Create, "new", "active")
	if _, err := s.Apply(t.Context(), []store.Op{conflict}); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a conflict: %v", err)
	}
	w.expect("what failed changes nothing", "new", false)
}

func TestLook(t *testing.T) {
	inner := openStore(t)
	one := newWorld(t, inner)
	s, err := consents.Over(t.Context(), inner, one.index, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	look := func() {
		t.Helper()
		if err := s.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	one.apply(inner, optOut(t, store.Create, "1", "active"), optOut(t, store.Create, "2", "active"))
	one.expect("before a look", "1", false)
	look()
	one.expect("after it", "1", true)
	one.apply(inner, optOut(t, store.Delete, "1", ""))
	look()
	one.expect("deleted by another", "1", false)
	one.expect("not deleted", "2", true)
	look()
	one.expect("a second look", "2", true)
}

func TestOverFails(t *testing.T) {
	s, err := pebble.Open("", pebble.Options{InMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := consents.Over(t.Context(), s, auth.NewConsents(auth.ConsentOptions{}), time.Now); err == nil {
		t.Error("no error of a closed store")
	}
}
