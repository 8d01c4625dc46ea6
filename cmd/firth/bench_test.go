package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/search"
)

// A directory after --store is a mistake: the benchmark would not touch it.
func TestBenchStoreIsMongoDB(t *testing.T) {
	_, stderr, code := firth(t, "", "bench", "create", "--store", t.TempDir())
	if code != 2 || !strings.Contains(stderr, "--store takes a mongodb:// or mongodb+srv:// URI") {
		t.Errorf("exit %d, %s", code, stderr)
	}
}

func TestQueriesOf(t *testing.T) {
	got, err := queriesOf([]string{"/fhir/Observation/x", "/fhir/Observation?patient=p&_sort=-date&_count=20"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(search.Query{Type: "Observation", Plan: search.IDs{"x"}}, got[0]); diff != "" {
		t.Error(diff)
	}
	if q := got[1]; q.Type != "Observation" || q.Count != 20 || len(q.Sort) != 1 || !q.Sort[0].Descending {
		t.Errorf("%+v", q)
	}
}

// Every request of the scale measurement gets an answer, on a store that is filled, kept and found again.
func TestBenchScale(t *testing.T) {
	kept := t.TempDir() + "/store"
	for _, filled := range []string{", filled at ", ""} {
		stdout, stderr, code := firth(t, "", "bench", "scale", "--resources", "2000", "--long", "300", "--duration", "30ms", "--warmup", "0", "--clients", "2", "--keep", kept)
		if code != 0 || !strings.Contains(stdout, "2000 Observations and 300 of one more patient, ") || strings.Contains(stdout, ", filled at ") != (filled != "") {
			t.Fatalf("exit %d, %s%s", code, stdout, stderr)
		}
		for _, row := range []string{"read by id", "chain", "$lastn of a patient", "long history: $stats", "long history: $stats of a day"} {
			if !strings.Contains(stdout, row) {
				t.Errorf("no row %q in\n%s", row, stdout)
			}
		}
	}
}
