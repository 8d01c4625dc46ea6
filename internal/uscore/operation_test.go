package uscore

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// call is an operation as it is called, and the ids, or of $expand the codes, that it must answer; in their order.
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
		{"expand", http.MethodGet, "ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/administrative-gender", "", "male female other unknown"},
		{"expand", http.MethodGet, "ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/administrative-gender&filter=ma&count=1", "", "male"},
		{"expand", http.MethodPost, "ValueSet/$expand", vitalSigns, "59576-9 8289-1 77606-2 59408-5 3150-0 3151-8 85353-1 9279-1 8867-4 2708-6 8310-5 8302-2 9843-4 29463-7 39156-5 85354-9 8480-6 8462-4 8478-0"},
	}
}

// vitalSigns is us-core-vital-signs, which US Core composes of its own codes and a value set of R4.
const vitalSigns = `{"resourceType":"ValueSet","url":"http://hl7.org/fhir/us/core/ValueSet/us-core-vital-signs","status":"active","compose":{"include":[
	{"system":"http://loinc.org","concept":[{"code":"59576-9"},{"code":"8289-1"},{"code":"77606-2"},{"code":"59408-5"},{"code":"3150-0"},{"code":"3151-8"}]},
	{"valueSet":["http://hl7.org/fhir/ValueSet/observation-vitalsignresult"]}]}}`

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
	if o.name == "expand" {
		ids = got.expanded(t)
	} else {
		for _, key := range got.bundle(t).keys("match") {
			_, id, _ := strings.Cut(key, "/")
			ids = append(ids, id)
		}
	}
	if want := strings.Fields(o.want); !slices.Equal(want, ids) {
		return "ids (-want +got):\n" + cmp.Diff(want, ids)
	}
	return ""
}

// expanded lists the codes of an expansion.
func (a answer) expanded(t *testing.T) []string {
	t.Helper()
	var set struct {
		Expansion struct{ Contains []struct{ Code string } }
	}
	if err := json.Unmarshal(a.body, &set); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	var codes []string
	for _, c := range set.Expansion.Contains {
		codes = append(codes, c.Code)
	}
	return codes
}
