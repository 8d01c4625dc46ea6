package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/firth-health/firth/fhir/spec/internal/wire"
)

// valueSet is what is read of a ValueSet to find its code systems.
type valueSet struct {
	URL     string
	Compose struct{ Include []valueSetInclude }
}

type valueSetInclude struct {
	System   string
	ValueSet []string
}

// systemFinder finds the code systems that value sets draw from.
type systemFinder struct {
	sets    map[string]valueSet
	visited map[string]bool // on the way to the set being looked at
}

// findSystems returns the value sets that draw from one code system, sorted by URL. An include of another value set counts
// with the systems of that one; a value set that includes an unknown one is left out, as its systems cannot be known.
func findSystems(resources []*object) ([]wire.System, error) {
	f := systemFinder{sets: map[string]valueSet{}}
	for _, r := range resources {
		if r.text("resourceType") != "ValueSet" {
			continue
		}
		var v valueSet
		if err := json.Unmarshal(r.bytes(), &v); err != nil {
			return nil, fmt.Errorf("ValueSet/%s: %w", r.text("id"), err)
		}
		f.sets[v.URL] = v
	}
	var found []wire.System
	for _, url := range slices.Sorted(maps.Keys(f.sets)) {
		f.visited = map[string]bool{}
		systems := map[string]bool{}
		if f.collect(url, systems) && len(systems) == 1 {
			for system := range systems {
				found = append(found, wire.System{ValueSet: url, System: system})
			}
		}
	}
	return found, nil
}

// collect adds the systems of a value set; false when they cannot be known.
func (f *systemFinder) collect(url string, systems map[string]bool) bool {
	url, _, _ = strings.Cut(url, "|")
	set, ok := f.sets[url]
	if !ok || f.visited[url] {
		return false
	}
	f.visited[url] = true
	defer delete(f.visited, url)
	for _, include := range set.Compose.Include {
		if include.System != "" {
			systems[include.System] = true // value sets beside a system only narrow it
			continue
		}
		for _, other := range include.ValueSet {
			if !f.collect(other, systems) {
				return false
			}
		}
	}
	return true
}
