package soak

import (
	"fmt"
	"strconv"
	"strings"
)

// action is one thing that clients do, and how often compared with others.
type action struct {
	weight int
	run    func()
}

func (c *client) actions() []action {
	return []action{
		{6, c.create}, {4, c.conditionalCreate}, {12, c.update}, {4, c.updateIfMatch}, {4, c.conditionalUpdate}, {4, c.patch}, {2, c.conditionalPatch},
		{6, c.remove}, {2, c.conditionalDelete}, {6, c.ownUpdate}, {3, c.batch}, {4, c.transaction}, {3, c.ingest}, {1, c.metaAdd}, {1, c.define},
		{12, c.read}, {4, c.vread}, {2, c.head}, {4, c.history}, {30, c.search}, {3, c.searchSystem}, {3, c.compartment}, {6, c.walk}, {8, c.operation}, {1, c.async},
	}
}

// create posts a resource; it deletes an older one when there are many.
func (c *client) create() {
	typ := c.anyType()
	a, ok := c.do(call{what: "create", method: "POST", path: "/" + typ, body: c.resource(typ, ""), good: []int{201}})
	if !ok {
		return
	}
	key, _, _ := strings.Cut(strings.TrimPrefix(a.header.Get("Location"), c.base+"/"), "/_history/")
	c.wrote(key, a)
	if _, ok := c.do(call{what: "read after create", method: "GET", path: "/" + key, good: []int{200}}); !ok {
		return
	}
	if c.created = append(c.created, key); len(c.created) > 5 {
		key, c.created = c.created[0], c.created[1:]
		if a, ok := c.do(call{what: "delete of what was created", method: "DELETE", path: "/" + key, good: []int{204}}); ok {
			c.wrote(key, a)
			c.do(call{what: "read after delete", method: "GET", path: "/" + key, good: []int{410}})
		}
	}
}

// conditionalCreate makes identifiers that conditionalDelete removes.
func (c *client) conditionalCreate() {
	value := strconv.Itoa(c.random.IntN(30))
	c.do(call{what: "conditional create", method: "POST", path: "/Device", header: []string{"If-None-Exist", "identifier=urn:soak:once|" + value},
		body: `{"resourceType":"Device","identifier":[{"system":"urn:soak:once","value":"` + value + `"}]}`, good: []int{200, 201}})
}

func (c *client) conditionalDelete() {
	c.do(call{what: "conditional delete", method: "DELETE", path: "/Device?identifier=urn:soak:once|" + strconv.Itoa(c.random.IntN(30)), good: []int{204, 409}})
}

func (c *client) update() {
	typ := c.anyType()
	id := c.some(typ)
	if a, ok := c.do(call{what: "update", method: "PUT", path: "/" + typ + "/" + id, body: c.resource(typ, id), good: []int{200, 201}}); ok {
		c.wrote(typ+"/"+id, a)
	}
}

// updateIfMatch changes what it has read.
func (c *client) updateIfMatch() {
	typ := c.anyType()
	id := c.some(typ)
	a, ok := c.do(call{what: "read before update", method: "GET", path: "/" + typ + "/" + id, good: []int{200, 404, 410}})
	if !ok || a.status != 200 {
		return
	}
	a, ok = c.do(call{what: "update with If-Match", method: "PUT", path: "/" + typ + "/" + id, body: c.resource(typ, id), header: []string{"If-Match", a.header.Get("ETag")}, good: []int{200, 409, 412}})
	if ok && a.status == 200 {
		c.wrote(typ+"/"+id, a)
	}
}

func (c *client) conditionalUpdate() {
	value := strconv.Itoa(c.random.IntN(20))
	c.do(call{what: "conditional update", method: "PUT", path: "/Encounter?identifier=urn:soak:put|" + value, good: []int{200, 201, 409},
		body: `{"resourceType":"Encounter","identifier":[{"system":"urn:soak:put","value":"` + value + `"}],` + c.content("Encounter") + `}`})
}

const jsonPatch = "application/json-patch+json"

func (c *client) patch() {
	id := c.some("Patient")
	r := call{what: "JSON Patch", method: "PATCH", path: "/Patient/" + id, header: []string{"Content-Type", jsonPatch}, good: []int{200, 404, 410, 409},
		body: fmt.Sprintf(`[{"op":"replace","path":"/active","value":%v}]`, c.random.IntN(2) == 0)}
	if c.random.IntN(2) == 0 {
		r.what, r.header = "FHIRPath Patch", nil
		r.body = `{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueCode":"replace"},{"name":"path","valueString":"Patient.gender"},` +
			`{"name":"value","valueCode":"` + pick(c, "male", "female", "other") + `"}]}]}`
	}
	if a, ok := c.do(r); ok && a.status == 200 {
		c.wrote("Patient/"+id, a)
	}
}

func (c *client) conditionalPatch() {
	c.do(call{what: "conditional patch", method: "PATCH", path: "/Encounter?identifier=urn:soak:put|" + strconv.Itoa(c.random.IntN(20)), header: []string{"Content-Type", jsonPatch},
		body: `[{"op":"replace","path":"/status","value":"finished"}]`, good: []int{200, 404, 409}})
}

func (c *client) remove() {
	typ := c.anyType()
	id := c.some(typ)
	c.do(call{what: "delete", method: "DELETE", path: "/" + typ + "/" + id, good: []int{204}})
}

// ownUpdate writes rising numbers to a resource that nobody else writes: each must be the next version, and be read at once, by id and by search.
func (c *client) ownUpdate() {
	c.serial++
	key := "Basic/" + c.name
	text := strconv.Itoa(c.serial)
	r := call{what: "own update", method: "PUT", path: "/" + key, good: []int{200},
		body: `{"resourceType":"Basic","id":"` + c.name + `","identifier":[{"system":"urn:soak:` + c.name + `","value":"` + text + `"}],"code":{"text":"` + text + `"}}`}
	if c.serial == 1 {
		r.good = []int{201}
	} else if c.random.IntN(2) == 0 {
		r.header = []string{"If-Match", `W/"` + strconv.Itoa(c.serial-1) + `"`}
	}
	a, ok := c.do(r)
	if !ok {
		c.serial-- // unknown: the end of the test
		return
	}
	c.wrote(key, a)
	if want := `W/"` + text + `"`; a.header.Get("ETag") != want {
		c.fail("own version", "%s has %s, want %s", key, a.header.Get("ETag"), want)
	}
	if a, ok = c.do(call{what: "own read", method: "GET", path: "/" + key, good: []int{200}}); ok && !strings.Contains(string(a.body), `"text":"`+text+`"`) {
		c.fail("own read", "%s after %s: %.300s", key, text, a.body)
	}
	for value, want := range map[string]string{text: "1", strconv.Itoa(c.serial - 1): "0"} {
		a, ok = c.do(call{what: "own search", method: "GET", path: "/Basic?identifier=urn:soak:" + c.name + "|" + value, good: []int{200}})
		if root, parsed := c.tree("own search", a); ok && parsed && root.Get("total").Text() != want {
			c.fail("own search", "%s of %s: %.300s", value, text, a.body)
		}
	}
}

func (c *client) batch() {
	entries := []string{c.entry("GET", c.anyType()+"?_count=2", ""), c.entry("GET", "Patient/"+c.some("Patient"), ""), c.entry("DELETE", "Observation/"+c.some("Observation"), "")}
	for range 2 {
		typ := c.anyType()
		id := c.some(typ)
		entries = append(entries, c.entry("PUT", typ+"/"+id, c.resource(typ, id)))
	}
	a, ok := c.do(call{what: "batch", method: "POST", body: `{"resourceType":"Bundle","type":"batch","entry":[` + strings.Join(entries, ",") + `]}`, good: []int{200}})
	if ok {
		c.entries("batch", a, len(entries), "200", "201", "204", "404", "410", "409")
	}
}

// entries checks the statuses of the entries of an answer.
func (c *client) entries(what string, a answer, want int, good ...string) {
	root, ok := c.tree(what, a)
	if !ok {
		return
	}
	if n := root.Get("entry").Len(); n != want {
		c.fail(what, "%d entries, want %d: %.300s", n, want, a.body)
	}
	for i := range want {
		status := root.Get("entry").Index(i).Path("response", "status").Text()
		if !containsPrefix(good, status) {
			c.fail(what+" entry "+status, "%.500s", a.body)
		}
	}
}

func containsPrefix(good []string, status string) bool {
	for _, g := range good {
		if strings.HasPrefix(status, g) {
			return true
		}
	}
	return false
}

func (c *client) entry(method, url, resource string) string {
	if resource != "" {
		resource = `"resource":` + resource + `,`
	}
	return `{` + resource + `"request":{"method":"` + method + `","url":"` + url + `"}}`
}

// transaction writes a Patient and Observations that refer to it, all with one tag, which searches must see whole or not at all.
func (c *client) transaction() {
	tag := c.name + "-" + strconv.Itoa(c.random.IntN(4))
	stamp := strconv.Itoa(c.random.IntN(1 << 30))
	entries := []string{c.entry("PUT", "Patient/"+tag, `{"resourceType":"Patient","id":"`+tag+`","identifier":[{"system":"urn:soak:tx","value":"`+stamp+`"}]}`)}
	for i := range 3 {
		id := tag + "-" + strconv.Itoa(i)
		entries = append(entries, c.entry("PUT", "Observation/"+id, `{"resourceType":"Observation","id":"`+id+`","identifier":[{"system":"urn:soak:tx","value":"`+stamp+`"}],`+
			`"subject":{"reference":"Patient/`+tag+`"},"status":"final","code":{"text":"part"}}`))
	}
	typ := c.anyType()
	entries = append(entries, c.entry("DELETE", typ+"/"+c.some(typ), ""), c.entry("GET", "Patient/"+tag, ""))
	a, ok := c.do(call{what: "transaction", method: "POST", body: `{"resourceType":"Bundle","type":"transaction","entry":[` + strings.Join(entries, ",") + `]}`, good: []int{200, 409}})
	if !ok || a.status != 200 {
		return
	}
	c.entries("transaction", a, len(entries), "200", "201", "204")
	a, ok = c.do(call{what: "search of a transaction", method: "GET", path: "/Observation?identifier=urn:soak:tx|" + stamp + "&patient.identifier=urn:soak:tx|" + stamp + "&_total=accurate", good: []int{200}})
	if root, parsed := c.tree("search of a transaction", a); ok && parsed && root.Get("total").Text() != "3" {
		c.fail("search of a transaction", "%.500s", a.body)
	}
}

// ingest sends what a device measured, mostly something that is there already.
func (c *client) ingest() {
	n := c.random.IntN(12)
	body := fmt.Sprintf(`{"device":{"serial":"FV-%d","model":"Spot 3","manufacturer":"Firth Instruments"},"patient":"soak-%d","readings":[`+
		`{"t":"2026-01-05T08:%02d:00Z","type":"heart-rate","value":%d,"unit":"/min"},{"t":"2026-01-05T08:%02d:00Z","type":"blood-pressure","systolic":%d,"diastolic":80,"unit":"mmHg"}]}`,
		n, n, c.random.IntN(60), 60+c.random.IntN(3), c.random.IntN(60), 120+c.random.IntN(3))
	root := *c
	root.base = strings.TrimSuffix(c.base, "/fhir")
	root.do(call{what: "ingest", method: "POST", path: "/ingest/vitals", body: body, header: []string{"Content-Type", "application/json"}, good: []int{200, 201, 409}})
}

func (c *client) metaAdd() {
	id := c.some("Patient")
	c.do(call{what: "$meta-add", method: "POST", path: "/Patient/" + id + "/$meta-add", good: []int{200, 404, 410, 409},
		body: `{"resourceType":"Parameters","parameter":[{"name":"meta","valueMeta":{"tag":[{"system":"urn:soak","code":"` + pick(c, "a", "b") + `"}]}}]}`})
}

// define makes one of few search parameters of its own, asks it, which is refused until what is stored has its keys, and sometimes deletes it. The server changes them one after the other, each with
// commits of its own, so that of 200 clients all would end up waiting for the others.
func (c *client) define() {
	n := strconv.Itoa(c.random.IntN(3))
	code := "soak-" + n
	select {
	case c.world.defining <- struct{}{}:
		defer func() { <-c.world.defining }()
	default:
		return
	}
	if c.random.IntN(3) == 0 {
		c.do(call{what: "delete of a search parameter", method: "DELETE", path: "/SearchParameter/" + code, good: []int{204, 409}})
		return
	}
	c.do(call{what: "search parameter", method: "PUT", path: "/SearchParameter/" + code, good: []int{200, 201, 409},
		body: `{"resourceType":"SearchParameter","id":"` + code + `","url":"urn:soak:` + code + `","name":"Soak","status":"active","description":"of the test","code":"` + code +
			`","base":["Observation"],"type":"token","expression":"Observation.` + pick(c, "status", "code", "category") + `"}`})
	c.do(call{what: "search by it", method: "GET", path: "/Observation?" + code + "=final&_count=5", good: []int{200, 400}})
}
