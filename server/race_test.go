package server

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
)

// TestConditionalCreateRaces has many clients create one resource at once, alone and in transactions.
func TestConditionalCreateRaces(t *testing.T) {
	f := newFixture(t)
	const clients, rounds = 32, 10
	var created atomic.Int64
	var wait sync.WaitGroup
	for client := range clients {
		wait.Go(func() {
			for round := range rounds {
				patient := fmt.Sprintf(`{"resourceType":"Patient","identifier":[{"system":"mrn","value":"%d"}]}`, round)
				if client%2 == 0 {
					got := f.do("POST", "/Patient", patient, "If-None-Exist", fmt.Sprintf("identifier=mrn|%d", round))
					if got.status == 201 {
						created.Add(1)
					} else if got.status != 200 {
						t.Error(got.status, got.body)
					}
					continue
				}
				got := f.do("POST", "", bundleOf("transaction",
					requestEntry("urn:uuid:p", patient, "POST", "Patient", "ifNoneExist", fmt.Sprintf("identifier=mrn|%d", round)),
					requestEntry("", `{"resourceType":"Basic","subject":{"reference":"urn:uuid:p"}}`, "POST", "Basic")))
				if got.status != 200 {
					t.Error(got.status, got.body)
					continue
				}
				if parseBundle(t, got.body).Entry[0].Response.Status == "201 Created" {
					created.Add(1)
				}
			}
		})
	}
	wait.Wait()
	if created.Load() != rounds {
		t.Errorf("%d created, want %d", created.Load(), rounds)
	}
	f.run(t, []step{
		{name: "one patient a round", method: "GET", path: "/Patient?_summary=count", status: 200, answer: fmt.Sprintf(`..."total":%d,`, rounds)},
		{name: "every transaction happened", method: "GET", path: "/Basic?_summary=count", status: 200, answer: fmt.Sprintf(`..."total":%d,`, clients/2*rounds)},
	})
	for round := range rounds {
		b := parseBundle(t, f.do("GET", fmt.Sprintf("/Patient?identifier=mrn|%d", round), "").body)
		if len(b.Entry) != 1 {
			t.Fatalf("%d patients of round %d", len(b.Entry), round)
		}
		count := f.do("GET", "/Basic?_summary=count&subject=Patient/"+b.ids()[0], "")
		if got := *parseBundle(t, count.body).Total; got != clients/2 {
			t.Errorf("%d resources refer to the patient of round %d, want %d", got, round, clients/2)
		}
	}
}

// TestUpdatesRace has clients update one resource with If-Match: each version is made once.
func TestUpdatesRace(t *testing.T) {
	f := newFixture(t)
	const clients, rounds = 8, 20
	const body = `{"resourceType":"Basic","id":"b"}`
	f.do("PUT", "/Basic/b", body)
	var won atomic.Int64
	var wait sync.WaitGroup
	for range clients {
		wait.Go(func() {
			for version := 1; version <= rounds; version++ {
				switch got := f.do("PUT", "/Basic/b", body, "If-Match", fmt.Sprintf(`W/"%d"`, version)); got.status {
				case 200:
					won.Add(1)
				case 412:
				default:
					t.Error(got.status, got.body)
				}
			}
		})
	}
	wait.Wait()
	f.run(t, []step{{name: "one version a win", method: "GET", path: "/Basic/b", status: 200, want: []string{fmt.Sprintf(`ETag: W/"%d"`, 1+won.Load())}, answer: "*"}})
}
