package e2e

import (
	"sync"
	"sync/atomic"
	"testing"
)

// 64 clients do the same conditional create, each a hundred times: one resource, and everybody is told the same (R4 http.html#ccreate).
func TestConditionalCreateRace(t *testing.T) {
	p := serve(t, place(t))
	const clients, times = 64, 100
	var created, found atomic.Int64
	var ids sync.Map
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for range times {
				status, header, body, err := request("POST", p.Base+"/Patient", `{"resourceType":"Patient","identifier":[{"system":"urn:race","value":"1"}]}`,
					"If-None-Exist", "identifier=urn:race|1")
				switch {
				case err != nil:
					t.Error(err)
					return
				case status == 201:
					created.Add(1)
				case status == 200:
					found.Add(1)
				default:
					t.Errorf("status %d: %.300s", status, body)
					return
				}
				ids.Store(header.Get("Location"), true)
			}
		})
	}
	all.Wait()
	if created.Load() != 1 || found.Load() != clients*times-1 {
		t.Errorf("%d created, %d found", created.Load(), found.Load())
	}
	different := 0
	ids.Range(func(any, any) bool { different++; return true })
	if different != 1 {
		t.Errorf("%d different locations", different)
	}
	if got := count(t, p.Base, "Patient?identifier=urn:race|1"); got != "1" {
		t.Errorf("%s resources", got)
	}
}
