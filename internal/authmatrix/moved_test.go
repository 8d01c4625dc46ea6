package authmatrix

import (
	"fmt"
	"strings"
	"testing"
)

// askMoved is about resources that belonged to one patient and then to another. A version is shown to whom it belongs, if the resource still does: what was filed
// under the wrong patient is gone from there with its history.
func askMoved(t *testing.T, cases tally) {
	whole, everybody := written(seedDirectory, seedMoved), callers()
	byName := map[string]*caller{}
	for i := range everybody {
		byName[everybody[i].name] = &everybody[i]
	}
	w := newWorld(t, byName)
	w.fill(t, whole, whole)
	for _, name := range []string{"p1 all", "p1 reads all", "p1 v1", "p2 all", "p3 without data", "p1 Observations", "p1 vital signs", "user p2", "user doctor", "user doctor vital signs", "administrator", "system all", "system labs"} {
		c := byName[name]
		if c == nil { // on FerretDB
			continue
		}
		seen := c.sees(whole, "r")
		check := func(path string, want int, versions ...version) {
			t.Helper()
			cases.add("moved", c.class)
			r := request{method: "GET", path: path}
			got := w.do(t, name, &r)
			if got.status != want {
				t.Errorf("%s asks %s: %d, want %d: %.300s", name, path, got.status, want, got.body)
			}
			if want != 200 {
				return
			}
			if a, b := keptIn(t, got), describe(versions); a != b {
				t.Errorf("%s asks %s\nwant %s\ngot  %s", name, path, b, a)
			}
		}
		for _, key := range []string{"Observation/came", "Observation/went", "Observation/back"} {
			of := only(seen, key)
			current, status := newestContent(whole, key, len(whole)), 404
			if len(of) > 0 {
				status = 200
			}
			check(key+"/_history", status, of...)
			for i := 1; i <= current.number; i++ {
				v, status := only(whole, key)[i-1], 404
				if contains(of, v) {
					status = 200
					if v.body == "" {
						status = 410
					}
				}
				got := w.do(t, name, &request{method: "GET", path: fmt.Sprintf("%s/_history/%d", key, i)})
				if cases.add("moved", c.class); got.status != status {
					t.Errorf("%s asks version %d of %s: %d, want %d", name, i, key, got.status, status)
				}
			}
		}
		observations := []version{}
		for _, v := range seen {
			if v.typ() == "Observation" {
				observations = append(observations, v)
			}
		}
		check("Observation/_history", 200, observations...)
	}
}

func only(versions []version, key string) (of []version) {
	for _, v := range versions {
		if v.key == key {
			of = append(of, v)
		}
	}
	return of
}

func contains(versions []version, v version) bool {
	for _, one := range versions {
		if one == v {
			return true
		}
	}
	return false
}

// describe names versions, the newest first.
func describe(versions []version) string {
	var names []string
	for i := len(versions) - 1; i >= 0; i-- {
		names = append(names, fmt.Sprintf("%s/%d", versions[i].key, versions[i].number))
	}
	return strings.Join(names, " ")
}
