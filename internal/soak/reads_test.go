package soak

import (
	"net/url"
	"strconv"
	"strings"
	"time"
)

var lookups = []int{200, 404, 410} // statuses of a resource that may be there

func (c *client) read() {
	typ := c.anyType()
	r := call{what: "read", method: "GET", path: "/" + typ + "/" + c.some(typ), good: lookups}
	switch c.random.IntN(6) {
	case 0:
		r.header = []string{"Accept", "application/fhir+xml"}
	case 1:
		r.path += "?_summary=true"
	case 2:
		r.path += "?_elements=meta&_pretty=true"
	}
	a, ok := c.do(r)
	if !ok || a.status != 200 || c.random.IntN(3) > 0 {
		return
	}
	r.what, r.good, r.header = "read of what is known", []int{200, 304, 404, 410}, append(r.header, "If-None-Match", a.header.Get("ETag"))
	c.do(r)
}

func (c *client) head() {
	typ := c.anyType()
	c.do(call{what: "head", method: "HEAD", path: "/" + typ + "/" + c.some(typ), good: lookups})
}

// vread reads a version that was acknowledged, which must be there for ever.
func (c *client) vread() {
	typ := c.anyType()
	key := typ + "/" + c.some(typ)
	version := 0
	c.locked(func() { version = c.versions[key] })
	if version == 0 {
		return
	}
	c.do(call{what: "vread", method: "GET", path: "/" + key + "/_history/" + strconv.Itoa(version), good: []int{200}})
}

func (c *client) history() {
	typ := c.anyType()
	path := pick(c, "/_history", "/"+typ+"/_history", "/"+typ+"/"+c.some(typ)+"/_history") + "?_count=" + strconv.Itoa(1+c.random.IntN(20))
	if c.random.IntN(3) == 0 {
		path += "&_since=" + url.QueryEscape(time.Now().Add(-time.Duration(c.random.IntN(5000))*time.Millisecond).UTC().Format(time.RFC3339Nano))
	}
	good := []int{200}
	if strings.Count(path, "/") == 3 {
		good = lookups
	}
	c.do(call{what: "history", method: "GET", path: path, good: good})
}

// query makes a search of any kind.
func (c *client) query() string {
	patient := c.some("Patient")
	day := "2026-01-" + strconv.Itoa(10+c.random.IntN(18))
	return pick(c,
		"Observation?patient="+patient+"&code=http://loinc.org|8867-4&_sort=-date&_count=10", "Observation?code=8310-5&date=ge"+day, "Observation?date=lt"+day+"&_sort=date,-_id",
		"Observation?value-quantity=gt40&_sort=-value-quantity", "Observation?component-code-value-quantity=http://loinc.org|8480-6$ge100", "Observation?status:not=final&_count=5",
		"Observation?subject:Patient.gender=male&code=8867-4", "Observation?patient.name=smi&_include=Observation:patient&_include=Observation:device", "Observation?code:text=soak&_summary=count",
		"Observation?has-member:missing=false&_include=Observation:has-member", "Observation?_lastUpdated=gt2026-01-01&_sort=-_lastUpdated", "Observation?_list="+c.some("List"),
		"Observation?_filter="+url.QueryEscape(`status eq "final" and (code eq "8867-4" or date gt 2026-01-10)`), "Observation?category=vital-signs&_total=accurate&_count=3",
		"Patient?name=agren&_sort=family,-birthdate", "Patient?birthdate=ge1950&gender=female&_sort=birthdate", "Patient?_has:Observation:patient:code=8867-4&_count=7",
		"Patient?_has:Device:patient:identifier=urn:soak:device|7", "Patient?active=true&_revinclude=Observation:subject&_count=4", "Patient?family:exact=Smith&_elements=name",
		"Patient?_id="+patient+","+c.some("Patient")+"&_revinclude=Encounter:patient&_revinclude=List:subject", "Device?patient="+patient, "Encounter?date="+day+"&_include=Encounter:subject",
		"List?item=Patient/"+patient, "Location?near="+strconv.Itoa(c.random.IntN(80))+"|"+strconv.Itoa(c.random.IntN(100))+"|2000|km", "Composition?author=Patient/"+patient+"&title:contains=ote",
		"Encounter?identifier=urn:soak:put|"+strconv.Itoa(c.random.IntN(20)))
}

func (c *client) search() {
	query := c.query()
	r := call{what: "search", method: "GET", path: "/" + strings.ReplaceAll(query, "|", "%7C"), header: []string{"Prefer", "handling=strict"}, good: []int{200}}
	switch c.random.IntN(5) {
	case 0:
		typ, form, _ := strings.Cut(query, "?")
		r.what, r.method, r.path, r.body = "search by POST", "POST", "/"+typ+"/_search", form
		r.header = append(r.header, "Content-Type", "application/x-www-form-urlencoded")
	case 1:
		r.header = append(r.header, "Accept-Encoding", "gzip")
		c.do(r)
		return
	}
	if a, ok := c.do(r); ok {
		c.page(query, a, map[string]bool{})
	}
}

// page checks that matches come once and returns the link to the next page, below the base.
func (c *client) page(query string, a answer, seen map[string]bool) (next string) {
	root, ok := c.tree("page", a)
	if !ok {
		return ""
	}
	for i := range root.Get("entry").Len() {
		entry := root.Get("entry").Index(i)
		if entry.Path("search", "mode").Text() != "match" {
			continue
		}
		url := entry.Get("fullUrl").Text()
		if seen[url] && !strings.Contains(query, "_sort") {
			c.fail("twice", "%s in the answers to %s", url, query)
		}
		seen[url] = true
	}
	for i := range root.Get("link").Len() {
		if link := root.Get("link").Index(i); link.Get("relation").Text() == "next" {
			next = strings.TrimPrefix(link.Get("url").Text(), c.base)
		}
	}
	return next
}

// walk follows the pages of a search to the end.
func (c *client) walk() {
	query := pick(c, "Observation?_count=50", "Observation?_count=40&_sort=-_lastUpdated", "Patient?_count=7&_sort=family", "Observation?_count=30&_sort=-date&code=8867-4&_include=Observation:patient", "Patient?_count=9&_revinclude=Device:patient")
	seen := map[string]bool{}
	for next := "/" + query; next != ""; {
		a, ok := c.do(call{what: "page", method: "GET", path: next, good: []int{200}})
		if !ok {
			return
		}
		next = c.page(query, a, seen)
	}
}

func (c *client) searchSystem() {
	c.do(call{what: "system search", method: "GET", path: pick(c, "/?_type=Patient,Device&_count=10", "/?_lastUpdated=gt2026-01-01&_count=5", "/?_type=Observation,Encounter&_sort=-_lastUpdated&_count=8", "/?_id="+c.some("Patient")), good: []int{200}})
}

func (c *client) compartment() {
	c.do(call{what: "compartment search", method: "GET", path: "/Patient/" + c.some("Patient") + pick(c, "/Observation?_sort=-date", "/*?_count=20", "/Encounter", "/List"), good: lookups})
}

func (c *client) operation() {
	patient := c.some("Patient")
	r := pick(c,
		call{what: "$lastn", path: "/Observation/$lastn?patient=" + patient + "&max=2", good: []int{200}},
		call{what: "$stats", path: "/Observation/$stats?subject=Patient/" + patient + "&system=http://loinc.org&code=8867-4&statistic=average&statistic=count", good: []int{200}},
		call{what: "$everything", path: "/Patient/" + patient + "/$everything?_count=20", good: lookups},
		call{what: "$everything of all", path: "/Patient/$everything?_count=10", good: []int{200}},
		call{what: "$meta", path: "/Observation/" + c.some("Observation") + "/$meta", good: lookups},
		call{what: "$document", path: "/Composition/" + c.some("Composition") + "/$document", good: []int{200, 404, 410, 422}},
		call{what: "$graphql", path: "/$graphql?query=" + url.QueryEscape(`{ PatientList(gender: "male", _count: 3) { id name { family } } }`), good: []int{200}},
		call{what: "$graphql of one", path: "/Patient/" + patient + "/$graphql?query=" + url.QueryEscape(`{ id ObservationList(_reference: patient, _count: 2) { id status } }`), good: lookups},
		call{what: "$versions", path: "/$versions", good: []int{200}},
		call{what: "capabilities", path: "/metadata", good: []int{200}})
	r.method = "GET"
	if c.random.IntN(8) == 0 {
		r = call{what: "$validate", method: "POST", path: "/Observation/$validate", body: c.resource("Observation", ""), good: []int{200}}
	}
	c.do(r)
}

// async has a search run in the background, waits for it, and gives the result back.
func (c *client) async() {
	a, ok := c.do(call{what: "async", method: "GET", path: "/Observation?_count=5", header: []string{"Prefer", "respond-async"}, good: []int{202}})
	if !ok {
		return
	}
	status := strings.TrimPrefix(a.header.Get("Content-Location"), c.base)
	for {
		a, ok = c.do(call{what: "async status", method: "GET", path: status, good: []int{200, 202}})
		if !ok {
			return
		}
		if a.status == 200 {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	c.do(call{what: "async end", method: "DELETE", path: status, good: []int{202, 204}})
}
