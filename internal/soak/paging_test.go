package soak

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firth-health/firth/fhir"
)

// Of the resources with ids o000 to o299 those whose number ends in 0 to 3 are written and deleted while readers page; the others stay as they are.
const (
	crowd   = 300
	changed = 4
)

// restless writes, deletes and creates beside the readers until its context ends.
type restless struct {
	*client
	extra int
}

func (r *restless) work() {
	for r.ctx.Err() == nil {
		time.Sleep(time.Duration(r.random.IntN(2000)) * time.Microsecond)
		id := fmt.Sprintf("o%d%d%d", r.random.IntN(3), r.random.IntN(10), r.random.IntN(changed))
		switch r.random.IntN(4) {
		case 0:
			r.do(call{what: "delete", method: "DELETE", path: "/Observation/" + id, good: []int{204}})
		case 1:
			r.extra++
			body := reading(fmt.Sprintf("%s-%d", r.name, r.extra%50), r.random.IntN(crowd))
			r.do(call{what: "create", method: "PUT", path: fmt.Sprintf("/Observation/%s-%d", r.name, r.extra%50), body: body, good: []int{200, 201}})
		default:
			r.do(call{what: "update", method: "PUT", path: "/Observation/" + id, body: reading(id, r.random.IntN(crowd)), good: []int{200, 201}})
		}
	}
}

// reading is an Observation with a value and a time that place it somewhere in every order.
func reading(id string, n int) string {
	return fmt.Sprintf(`{"resourceType":"Observation","id":"%s","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"8867-4"}]},"subject":{"reference":"Patient/p%d"},`+
		`"effectiveDateTime":"2026-01-%02dT%02d:00:00Z","valueQuantity":{"value":%d,"system":"http://unitsofmeasure.org","code":"/min"}}`, id, n%5, 1+n%28, n%24, n%37)
}

// TestPagingUnderWrites reads pages to the end while others write: every resource that did not change meanwhile comes exactly once, in the order asked for, and
// with what it includes.
func TestPagingUnderWrites(t *testing.T) {
	p := binary.Serve(t, t.TempDir())
	w := newWorld()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	walker := &client{world: w, ctx: t.Context(), http: http.DefaultClient, base: p.Base}
	for i := range 5 {
		walker.do(call{what: "seed", method: "PUT", path: fmt.Sprintf("/Patient/p%d", i), body: fmt.Sprintf(`{"resourceType":"Patient","id":"p%d"}`, i), good: []int{201}})
	}
	for i := range crowd {
		id := fmt.Sprintf("o%03d", i)
		walker.do(call{what: "seed", method: "PUT", path: "/Observation/" + id, body: reading(id, i*7919%crowd), good: []int{201}})
	}
	var all sync.WaitGroup
	for i := range 4 {
		r := &restless{client: &client{world: w, ctx: ctx, http: http.DefaultClient, base: p.Base, random: rand.New(rand.NewPCG(uint64(i), 7)), name: fmt.Sprintf("extra%d", i)}}
		all.Go(r.work)
	}
	for _, query := range []string{
		"/Observation?_count=23", "/Observation?_count=23&_sort=date", "/Observation?_count=23&_sort=-date", "/Observation?_count=23&_sort=-_lastUpdated", "/Observation?_count=23&_sort=_lastUpdated",
		"/Observation?_count=23&_sort=value-quantity,-date", "/Observation?_count=23&_sort=-_id", "/Observation?_count=23&_sort=-date&code=http://loinc.org%7C8867-4&_include=Observation:subject",
		"/Observation?_count=23&_sort=status", "/Observation?_count=23&subject=Patient/p0,Patient/p1,Patient/p2,Patient/p3,Patient/p4&_sort=-value-quantity", "/Observation?_count=23&value-quantity:missing=false&date=ge2025",
		"/?_type=Observation,Patient&_count=23", "/?_type=Observation&_count=23&_sort=-_lastUpdated",
	} {
		t.Run(query, func(t *testing.T) { walker.walkUnderWrites(t, query) })
	}
	for _, path := range []string{"/_history", "/Observation/_history"} {
		t.Run(path, func(t *testing.T) { walker.historyUnderWrites(t, path, crowd/10*(10-changed)) })
	}
	t.Run("history of one", func(t *testing.T) { walker.historyOfOne(t) })
	stop()
	all.Wait()
	if n := w.updates(); n < 200 {
		t.Errorf("only %d updates meanwhile", n)
	}
	for _, failure := range w.failures {
		t.Error(failure)
	}
}

// updates is how often a resource was updated.
func (w *world) updates() (n int) {
	w.locked(func() { n = w.counts["update 200"] + w.counts["update 201"] })
	return n
}

// letOthersWrite waits for one update more, however slow the disk is.
func (c *client) letOthersWrite() {
	for before, begun := c.updates(), time.Now(); c.updates() == before && time.Since(begun) < time.Minute; time.Sleep(time.Millisecond) {
	}
}

// pages follows the next links and returns the entries of all pages.
func (c *client) pages(t *testing.T, path string) (entries [][]fhir.Node) {
	t.Helper()
	for next := path; next != ""; {
		c.letOthersWrite()
		a, ok := c.do(call{what: "page", method: "GET", path: next, good: []int{200}})
		root, parsed := c.tree("page", a)
		if !ok || !parsed {
			t.Fatalf("%s: %d %.300s", next, a.status, a.body)
		}
		next = ""
		for i := range root.Get("link").Len() {
			if link := root.Get("link").Index(i); link.Get("relation").Text() == "next" {
				next = strings.TrimPrefix(link.Get("url").Text(), c.base)
			}
		}
		var page []fhir.Node
		for i := range root.Get("entry").Len() {
			page = append(page, root.Get("entry").Index(i))
		}
		if entries = append(entries, page); len(entries) > 1000 {
			t.Fatalf("%s: pages without end", path)
		}
	}
	return entries
}

// steady reports whether nobody writes the resource during the test.
func steady(id string) bool { return len(id) == 4 && id[0] == 'o' && id[3]-'0' >= changed }

func (c *client) walkUnderWrites(t *testing.T, query string) {
	seen := map[string]int{}
	var order []fhir.Node
	for _, page := range c.pages(t, query) {
		included, wanted := map[string]bool{}, map[string]bool{}
		for _, entry := range page {
			resource := entry.Get("resource")
			if entry.Path("search", "mode").Text() == "include" {
				included[resource.Get("resourceType").Text()+"/"+resource.Get("id").Text()] = true
				continue
			}
			wanted[resource.Path("subject", "reference").Text()] = true
			if id := resource.Get("id").Text(); steady(id) {
				seen[id]++
				order = append(order, resource)
			}
		}
		for target := range wanted {
			if strings.Contains(query, "_include") && target != "" && !included[target] {
				t.Errorf("a page without %s, which it refers to", target)
			}
		}
	}
	for i := range crowd {
		if id := fmt.Sprintf("o%03d", i); steady(id) && seen[id] != 1 {
			t.Errorf("%s came %d times", id, seen[id])
		}
	}
	_, sort, _ := strings.Cut(query, "_sort=")
	sort, _, _ = strings.Cut(sort, "&")
	if !slices.IsSortedFunc(order, func(a, b fhir.Node) int { return compareBy(t, sort, a, b) }) {
		t.Error("not in order")
	}
}

// compareBy compares two resources that were created in the order of their ids.
func compareBy(t *testing.T, sort string, a, b fhir.Node) int {
	t.Helper()
	created := strings.Compare(a.Get("id").Text(), b.Get("id").Text())
	if sort == "" {
		return created
	}
	for key := range strings.SplitSeq(sort, ",") {
		code, descending := strings.CutPrefix(key, "-")
		order := 0
		switch code {
		case "date":
			order = strings.Compare(a.Get("effectiveDateTime").Text(), b.Get("effectiveDateTime").Text())
		case "_lastUpdated":
			order = instant(t, a).Compare(instant(t, b))
		case "value-quantity":
			order = number(t, a) - number(t, b)
		case "_id":
			order = created
		}
		if descending {
			order = -order
		}
		if order != 0 {
			return order
		}
	}
	if sort[0] == '-' {
		return -created
	}
	return created
}

func instant(t *testing.T, n fhir.Node) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, n.Path("meta", "lastUpdated").Text())
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func number(t *testing.T, n fhir.Node) int {
	t.Helper()
	value, err := strconv.Atoi(n.Path("valueQuantity", "value").Text())
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// historyUnderWrites expects every version that was there when the walk began exactly once, newest first.
func (c *client) historyUnderWrites(t *testing.T, path string, want int) {
	seen := map[string]bool{}
	unchanged := 0
	last := time.Time{}
	for i, page := range c.pages(t, path+"?_count=97") {
		for j, entry := range page {
			url := entry.Get("fullUrl").Text() + " " + entry.Path("response", "etag").Text()
			if seen[url] {
				t.Errorf("%s came twice", url)
			}
			seen[url] = true
			if id := entry.Path("resource", "id").Text(); steady(id) && entry.Path("resource", "resourceType").Text() == "Observation" {
				unchanged++
			}
			at, err := time.Parse(time.RFC3339Nano, entry.Path("response", "lastModified").Text())
			if err != nil || i+j > 0 && at.After(last) {
				t.Errorf("%s is of %v, and came after one of %v", url, at, last)
			}
			last = at
		}
	}
	if unchanged != want {
		t.Errorf("%d versions of what did not change, want %d", unchanged, want)
	}
}

// historyOfOne walks through the versions of a resource that is written meanwhile: they come without a gap.
func (c *client) historyOfOne(t *testing.T) {
	for i := range 30 {
		c.do(call{what: "update", method: "PUT", path: "/Observation/o000", body: reading("o000", i), good: []int{200, 201}})
	}
	next := 0
	for _, page := range c.pages(t, "/Observation/o000/_history?_count=7") {
		for _, entry := range page {
			version, err := strconv.Atoi(strings.Trim(entry.Path("response", "etag").Text(), `W/"`))
			if err != nil || next != 0 && version != next-1 {
				t.Errorf("version %d came after %d", version, next)
			}
			next = version
		}
	}
	if next != 1 {
		t.Errorf("the last version is %d", next)
	}
}
