package patch_test

import (
	"errors"
	"testing"

	"github.com/firth-health/firth/fhir"
)

// checkOutcome checks that err is an OperationOutcome of one issue, and returns that.
func checkOutcome(t *testing.T, err error) fhir.Issue {
	t.Helper()
	var o *fhir.OperationOutcome
	if !errors.As(err, &o) || len(o.Issues) != 1 || o.Issues[0].Severity != fhir.Error || o.Issues[0].Diagnostics == "" {
		t.Fatalf("got %v, want an OperationOutcome of one error", err)
	}
	return o.Issues[0]
}
