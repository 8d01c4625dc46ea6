package storecopy

import (
	"errors"
	"fmt"
	"testing"

	"github.com/firth-health/firth/store"
)

// TestRecords copies records of some kinds with the versions, again over what is there, and finds when the target has more.
func TestRecords(t *testing.T) {
	r := registry(t)
	from, to := filled(t, r), open(t)
	put := func(s store.Store, kind, id, value string) {
		t.Helper()
		if _, err := s.(store.State).PutState(t.Context(), kind, id, []byte(value), 0); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 450 {
		put(from, "account", fmt.Sprintf("%04d", i), fmt.Sprint("value ", i))
	}
	put(from, "chain/a", "1", "x")
	put(from, "job", "1", "not copied")
	put(to, "account", "0007", "of an interrupted copy, when it was another")
	options := Options{From: from, To: to, Registry: r, Kinds: []string{"account", "chain/a", "chain/none"}}
	report, err := Run(t.Context(), options, &Progress{})
	if err != nil || report.Records != 451 {
		t.Fatal(report, err)
	}
	for id, want := range map[string]string{"0000": "value 0", "0007": "value 7", "0449": "value 449"} {
		got, err := to.(store.State).GetState(t.Context(), "account", id)
		if err != nil || string(got.Value) != want {
			t.Error(id, got, err)
		}
	}
	if _, err := to.(store.State).GetState(t.Context(), "job", "1"); !errors.Is(err, store.ErrNotFound) {
		t.Error(err)
	}
	if report, err = Run(t.Context(), options, &Progress{}); err != nil || report.Records != 451 {
		t.Error("again: ", report, err)
	}
	put(to, "account", "more", "x")
	if _, err := Run(t.Context(), options, &Progress{}); !errors.Is(err, ErrDiffers) {
		t.Error("a record too many: ", err)
	}
}
