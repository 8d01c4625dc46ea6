package store

import (
	"context"
	"errors"
	"testing"

	"github.com/firth-health/firth/fhir"
)

func TestPermit(t *testing.T) {
	for _, test := range []struct {
		name    string
		op      Op
		version uint64
		live    bool
		want    error
	}{
		{"create", Op{Method: Create}, 0, false, nil},
		{"create what is there", Op{Method: Create}, 1, true, ErrConflict},
		{"create what was deleted", Op{Method: Create}, 2, false, ErrConflict},
		{"update at the version", Op{Method: Update, IfMatch: "3"}, 3, true, nil},
		{"update at another", Op{Method: Update, IfMatch: "03"}, 3, true, ErrPrecondition},
		{"update of a deletion", Op{Method: Update, IfMatch: "3"}, 3, false, ErrPrecondition},
		{"update of nothing", Op{Method: Update, IfMatch: "0"}, 0, false, ErrPrecondition},
		{"only if there is none", Op{Method: Update, IfNoneMatch: true}, 3, false, nil},
		{"the expected version", Op{Method: Update, ExpectVersion: "4"}, 3, true, nil},
		{"the expected version after a deletion", Op{Method: Update, ExpectVersion: "4"}, 3, false, nil},
		{"the expected version of what never was", Op{Method: Create, ExpectVersion: "1"}, 0, false, nil},
		{"another version than expected", Op{Method: Update, ExpectVersion: "3"}, 3, true, ErrConflict},
		{"another version than expected, and than demanded", Op{Method: Update, ExpectVersion: "3", IfMatch: "2"}, 3, true, ErrPrecondition},
		{"only if there is none, and there is", Op{Method: Update, IfNoneMatch: true}, 3, true, ErrPrecondition},
	} {
		if err := Permit(&test.op, test.version, test.live); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
}

func TestDecide(t *testing.T) {
	for _, test := range []struct {
		name     string
		op       Op
		matches  int
		existing bool
		want     error
	}{
		{"none", Op{}, 0, false, nil},
		{"one", Op{}, 1, true, nil},
		{"several", Op{Expect: "a"}, 2, false, ErrMultiple},
		{"the expected", Op{Expect: "a"}, 1, true, nil},
		{"another than expected", Op{Expect: "b"}, 1, false, ErrConflict},
		{"none, but one expected", Op{Expect: "a"}, 0, false, ErrConflict},
		{"one, but none expected", Op{ExpectNone: true}, 1, false, ErrConflict},
		{"none, as expected", Op{ExpectNone: true}, 0, false, nil},
	} {
		existing, err := Decide(&test.op, []*fhir.Key{{ID: "a"}, {ID: "b"}}[:test.matches], func(k *fhir.Key) string { return k.ID })
		if (existing != nil) != test.existing || test.existing && existing.ID != "a" || !errors.Is(err, test.want) {
			t.Errorf("%s: %v, %v", test.name, existing, err)
		}
	}
}

func TestRefused(t *testing.T) {
	var op *OpError
	if err := Refused(3, TwiceError(&Op{})); !errors.As(err, &op) || op.Index != 3 || !errors.Is(err, ErrConflict) {
		t.Errorf("a refusal: %v", err)
	}
	if err := Refused(3, context.Canceled); err != context.Canceled {
		t.Errorf("the end of a context: %v", err)
	}
	if err := Refused(3, nil); err != nil {
		t.Errorf("no error: %v", err)
	}
}

func TestRepeated(t *testing.T) {
	a, b := Op{Key: fhir.Key{Type: "Patient", ID: "a"}}, Op{Key: fhir.Key{Type: "Patient", ID: "b"}}
	for want, ops := range map[int][]Op{-1: {a, b}, 2: {a, b, a, b}, 1: {b, b}} {
		if got := Repeated(ops); got != want {
			t.Errorf("%d operations: %d, want %d", len(ops), got, want)
		}
	}
}
