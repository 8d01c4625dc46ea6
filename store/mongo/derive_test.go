package mongo

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

func TestDeriveHot(t *testing.T) {
	const (
		day  = "date\x01l20240305000000000000\x0120240306000000000000"
		next = "date\x01l20240306000000000000\x0120240307000000000000"
		year = "date\x01l20240101000000000000\x0120250101000000000000"
	)
	at := func(key string) string { return key[len("date\x01l"):] + "\x010000000000000009" }
	for _, tt := range []struct {
		name string
		typ  string
		keys []string
		want hotParts
	}{
		{"vital sign", "Observation", []string{"category\x01tvital\x01S", "code\x01t8867-4\x01L", day, "subject\x01rPatient/1"},
			hotParts{"Patient/1", []string{"*", "code\x01t8867-4", "code\x01t8867-4\x01L", "category\x01tvital", "category\x01tvital\x01S"}, at(day), false}},
		{"one code in two systems", "Observation", []string{"code\x01thr\x01A", "code\x01thr\x01B", "code\x01tx\x01", "subject\x01rPatient/1"},
			hotParts{"Patient/1", []string{"*", "code\x01thr", "code\x01thr\x01A", "code\x01thr\x01B", "code\x01tx", "code\x01tx\x01"}, "", false}},
		{"two times", "Observation", []string{day, next, "subject\x01rPatient/1"}, hotParts{"Patient/1", []string{"*", "**"}, at(next), true}},
		{"a long time", "Observation", []string{year, "subject\x01rPatient/1"}, hotParts{"Patient/1", []string{"*", "**"}, at(year), true}},
		{"a long time and a code", "Observation", []string{"code\x01tx\x01", year, "subject\x01rPatient/1"}, hotParts{"Patient/1", []string{"*", "code\x01tx", "code\x01tx\x01", "**", "*code\x01tx", "*code\x01tx\x01"}, at(year), true}},
		{"a patient and a version of him", "Observation", []string{day, "subject\x01rPatient/1", "subject\x01rPatient/1/_history/2"}, hotParts{"Patient/1", []string{"*"}, at(day), false}},
		{"nobody", "Observation", []string{"code\x01thr\x01A", day}, hotParts{}},
		{"a token without a separator", "Observation", []string{"code\x01thr", "subject\x01rPatient/1"}, hotParts{"Patient/1", []string{"*"}, "", false}},
		{"another type", "Patient", []string{day, "subject\x01rPatient/1"}, hotParts{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, deriveHot(tt.typ, tt.keys, 9), cmp.AllowUnexported(hotParts{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestDeriveOrder(t *testing.T) {
	got := deriveOrder([]string{"_text\x01wword", "a.1\x01tx\x01s", "code\x01T1", "code\x01tb\x01", "code\x01ta\x01", "code\x01tc\x01", "date\x01h9", "date\x01l1", "plain", "v\x01l2", "v\x01n1"})
	want := []sortValue{{"a/1", "x\x01s", "x\x01s"}, {"code", "a\x01", "c\x01"}, {"date", "1", "1"}, {"v", "1", "2"}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(sortValue{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestClaims(t *testing.T) {
	exact := func(key string) search.Keys { return search.Keys{Lo: key, Hi: key + "\x00"} }
	prefix := search.Keys{Lo: "i\x01t1", Hi: "i\x01t2"}
	op := func(typ string, plan search.Plan) store.Op {
		return store.Op{IfNoneExist: &search.Query{Type: typ, Plan: plan}}
	}
	share := func(a, b search.Plan) bool {
		both := claims([]store.Op{op("Patient", a), op("Patient", b)})
		return len(both) < len(claims([]store.Op{op("Patient", a)}))+len(claims([]store.Op{op("Patient", b)}))
	}
	for _, tt := range []struct {
		name string
		a, b search.Plan
		want bool
	}{
		{"same key", exact("i\x01t1"), exact("i\x01t1"), true},
		{"other keys", exact("i\x01t1"), exact("i\x01t2"), false},
		{"a key and more", exact("i\x01t1"), search.And{exact("i\x01t1"), prefix}, true},
		{"the second of two keys", exact("j\x01t1"), search.And{exact("i\x01t1"), exact("j\x01t1")}, true},
		{"one of several", exact("j\x01t1"), search.Or{exact("i\x01t1"), exact("j\x01t1")}, true},
		{"same id", search.IDs{"a"}, search.IDs{"b", "a"}, true},
		{"neither has a key", prefix, search.Not{Of: exact("i\x01t1")}, true},
		{"a choice without a key", search.Or{exact("i\x01t1"), prefix}, search.All{}, true},
	} {
		if got := share(tt.a, tt.b); got != tt.want {
			t.Errorf("%s: share a claim: %v", tt.name, got)
		}
	}
	if n := len(claims([]store.Op{op("Patient", exact("i\x01t1")), op("Group", exact("i\x01t1")), {}})); n != 2 {
		t.Errorf("%d claims of two types", n)
	}
}
