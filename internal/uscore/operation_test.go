package uscore

import (
	"fmt"
	"net/http"
	"testing"
)

// operate calls the operations.
func (r *run) operate(t *testing.T, c *client) {
	t.Helper()
	calls := map[string]string{"docref": "DocumentReference/$docref?patient=ann", "expand": "ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/administrative-gender"}
	for _, req := range r.all {
		if req.kind != "operation" {
			continue
		}
		if got := c.send(t, http.MethodGet, calls[req.what], nil); got.status != http.StatusOK {
			r.note(req, fmt.Sprintf("%d %s", got.status, got.body))
		} else {
			r.note(req)
		}
	}
}
