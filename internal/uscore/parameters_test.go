package uscore

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// searchParameter is what the tests read of a SearchParameter.
type searchParameter struct {
	ResourceType, ID, URL, Code, Type, Expression string
	Base                                          []string
	text                                          []byte
}

// readParameters reads the SearchParameters of US Core that are not in R4.
func readParameters(t *testing.T) []searchParameter {
	t.Helper()
	data, err := os.ReadFile("testdata/searchparameters.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	var list []searchParameter
	for line := range strings.Lines(string(data)) {
		p := searchParameter{text: []byte(line)}
		if err := json.Unmarshal(p.text, &p); err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
	return list
}

// defineParameters creates the SearchParameters and waits until the CapabilityStatement declares them.
func (c *client) defineParameters(t *testing.T) {
	t.Helper()
	list := readParameters(t)
	for _, p := range list {
		if got := c.send(t, http.MethodPut, "SearchParameter/"+p.ID, p.text); got.status != http.StatusCreated {
			t.Fatalf("%s: %d %s", p.ID, got.status, got.body)
		}
	}
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(10 * time.Millisecond) {
		missing := ""
		resources := c.declared(t)
		for _, p := range list {
			if !resources[p.Base[0]].has(requirement{kind: "parameter", what: p.Code}) {
				missing += " " + p.ID
			}
		}
		if missing == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not declared:%s", missing)
		}
	}
}
