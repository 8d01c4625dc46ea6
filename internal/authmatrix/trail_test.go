package authmatrix

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/audit"
	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/server"
)

// readTrail lets patients read what the audit trail says: the events that name them, whoever made them, and none of others.
func readTrail(t *testing.T, cases tally) {
	whole := slices.DeleteFunc(seed(), func(v version) bool { return v.typ() == "AuditEvent" })
	reader := func(patient string) caller {
		return caller{name: patient + " reads the trail", class: "patient/Type", claims: auth.Claims{Subject: "u", Client: "app", Patient: patient, Scope: "patient/AuditEvent.rs patient/Patient.rs"},
			rules: []rule{{of: patient, types: "AuditEvent Patient", letters: "rs"}}}
	}
	readers := []caller{reader("p1"), reader("p2"), reader("p3"), reader("p9")}
	var hours atomic.Int64
	w := shared(t, append(everyCaller(), readers...), whole, func(c *server.Config) {
		clock := func() time.Time { return begin.AddDate(0, 6, 0).Add(time.Duration(hours.Load()) * time.Hour) }
		trail, err := audit.Open(t.Context(), audit.Options{Store: c.Store, BaseURL: base, Version: "1", Clock: clock})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := trail.Close(context.WithoutCancel(t.Context())); err != nil {
				t.Error(err)
			}
		})
		c.Store, c.Auditor = audit.Over(c.Store, trail, c.Search), trail
	})
	hours.Add(1)
	for _, name := range []string{"user doctor", "p1 all", "p2 all", "system labs", "no scopes"} {
		for _, path := range []string{"Patient/p1", "Patient/p2", "Patient/p3", "Observation/o1", "Observation/o9", "Observation/o10", "Observation/absent", "Observation?code=8867-4", "Patient?_id=p1,p2", "Observation?subject=Patient/p2", "Observation/o9/_history", "Patient/p2/$everything", "Condition?_content=secret2", "DeviceMetric/dm2"} {
			w.do(t, name, &request{method: "GET", path: path})
		}
		w.do(t, name, &request{method: "POST", path: "Observation", body: ofP1().json("")})
		w.do(t, name, &request{method: "PUT", path: "Observation/o9", body: ofP2().json("o9")})
		w.do(t, name, &request{method: "DELETE", path: "Observation/o8"})
	}
	hours.Add(1)
	for i := range readers {
		for _, question := range questions() {
			readEvents(t, w, &readers[i], question, cases)
		}
	}
}

// questions are about what was done before the first of them is asked.
func questions() (list []string) {
	until := "date=lt" + begin.AddDate(0, 6, 0).Add(90*time.Minute).Format(time.RFC3339)
	for _, criteria := range []string{"", "patient=p1&", "patient=p2&", "entity=Patient/p2&", "patient.name=Baker&", "agent=Practitioner/dr&", "action=R&outcome=4&", "entity=Observation/o9&"} {
		list = append(list, "AuditEvent?"+criteria+until)
	}
	return list
}

// event is an AuditEvent as far as it matters here.
type event struct {
	id, text string
	names    []string // of patients
}

// readEvents compares what a patient finds with what of all events names that patient.
func readEvents(t *testing.T, w *world, c *caller, question string, cases tally) {
	t.Helper()
	var want []string
	all := eventsOf(t, w.do(t, token, &request{method: "GET", path: question + "&_count=1000"}))
	if !strings.Contains(question, "=Patient/") && len(all) == 0 {
		t.Fatalf("%s finds nothing", question)
	}
	for _, e := range all {
		isTheirs := slices.Contains(e.names, c.claims.Patient)
		if isTheirs && (!strings.Contains(question, ".name=Baker") || c.claims.Patient == "p2") {
			want = append(want, e.id)
		}
		if question != questions()[0] {
			continue
		}
		cases.add("audit trail", c.class)
		status := map[bool]int{true: 200, false: 404}[isTheirs]
		if got := w.do(t, c.name, &request{method: "GET", path: "AuditEvent/" + e.id}); got.status != status {
			t.Errorf("%s reads an event of %v: %d, want %d", c.name, e.names, got.status, status)
		}
	}
	for _, suffix := range []string{"&_count=1000", "&_count=3", "&_count=1000&_total=accurate", "&_summary=count"} {
		cases.add("audit trail", c.class)
		r := request{method: "GET", path: question + suffix}
		a := w.do(t, c.name, &r)
		if total := fmt.Sprintf(`"total":%d,`, len(want)); strings.Contains(a.body, `"total":`) && !strings.Contains(a.body, total) || a.status != 200 {
			t.Errorf("%s asks %s: %.300s, want %s", c.name, r.path, a.String(), total)
		}
		if suffix == "&_summary=count" {
			continue
		}
		var got []string
		for _, e := range eventsOf(t, a) {
			got = append(got, e.id)
		}
		for a.next != "" {
			a = w.do(t, c.name, &request{method: "GET", path: a.next})
			for _, e := range eventsOf(t, a) {
				got = append(got, e.id)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s asks %s: %s", c.name, r.path, cmp.Diff(want, got))
		}
	}
}

// eventsOf are the AuditEvents of a page.
func eventsOf(t *testing.T, a answer) (list []event) {
	t.Helper()
	if a.status != 200 {
		t.Fatal(a.String())
	}
	for _, text := range entriesOf(t, a) {
		var entry struct {
			Resource struct {
				ID    string
				Agent []struct {
					Who struct{ Reference string }
				}
				Entity []struct {
					What struct{ Reference string }
				}
			}
		}
		if err := json.Unmarshal([]byte(text), &entry); err != nil {
			t.Fatal(err)
		}
		e := event{id: entry.Resource.ID, text: text}
		note := func(reference string) {
			if id, ok := strings.CutPrefix(reference, "Patient/"); ok {
				e.names = append(e.names, id)
			}
		}
		for _, agent := range entry.Resource.Agent {
			note(agent.Who.Reference)
		}
		for _, entity := range entry.Resource.Entity {
			note(entity.What.Reference)
		}
		list = append(list, e)
	}
	return list
}
