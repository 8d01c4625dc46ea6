package uscore

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/internal/teststore"
	"github.com/firth-health/firth/server"
)

const (
	mostOfAFile  = 150 // resources that are stored of a file
	mostQueries  = 12  // of a combination and prefix
	leastQueries = 500 // that the data are good for
)

// TestRealData searches resources of Synthea, which claim US Core's profiles, by their own values in every combination, and compares with looking at each resource.
func TestRealData(t *testing.T) {
	names, err := filepath.Glob(shared + "bulk-10-patients/*.ndjson.gz")
	if err != nil {
		t.Fatal(err)
	}
	if len(names) == 0 {
		t.Skip("no bulk data here")
	}
	c := newClient(t, server.StoreAnything) // their conditional references lead to what is not among them
	c.defineParameters(t)
	stored := map[string][]map[string]any{}
	for _, name := range names {
		for _, resource := range c.store(t, name) {
			typ, _ := resource["resourceType"].(string)
			stored[typ] = append(stored[typ], resource)
		}
	}
	elements, queries, seen := readElements(t), 0, map[string]bool{}
	for _, req := range readRequirements(t) {
		if key := req.gap(); req.kind == "combination" && !seen[key] {
			seen[key] = true
			for _, prefix := range []string{"", "ge", "gt", "le", "lt"} {
				r := realSearch{elements: elements, typ: req.typ, params: strings.Split(req.what, "+"), prefix: prefix, all: stored[req.typ]}
				queries += r.run(t, c)
			}
		}
	}
	if queries < teststore.Size(leastQueries, 100) {
		t.Errorf("only %d queries could be made", queries)
	}
}

// store puts the resources of a file and returns them.
func (c *client) store(t *testing.T, name string) (list []map[string]any) {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(plain)
	lines.Buffer(nil, 1<<24)
	for len(list) < teststore.Size(mostOfAFile, 15) && lines.Scan() {
		resource := map[string]any{}
		if err := json.Unmarshal(lines.Bytes(), &resource); err != nil {
			t.Fatal(err)
		}
		typ, _ := resource["resourceType"].(string)
		id, ok := resource["id"].(string)
		if !ok { // the log of an export is none
			break
		}
		if got := c.send(t, http.MethodPut, typ+"/"+id, lines.Bytes()); got.status != http.StatusCreated {
			t.Errorf("%s/%s: %d %s", typ, id, got.status, got.body)
			continue
		}
		list = append(list, resource)
	}
	if err := errors.Join(lines.Err(), plain.Close(), file.Close()); err != nil {
		t.Fatal(err)
	}
	return list
}

// realSearch asks one combination with one prefix for its dates.
type realSearch struct {
	elements []element
	typ      string
	params   []string
	prefix   string
	all      []map[string]any
}

// run asks with the first values of resources that have them all, and says how many queries that made.
func (r realSearch) run(t *testing.T, c *client) int {
	t.Helper()
	asked := map[string]bool{}
	for _, resource := range r.all {
		var values []value
		for _, param := range r.params {
			if found := valuesOf(r.elements, r.typ, param, resource); len(found) > 0 && found[0].text != "" {
				values = append(values, found[0])
			}
		}
		isDated := slices.ContainsFunc(values, func(v value) bool { return v.kind == "date" })
		if len(values) < len(r.params) || r.prefix != "" && !isDated {
			continue
		}
		pairs := make([][2]string, len(values))
		for i := range values {
			pairs[i] = [2]string{r.params[i], values[i].text}
			if values[i].kind == "date" {
				values[i].low, values[i].high = interval(values[i].text) // of a Period its start is asked for
				pairs[i][1] = r.prefix + values[i].text
			}
		}
		if query := form(pairs); !asked[query] && len(asked) < mostQueries {
			asked[query] = true
			if diff := cmp.Diff(r.matching(values), c.follow(t, r.typ, pairs)); diff != "" {
				t.Errorf("%s?%s (-want +got):\n%s", r.typ, query, diff)
			}
		}
	}
	return len(asked)
}

// matching looks at every resource.
func (r realSearch) matching(asked []value) (ids []string) {
	for _, resource := range r.all {
		isMatch := true
		for i, param := range r.params {
			found := valuesOf(r.elements, r.typ, param, resource)
			isMatch = isMatch && slices.ContainsFunc(found, func(v value) bool { return v.matches(r.prefix, asked[i]) })
		}
		if id, ok := resource["id"].(string); ok && isMatch {
			ids = append(ids, r.typ+"/"+id)
		}
	}
	slices.Sort(ids)
	return ids
}

// follow asks by POST and follows the next links.
func (c *client) follow(t *testing.T, typ string, pairs [][2]string) (keys []string) {
	t.Helper()
	page := c.ways()["POST"](t, typ, pairs).bundle(t)
	for {
		keys = append(keys, page.keys("match")...)
		next := ""
		for _, link := range page.Link {
			if link.Relation == "next" {
				next = link.URL
			}
		}
		if next == "" {
			slices.Sort(keys)
			return keys
		}
		page = c.send(t, http.MethodGet, strings.TrimPrefix(next, c.base+"/"), nil).bundle(t)
	}
}
