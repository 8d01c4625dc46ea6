package uscore

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/firth-health/firth/server"
)

// TestRequirements asks everything that the guides require of one server that holds all seeds, and compares the verdicts with docs/conformance/us-core.md.
func TestRequirements(t *testing.T) {
	c := newClient(t, server.ValidateWrites)
	all := readRequirements(t)
	files := readSeeds(t, c.base)
	c.defineParameters(t)
	for _, file := range files {
		file.seed(t, c)
	}
	run := &run{all: all, found: map[requirement]*finding{}}
	run.operate(t, c)
	for _, file := range files {
		t.Run(file.typ, func(t *testing.T) {
			run.search(t, c, file)
			run.interact(t, c, file)
		})
	}
	run.declare(t, c)
	run.judge(t)
}

// run collects what was found about each requirement.
type run struct {
	all   []requirement
	found map[requirement]*finding
}

// finding is how often a requirement was put to the test, and what was wrong.
type finding struct {
	tests    int
	problems []string
}

func (r *run) note(req requirement, problems ...string) {
	if r.found[req] == nil {
		r.found[req] = &finding{}
	}
	r.found[req].tests++
	r.found[req].problems = append(r.found[req].problems, problems...)
}

// of lists what is required of a type in one of the kinds.
func (r *run) of(typ string, kinds ...string) []requirement {
	return slices.DeleteFunc(slices.Clone(r.all), func(req requirement) bool { return req.typ != typ || !slices.Contains(kinds, req.kind) })
}

// search asks all rows of a file, and for the first row of each combination that every parameter of it decides.
func (r *run) search(t *testing.T, c *client, file *seedFile) {
	t.Helper()
	shown := map[string]bool{}
	for _, s := range file.searches() {
		problems := c.ask(t, s)
		for _, problem := range problems {
			t.Errorf("%s?%s: %s", s.typ, s.text, problem)
		}
		for _, req := range r.of(s.typ, "interaction", "parameter", "combination", "include", "revinclude", "multiple-or", "multiple-and", "prefix", "form") {
			if req.meets(r.all, s) {
				r.note(req, problems...)
			}
		}
		if asks := s.asks(); !shown[asks] && strings.Contains(asks, "+") {
			shown[asks] = true
			c.countsWithout(t, s)
		}
	}
}

// declare checks that the CapabilityStatement says of each requirement that it is met, since clients look there first.
func (r *run) declare(t *testing.T, c *client) {
	t.Helper()
	resources := c.declared(t)
	for _, req := range r.all {
		if _, isGap := gaps()[req.gap()]; !isGap && !resources[req.typ].has(req) {
			t.Errorf("the CapabilityStatement does not declare %s", req)
		}
	}
}

// declared reads the CapabilityStatement, by type.
func (c *client) declared(t *testing.T) map[string]declared {
	t.Helper()
	var statement struct {
		Rest []struct{ Resource []declared }
	}
	if err := json.Unmarshal(c.send(t, "GET", "metadata", nil).body, &statement); err != nil {
		t.Fatal(err)
	}
	resources := map[string]declared{}
	for _, resource := range statement.Rest[0].Resource {
		resources[resource.Type] = resource
	}
	return resources
}

// declared is CapabilityStatement.rest.resource.
type declared struct {
	Type                            string
	Interaction                     []struct{ Code string }
	SearchInclude, SearchRevInclude []string
	SearchParam, Operation          []struct{ Name string }
}

func (d declared) has(req requirement) bool {
	hasParam := func(name string) bool {
		return slices.ContainsFunc(d.SearchParam, func(p struct{ Name string }) bool { return p.Name == name })
	}
	param, _ := req.words()
	switch req.kind {
	case "interaction":
		return slices.ContainsFunc(d.Interaction, func(i struct{ Code string }) bool { return i.Code == req.what })
	case "operation":
		return slices.ContainsFunc(d.Operation, func(o struct{ Name string }) bool { return o.Name == req.what })
	case "include":
		name := strings.Join(strings.Split(req.what, ":")[:2], ":") // a target type narrows an include that is declared
		return slices.Contains(d.SearchInclude, name)
	case "revinclude":
		return slices.Contains(d.SearchRevInclude, req.what)
	case "combination":
		return !slices.ContainsFunc(strings.Split(req.what, "+"), func(name string) bool { return !hasParam(name) })
	}
	return hasParam(param)
}
