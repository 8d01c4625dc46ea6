package authmatrix

import (
	"fmt"
	"strings"
	"testing"

	"github.com/firth-health/firth/adapters/catalog"
	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/server"
)

// ingest lets everybody send payloads of devices: new, again, and corrected. Who may not is told nothing of what is there.
func ingest(t *testing.T, cases tally) {
	list, byName := append(everyCaller(), caller{name: "laboratories", class: "system/", claims: auth.Claims{Subject: "c", Client: "c", Scope: "system/Observation.c?" + labs}, rules: []rule{{of: all, types: "Observation", letters: "c", within: hasLab}}}), map[string]*caller{}
	for i := range list {
		byName[list[i].name] = &list[i]
	}
	adapters, err := catalog.Adapters()
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, byName, func(c *server.Config) { c.Adapters = adapters })
	payload := func(value int) string {
		return fmt.Sprintf(`{"device":{"serial":"FV-1","model":"Spot 3","manufacturer":"F"},"patient":"MRN-1","readings":[{"t":"2026-01-05T08:15:00Z","type":"heart-rate","value":%d,"unit":"/min"}]}`, value)
	}
	send := func(name string, value int) answer {
		return w.do(t, name, &request{method: "POST", path: "/ingest/vitals", body: payload(value), contentType: "application/json"})
	}
	all := []string{"user doctor", "administrator", "system all"}
	expect := func(when string, value, status int, names ...string) {
		t.Helper()
		for i := range list {
			name, want := list[i].name, 403
			for _, one := range names {
				if one == name {
					want = status
				}
			}
			cases.add("ingest", list[i].class)
			if got := send(name, value); got.status != want || want == 403 && (!strings.Contains(got.body, `"forbidden"`) || strings.Contains(got.body, "Patient/")) {
				t.Errorf("%s, %s: %v, want %d", when, name, &got, want)
			}
		}
	}
	for i := range list { // nothing is there
		if c := &list[i]; c.name != "gateway" && c.name != "user doctor" && !c.admin {
			cases.add("ingest", c.class)
			if got := send(c.name, 70); got.status != 403 {
				t.Errorf("%s sends a reading: %v", c.name, &got)
			}
		}
	}
	if got := send("gateway", 70); got.status != 201 {
		t.Fatalf("the gateway sends a reading: %v", &got)
	}
	expect("it is there", 70, 200, append(all, "gateway")...)
	if got := send("system all", 71); got.status != 201 {
		t.Fatalf("a correction: %v", &got)
	}
	expect("an older one comes again", 71, 200, append(all, "gateway")...)
	if got := send("gateway", 72); got.status != 403 {
		t.Errorf("the gateway corrects a reading without the letter u: %v", &got)
	}
	sendLimited(t, w, payload(70), cases)
	sendDenied(t, w, payload(70), cases)
	for i := range list {
		cases.add("ingest", list[i].class)
		want := 403
		if contains := list[i].name == "gateway" || list[i].admin || list[i].name == "user doctor" || list[i].name == "user p2" || list[i].name == "system labs" || list[i].name == "laboratories"; contains {
			want = 200
		}
		if got := w.do(t, list[i].name, &request{method: "GET", path: "/ingest"}); got.status != want {
			t.Errorf("%s lists the adapters: %v, want %d", list[i].name, &got, want)
		}
	}
}

// sendLimited sends payloads about what is there and what is not on behalf of those who may record for one patient, or one kind of reading: the refusal does not tell one from the other.
func sendLimited(t *testing.T, w *world, payload string, cases tally) {
	patients := map[string]string{"once": "MRN-2", "twice0": "MRN-3", "twice1": "MRN-3"}
	for _, id := range []string{"once", "twice0", "twice1"} {
		r := request{method: "PUT", path: "Patient/" + id, body: fmt.Sprintf(`{"resourceType":"Patient","id":%q,"identifier":[{"system":"urn:firth:adapter:vitals:patient","value":%q}]}`, id, patients[id])}
		if got := w.do(t, token, &r); got.status != 201 {
			t.Fatal(got.String())
		}
	}
	send := func(name, text string) answer {
		return w.do(t, name, &request{method: "POST", path: "/ingest/vitals", body: text, contentType: "application/json"})
	}
	if got := send("gateway", strings.ReplaceAll(payload, "MRN-1", "MRN-4")); got.status != 201 {
		t.Fatal(got.String())
	}
	made := keysNamed(w.do(t, token, &request{method: "GET", path: "Patient?identifier=MRN-4"}))
	for _, key := range made { // whose planned id is taken by now, though not under that identifier
		r := request{method: "PUT", path: key, body: fmt.Sprintf(`{"resourceType":"Patient","id":%q}`, strings.TrimPrefix(key, "Patient/"))}
		if got := w.do(t, token, &r); got.status != 200 {
			t.Fatal(got.String())
		}
	}
	for _, name := range []string{"user p2", "laboratories"} {
		nothing := send(name, strings.NewReplacer("MRN-1", "MRN-9", "FV-1", "FV-9").Replace(payload))
		for _, text := range []string{
			payload, strings.ReplaceAll(payload, "MRN-1", "MRN-2"), strings.ReplaceAll(payload, "MRN-1", "MRN-3"), strings.ReplaceAll(payload, "MRN-1", "MRN-4"), strings.ReplaceAll(payload, "MRN-1", "MRN-9"),
			strings.ReplaceAll(payload, "FV-1", "FV-9"), strings.ReplaceAll(payload, "2026-01-05", "2026-01-06"), strings.ReplaceAll(payload, `"value":70`, `"value":99`),
		} {
			cases.add("ingest", "user/")
			if got := send(name, text); got.status != 403 || got.body != nothing.body {
				t.Errorf("%s sends %s: %v, and of what is not there: %v", name, text, &got, &nothing)
			}
		}
	}
}

// sendDenied has a patient deny that data are collected: those of others go on being recorded, also of one who is new.
func sendDenied(t *testing.T, w *world, payload string, cases tally) {
	made := keysNamed(w.do(t, token, &request{method: "GET", path: "Patient?identifier=MRN-1"}))
	if len(made) != 1 {
		t.Fatal(made)
	}
	w.deny(t, []policy{{patient: strings.TrimPrefix(made[0], "Patient/"), root: provision{letters: "cud"}}})
	for patient, status := range map[string]int{"MRN-1": 403, "MRN-2": 201, "MRN-7": 201} {
		cases.add("ingest", "system/")
		text := strings.NewReplacer("MRN-1", patient, "2026-01-05", "2026-03-05").Replace(payload)
		if got := w.do(t, "gateway", &request{method: "POST", path: "/ingest/vitals", body: text, contentType: "application/json"}); got.status != status {
			t.Errorf("of %s: %v, want %d", patient, &got, status)
		}
	}
}
