package e2e

import (
	"strings"
	"testing"

	"github.com/firth-health/firth/internal/teststore"
)

// pairs holds the Observations of a store against the events that say they were created: on the embedded store, where both are one commit, none is without the other, whenever the server was killed.
// On a database the event follows the write, so that it is missing of some that nobody was told of.
func pairs(t *testing.T, store string, events map[string]string) {
	t.Helper()
	p := launch(t, append([]string{"serve", "--dev", "--listen", "127.0.0.1:0", "--store", store}, teststore.Flags()...)...)
	p.Await(t, "ready ")
	base := p.Line(t, "ready ")
	created := map[string]bool{}
	for _, key := range events {
		created[key] = true
	}
	found := 0
	for page := base + "/Observation?_elements=id&_count=1000"; page != ""; {
		bundle := ask(t, 200, "GET", page, "")
		for entry := range bundle.Get("entry").Children() {
			key := "Observation/" + entry.Path("resource", "id").Text()
			if found++; created[key] {
				delete(created, key)
			} else if !teststore.MongoDB() {
				t.Errorf("%s is there without an event", key)
			}
		}
		page = ""
		for link := range bundle.Get("link").Children() {
			if link.Get("relation").TextIs("next") {
				page = link.Get("url").Text()
			}
		}
	}
	for key := range created {
		if strings.HasPrefix(key, "Observation/") {
			t.Errorf("%s has an event and is not there", key)
		}
	}
	t.Logf("%d Observations there", found)
	if code := p.Stop(t); code != 0 {
		t.Error("exit", code)
	}
}
