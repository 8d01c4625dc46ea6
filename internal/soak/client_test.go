package soak

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firth-health/firth/fhir"
)

// client does what clients do, at random, until its context ends.
type client struct {
	*world
	ctx    context.Context
	http   *http.Client
	base   string // FHIR base URL
	random *rand.Rand
	name   string

	serial  int      // of the writes to the resource that only this client writes
	created []string // ids the server gave, not deleted yet
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// call is one request. The statuses in good are as they should be.
type call struct {
	what, method, path, body string
	header                   []string // names and values
	good                     []int
}

// do sends a request and notes how it was answered. ok is false when the answer is none to work with: a failure, or the end of the test.
func (c *client) do(r call) (a answer, ok bool) {
	request, err := http.NewRequestWithContext(c.ctx, r.method, c.base+r.path, strings.NewReader(r.body))
	if err != nil {
		c.fail(r.what, "%v", err)
		return a, false
	}
	if r.body != "" {
		request.Header.Set("Content-Type", "application/fhir+json")
	}
	for i := 0; i+1 < len(r.header); i += 2 {
		request.Header.Set(r.header[i], r.header[i+1])
	}
	response, err := c.http.Do(request)
	if err == nil {
		a.status, a.header = response.StatusCode, response.Header
		a.body, err = io.ReadAll(response.Body)
		err = errors.Join(err, response.Body.Close())
	}
	if err != nil {
		if c.ctx.Err() == nil {
			c.fail(r.what, "%s %s: %v", r.method, r.path, err)
		}
		return answer{}, false
	}
	c.locked(func() { c.counts[fmt.Sprintf("%s %d", r.what, a.status)]++ })
	if !slices.Contains(r.good, a.status) {
		c.fail(fmt.Sprint(r.what, " ", a.status), "%s %s: %.500s", r.method, r.path, a.body)
		return a, false
	}
	return a, true
}

// wrote notes the version in the answer to a write of one resource.
func (c *client) wrote(key string, a answer) {
	text := strings.TrimSuffix(strings.TrimPrefix(a.header.Get("ETag"), `W/"`), `"`)
	version, err := strconv.Atoi(text)
	if err != nil {
		c.fail("version", "%s: ETag %q", key, a.header.Get("ETag"))
		return
	}
	c.acknowledged(key, version)
}

// tree parses an answer, if there is one.
func (c *client) tree(what string, a answer) (fhir.Node, bool) {
	if a.status == 0 {
		return fhir.Node{}, false
	}
	root, err := fhir.Parse(a.body)
	if err != nil {
		c.fail(what, "the answer is no JSON: %v: %.300s", err, a.body)
		return root, false
	}
	return root, true
}

func pick[T any](c *client, from ...T) T { return from[c.random.IntN(len(from))] }

// some is the id of a resource that may be there.
func (c *client) some(typ string) string {
	return strings.ToLower(typ[:1]) + strconv.Itoa(c.random.IntN(population[typ]))
}

func (c *client) anyType() string {
	return pick(c, "Patient", "Observation", "Observation", "Observation", "Device", "Encounter", "List", "Location", "Composition")
}

// resource makes the content of a resource; id may be empty.
func (c *client) resource(typ, id string) string {
	if id != "" {
		id = `,"id":"` + id + `"`
	}
	return `{"resourceType":"` + typ + `"` + id + "," + c.content(typ) + "}"
}

func (c *client) content(typ string) string {
	patient := `{"reference":"Patient/` + c.some("Patient") + `"}`
	n := c.random.IntN(100)
	switch typ {
	case "Patient":
		return fmt.Sprintf(`"active":%v,"gender":"%s","birthDate":"19%02d-0%d-01","name":[{"family":"%s","given":["%s"]}],"identifier":[{"system":"urn:soak:mrn","value":"%d"}]`,
			n%2 == 0, pick(c, "male", "female"), n, 1+n%9, pick(c, "Ågren", "Smith", "de Vries", "O'Neill"), pick(c, "Anna", "Bo", "Chloé"), n)
	case "Device":
		return fmt.Sprintf(`"status":"active","identifier":[{"system":"urn:soak:device","value":"%d"}],"patient":%s`, n, patient)
	case "Encounter":
		return fmt.Sprintf(`"status":"in-progress","class":{"code":"AMB"},"subject":%s,"period":{"start":"2026-01-%02d"}`, patient, 1+n%28)
	case "List":
		return fmt.Sprintf(`"status":"current","mode":"working","subject":%s,"entry":[{"item":{"reference":"Observation/%s"}},{"item":%s}]`, patient, c.some("Observation"), patient)
	case "Location":
		return fmt.Sprintf(`"name":"Ward %d","position":{"latitude":%d.5,"longitude":%d.25}`, n, n%80, n)
	case "Composition":
		return fmt.Sprintf(`"status":"final","type":{"text":"note"},"subject":%s,"date":"2026-01-01","author":[%s],"title":"Note %d"`, patient, patient, n)
	}
	return c.observation(patient, n)
}

func (c *client) observation(patient string, n int) string {
	code := pick(c, "8867-4", "8310-5", "59408-5")
	value := fmt.Sprintf(`"valueQuantity":{"value":%d.%d,"unit":"x","system":"http://unitsofmeasure.org","code":"%s"}`, n, n%10, pick(c, "/min", "Cel", "%"))
	if c.random.IntN(4) == 0 {
		code = "85354-9"
		value = fmt.Sprintf(`"component":[{"code":{"coding":[{"system":"http://loinc.org","code":"8480-6"}]},"valueQuantity":{"value":%d,"system":"http://unitsofmeasure.org","code":"mm[Hg]"}}]`, 80+n)
	}
	member := ""
	if c.random.IntN(8) == 0 {
		member = `,"hasMember":[{"reference":"Observation/` + c.some("Observation") + `"}]`
	}
	return fmt.Sprintf(`"status":"%s","identifier":[{"system":"urn:soak:obs","value":"%d"}],"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}]}],`+
		`"code":{"coding":[{"system":"http://loinc.org","code":"%s"}],"text":"soak %s"},"subject":%s,"device":{"reference":"Device/%s"},"effectiveDateTime":"2026-01-%02dT%02d:00:00Z",%s%s`,
		pick(c, "final", "amended", "preliminary"), n, code, code, patient, c.some("Device"), 1+n%28, n%24, value, member)
}

// work does one thing after the other.
func (c *client) work() {
	actions := c.actions()
	sum := 0
	for _, a := range actions {
		sum += a.weight
	}
	for c.ctx.Err() == nil {
		n := c.random.IntN(sum)
		for _, a := range actions {
			if n -= a.weight; n < 0 {
				a.run()
				break
			}
		}
		if c.random.IntN(20) == 0 {
			time.Sleep(time.Duration(c.random.IntN(20)) * time.Millisecond)
		}
	}
}
