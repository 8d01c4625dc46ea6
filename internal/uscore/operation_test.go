package uscore

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// call is an operation as it is called, and the ids that it must answer; in their order.
type call struct {
	name, method, path, body string
	want                     string
}

// calls asks for seeds of DocumentReference: the current documents of the patient, the newest first. Seeds of one date stand in reversed order of creation (docs/adr/0003).
func calls() []call {
	const (
		doc  = "DocumentReference/$docref"
		ann  = doc + "?patient=ann"
		body = `{"resourceType":"Parameters","parameter":[{"name":"patient","valueId":"ann"},{"name":"type","valueCoding":{"system":"http://loinc.org","code":"18842-5"}}]}`
	)
	return []call{
		{"docref", http.MethodGet, ann + "&start=2024-05-10T08:30:01Z&end=2024-05-10T09:00:00Z", "", "date-after contenttype-other period-open type-absent type-system type-other category-absent category-system category-other second first date-before date-absent"},
		{"docref", http.MethodGet, ann + "&start=2024-05-10T11:30:00%2B02:00", "", "period-open period-after"},
		{"docref", http.MethodGet, ann + "&end=2024-05-10T09:59:59%2B02:00", "", "period-before"},
		{"docref", http.MethodGet, ann + "&type=http://loinc.org%7C18842-5", "", "type-other"},
		{"docref", http.MethodPost, doc, body, "type-other"},
		{"docref", http.MethodGet, ann + "&type=34133-9&start=2024-05-11", "", "period-open"},
		{"docref", http.MethodGet, doc + "?patient=bob", "", "patient-bob"},
		{"docref", http.MethodGet, ann + "&on-demand=true", "", ""},
		{"docref", http.MethodGet, doc + "?patient=nobody", "", ""},
		{"expand", http.MethodGet, "ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/administrative-gender", "", ""},
	}
}

// operate calls the operations.
func (r *run) operate(t *testing.T, c *client) {
	t.Helper()
	for _, call := range calls() {
		var body []byte
		if call.body != "" {
			body = []byte(call.body)
		}
		problem := call.compare(t, c.send(t, call.method, call.path, body))
		for _, req := range r.all {
			switch {
			case req.kind != "operation" || req.what != call.name:
			case problem != "":
				r.note(req, call.path+": "+problem)
			default:
				r.note(req)
			}
		}
	}
}

// compare says what is wrong with an answer; nothing when it is right.
func (o call) compare(t *testing.T, got answer) string {
	t.Helper()
	if got.status != http.StatusOK {
		return fmt.Sprintf("%d %s", got.status, got.body)
	}
	var ids []string
	for _, key := range got.bundle(t).keys("match") {
		_, id, _ := strings.Cut(key, "/")
		ids = append(ids, id)
	}
	if want := strings.Fields(o.want); !slices.Equal(want, ids) {
		return "ids (-want +got):\n" + cmp.Diff(want, ids)
	}
	return ""
}
