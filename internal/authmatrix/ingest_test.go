package authmatrix

import (
	"fmt"
	"strings"
	"testing"

	"github.com/firth-health/firth/adapters/catalog"
	"github.com/firth-health/firth/server"
)

// ingest lets everybody send payloads of devices: new, again, and corrected. Who may not is told nothing of what is there.
func ingest(t *testing.T, cases tally) {
	list, byName := everyCaller(), map[string]*caller{}
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
	for i := range list {
		cases.add("ingest", list[i].class)
		want := 403
		if contains := list[i].name == "gateway" || list[i].admin || list[i].name == "user doctor" || list[i].name == "user p2" || list[i].name == "system labs"; contains {
			want = 200
		}
		if got := w.do(t, list[i].name, &request{method: "GET", path: "/ingest"}); got.status != want {
			t.Errorf("%s lists the adapters: %v, want %d", list[i].name, &got, want)
		}
	}
}
