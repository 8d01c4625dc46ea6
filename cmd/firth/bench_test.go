package main

import (
	"strings"
	"testing"
)

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
