package search

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestConjuncts(t *testing.T) {
	a, b, c := OneKey("a"), OneKey("b"), Or{OneKey("c"), OneKey("d")}
	for _, test := range []struct {
		name string
		plan Plan
		want []Plan
	}{
		{"everything", All{}, nil},
		{"one", a, []Plan{a}},
		{"nested", And{a, And{Or{And{b}}, All{}}, c}, []Plan{a, b, c}},
		{"nothing", Or{}, []Plan{Or{}}},
	} {
		if diff := cmp.Diff(test.want, Conjuncts(nil, test.plan)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestFollowsReferences(t *testing.T) {
	for _, test := range []struct {
		plan Plan
		want bool
	}{
		{All{}, false}, {And{OneKey("a"), Not{IDs{"x"}}}, false},
		{Ref{Of: All{}}, true}, {And{OneKey("a"), Or{Not{RevRef{Of: All{}}}}}, true},
	} {
		if got := FollowsReferences(test.plan); got != test.want {
			t.Errorf("%s: %v", Explain(test.plan), got)
		}
	}
}

func TestKeyLists(t *testing.T) {
	keys := []string{"a\x01r", "b\x01rPatient/", "b\x01rPatient/1", "b\x01rPatient/2/x", "b\x01rPatient/3", "b\x01rPatients/4", "c"}
	if diff := cmp.Diff(keys[1:6], KeysUnder(keys, "b\x01r")); diff != "" {
		t.Error(diff)
	}
	if got := KeysUnder(keys, "bb"); len(got) != 0 {
		t.Errorf("keys under what is not there: %q", got)
	}
	if diff := cmp.Diff(append([]string{"a\x01r", "b"}, keys[1:]...), WithKey(keys, "b")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(keys, WithKey(keys, "c")); diff != "" {
		t.Error(diff)
	}
	if key, ok := ExactKey(OneKey("c")); key != "c" || !ok {
		t.Errorf("ExactKey: %q, %v", key, ok)
	}
	if diff := cmp.Diff([]string{"1", "3"}, ReferencedIDs(keys, "b", "Patient")); diff != "" {
		t.Error(diff)
	}
}
