package server

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/internal/teststore"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// bareStore is a store without extras, as another back end may be.
type bareStore struct{ store.Store }

// planGrant lets a caller see what matches a plan.
type planGrant struct {
	everything
	plan search.Plan
}

func (g planGrant) Restrict(_ context.Context, q *search.Query) error {
	if q.Type == "Observation" {
		q.Plan = search.And{q.Plan, g.plan}
	}
	return nil
}

// planAuthenticator grants what the header Grant names.
type planAuthenticator map[string]search.Plan

func (a planAuthenticator) Authenticate(r *http.Request) (Grant, error) {
	if plan, ok := a[r.Header.Get("Grant")]; ok {
		return planGrant{plan: plan}, nil
	}
	return everything{}, nil
}

// newGrants makes Grants that are asked by name.
func newGrants(t testing.TB, registry *search.Registry) planAuthenticator {
	t.Helper()
	compartment, err := registry.InCompartment(fhir.Key{Type: "Patient", ID: "p"}, "Observation")
	if err != nil {
		t.Fatal(err)
	}
	grants := planAuthenticator{"compartment": compartment}
	for name, pair := range map[string]search.Pair{
		"category": {Name: "category", Value: "vital-signs"}, "not": {Name: "code:not", Value: "b"}, "chain": {Name: "subject:Patient.active", Value: "true"},
		"ids": {Name: "_id", Value: "o1,o2,o3,o4,o5,o6,o7,o8"}, "elsewhere": {Name: "subject", Value: "Patient/q"}, "early": {Name: "date", Value: "lt2024-02-10"},
	} {
		request, err := registry.Parse("Observation", []search.Pair{pair}, search.ParseOptions{Strict: true})
		if err != nil {
			t.Fatal(err)
		}
		grants[name] = request.Query.Plan
	}
	return grants
}

// twins are two servers over one store: one that may use all the store has, and one that may only search.
type twins struct {
	t           *testing.T
	rich, plain http.Handler
	grants      []string
}

func newTwins(t *testing.T) *twins {
	t.Helper()
	var config Config
	f := newFixture(t, func(c *Config) {
		c.Clock, c.Authenticator = fixedClock, newGrants(t, c.Search)
		config = *c
	})
	config.Store = bareStore{f.store}
	plain, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	return &twins{t: t, rich: f.server.Handler(), plain: plain.Handler(), grants: []string{"", "", "compartment", "category", "not", "chain", "ids", "elsewhere", "early"}}
}

func (tw *twins) do(h http.Handler, method, path, body, grant string) (int, string) {
	tw.t.Helper()
	request := httptest.NewRequestWithContext(tw.t.Context(), method, Mount+path, strings.NewReader(body))
	request.Header.Set("Content-Type", "application/fhir+json")
	request.Header.Set("Grant", grant)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, request)
	return w.Code, w.Body.String()
}

// write stores, changes or deletes an Observation. It returns its content, empty when it was deleted.
func (tw *twins) write(id, body string) {
	tw.t.Helper()
	method, want := "PUT", []int{200, 201}
	if body == "" {
		method, want = "DELETE", []int{200, 204}
	}
	if status, answer := tw.do(tw.rich, method, "/Observation/"+id, body, ""); status != want[0] && status != want[1] {
		tw.t.Fatalf("%s: %d %s", body, status, answer)
	}
}

// compare asks both and expects the same answer, byte for byte, which it returns.
func (tw *twins) compare(body, grant string) (int, string) {
	tw.t.Helper()
	status, got := tw.do(tw.rich, "POST", "/Observation/$stats", body, grant)
	plainStatus, want := tw.do(tw.plain, "POST", "/Observation/$stats", body, grant)
	if status != plainStatus || got != want {
		tw.t.Fatalf("%s as %q:\nwith measures    %d %s\nwithout measures %d %s", body, grant, status, got, plainStatus, want)
	}
	return status, got
}

// randomObservations makes Observations of all the kinds that $stats has to tell apart.
type randomObservations struct {
	*rand.Rand
	simple bool // only what is well-formed
}

func (r randomObservations) of(texts ...string) string { return texts[r.IntN(len(texts))] }

func (r randomObservations) chance(n int) bool { return r.IntN(n) == 0 }

func (r randomObservations) coding() string {
	code, system := r.of("a", "a", "b", "c", "d"), r.of("http://s1", "http://s1", "urn:s2", "")
	if r.chance(20) {
		return `{"display":"nothing"}`
	}
	if system == "" {
		return `{"code":"` + code + `"}`
	}
	return `{"system":"` + system + `","code":"` + code + `"}`
}

func (r randomObservations) concept() string {
	var codings []string
	for range 1 + r.IntN(2)*r.IntN(3) {
		codings = append(codings, r.coding())
	}
	if r.chance(10) {
		codings = append(codings, codings[0])
	}
	return `"code":{"coding":[` + strings.Join(codings, ",") + `],"text":"t"}`
}

func (r randomObservations) number() string {
	switch r.IntN(8) {
	case 0:
		return r.of("0", "-0", "0.0", "-0.00", "1.50", "1e3", "12E-4", "123456789012345678901234567890.123", "0.00000000000000000001", "9223372036854775807", "-9223372036854775808", "4611686018427387904", "1e30", "1e401", "-273.15")
	case 1:
		return fmt.Sprint(r.IntN(400) - 100)
	case 2:
		return fmt.Sprintf("%d.%0*d", r.IntN(200), 1+r.IntN(6), r.IntN(9))
	}
	return fmt.Sprintf("%d.%d", 50+r.IntN(60), r.IntN(10))
}

func (r randomObservations) value() string {
	unit := r.of("/min", "/min", "/min", "mm[Hg]", "kg.m2")
	text := r.of(`,"unit":"`+unit+`"`, `,"unit":"other"`, "")
	switch r.IntN(16) {
	case 0:
		return `,"valueQuantity":{"value":` + r.number() + `,"comparator":"<"` + text + `,"system":"http://unitsofmeasure.org","code":"` + unit + `"}`
	case 1:
		return `,"valueQuantity":{"value":` + r.number() + text + `,"system":"http://example.org","code":"` + unit + `"}`
	case 2:
		return `,"valueQuantity":{"value":` + r.number() + text + `}`
	case 3:
		return `,"valueQuantity":{"system":"http://unitsofmeasure.org","code":"` + unit + `"}`
	case 4:
		return r.of(`,"valueString":"high"`, ``, `,"valueInteger":3`, `,"dataAbsentReason":{"text":"lost"}`)
	}
	return `,"valueQuantity":{"value":` + r.number() + text + `,"system":"http://unitsofmeasure.org","code":"` + unit + `"}`
}

func (r randomObservations) modifier(n int) string {
	if r.chance(n) {
		return `,"modifierExtension":[{"url":"http://example.org/m","valueBoolean":true}]`
	}
	return ""
}

// effective makes a time, often one that others have, often close to the bounds that requests have.
func (r randomObservations) effective() string {
	day := r.of("2024-01-14", "2024-01-15", "2024-01-16", "2024-01-31", "2024-02-19", "2024-02-20", "2024-02-21", "2024-03-01")
	at := fmt.Sprintf("%sT%02d:%s", day, r.IntN(24), r.of("00:00", "00:00", "30:59"))
	switch r.IntN(12) {
	case 0:
		return r.of(``, `,"effectiveDateTime":"`+day+`"`, `,"effectiveDateTime":"2024-02"`)
	case 1:
		return `,"effectivePeriod":{"start":"` + at + `Z"` + r.of(`,"end":"2024-04-01"`, ``) + `}`
	case 2:
		if r.simple {
			return `,"effectivePeriod":{"end":"` + at + `Z"}`
		}
		return r.of(`,"effectivePeriod":{"end":"`+at+`Z"}`, `,"effectiveTiming":{"event":["`+day+`","2024-03-29"]}`)
	case 3:
		return `,"effectiveInstant":"` + at + `.` + r.of("5", "123456", "123456789") + r.of("Z", "+02:00") + `"`
	}
	return `,"effectiveDateTime":"` + at + r.of("Z", "-05:00") + `"`
}

// observation makes the content of an Observation.
func (r randomObservations) observation(id string, ids []string) string {
	out := `{"resourceType":"Observation","id":"` + id + `",` + r.of(`"status":"final",`, `"status":"final",`, `"status":"amended",`, `"status":"final",`, `"status":"entered-in-error",`)
	if !r.simple && r.chance(25) {
		return out[:strings.Index(out, `"status"`)] + r.of(
			`"status":["final","entered-in-error"],"subject":{"reference":"Patient/p"},`+r.concept(),
			`"status":"final","subject":{"reference":"Patient/p"},"code":[{"coding":[`+r.coding()+`]}]`,
			`"status":"final","subject":{"reference":"Patient/p"},"component":{`+r.concept()+r.value()+`},`+r.concept(),
			`"subject":[{"reference":"Patient/p"},{"reference":"Patient/q"}],`+r.concept()) + r.effective() + r.value() + `}`
	}
	out += r.of(`"subject":{"reference":"Patient/p"},`, `"subject":{"reference":"Patient/p"},`, `"subject":{"reference":"Patient/p"},`, `"subject":{"reference":"Patient/q"},`, `"subject":{"display":"x"},`)
	out += r.of(`"category":[{"coding":[{"code":"vital-signs"}]}],`, "")
	out += r.concept() + r.effective() + r.modifier(15)
	if !r.chance(4) {
		out += r.value()
	}
	if r.chance(3) {
		var parts []string
		for range 1 + r.IntN(3) {
			parts = append(parts, `{`+r.concept()+r.value()+r.modifier(15)+`}`)
		}
		out += `,"component":[` + strings.Join(parts, ",") + `]`
	}
	if r.chance(12) {
		var members []string
		for range 1 + r.IntN(4) {
			members = append(members, `{"reference":"Observation/`+r.of(ids...)+`"}`)
		}
		out += `,"hasMember":[` + strings.Join(members, ",") + `]`
	}
	return out + "}"
}

// corrected changes a little of an Observation, so that most of its index keys stay.
func (r randomObservations) corrected(body string) string {
	switch r.IntN(4) {
	case 0:
		return strings.Replace(body, `"status":"final"`, `"status":"entered-in-error"`, 1)
	case 1:
		return strings.ReplaceAll(body, `"/min"`, `"/h"`)
	case 2:
		return strings.Replace(body, `"code":"b"`, `"code":"a"`, 1)
	}
	return regexp.MustCompile(`"value":[^,}]*`).ReplaceAllString(body, `"value":`+r.number())
}

// request makes a body for $stats.
func (r randomObservations) request() string {
	parts := []string{`{"name":"subject","valueUri":"Patient/` + r.of("p", "p", "p", "q", "nobody") + `"}`}
	for range 1 + r.IntN(2) {
		parts = append(parts, r.of(`{"name":"code","valueString":"`+r.of("a", "b", "c", "d", "e")+`"}`, `{"name":"coding","valueCoding":`+strings.ReplaceAll(r.coding(), `"display":"nothing"`, `"code":"a"`)+`}`))
	}
	if r.chance(3) {
		parts = append(parts, `{"name":"system","valueUri":"`+r.of("http://s1", "urn:s2")+`"}`)
	}
	for _, code := range allStatistics() {
		parts = append(parts, `{"name":"statistic","valueCode":"`+code+`"}`)
	}
	switch r.IntN(5) {
	case 0:
		parts = append(parts, `{"name":"period","valuePeriod":{"start":"2024-01-15"`+r.of(`,"end":"2024-02-20T12:00:00Z"`, ``)+`}}`)
	case 1:
		parts = append(parts, `{"name":"period","valuePeriod":{"end":"2024-02"}}`)
	case 2:
		parts = append(parts, `{"name":"duration","valueDecimal":`+r.of("20000", "0.5", "18000.25")+`}`)
	}
	if r.chance(6) {
		parts = append(parts, `{"name":"include","valueBoolean":true},{"name":"limit","valuePositiveInt":`+r.of("1", "20")+`}`)
	}
	return `{"resourceType":"Parameters","parameter":[` + strings.Join(parts, ",") + `]}`
}

func allStatistics() []string {
	return []string{
		"count", "total-count", "minimum", "maximum", "sum", "average", "median", "20-percent", "80-percent", "4-lower", "4-upper", "4-dev", "5-1", "5-2", "5-3", "5-4",
		"variance", "std-dev", "skew", "kurtosis", "regression",
	}
}

// TestStatsWithAndWithoutMeasures asks a store that has measures, and the same store as if it had none, after every few random writes.
func TestStatsWithAndWithoutMeasures(t *testing.T) {
	for seed := range uint64(teststore.Size(8, 1)) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			tw := newTwins(t)
			r := randomObservations{Rand: rand.New(rand.NewPCG(seed, 99))}
			if status, answer := tw.do(tw.rich, "PUT", "/Patient/p", `{"resourceType":"Patient","id":"p","active":true}`, ""); status != 201 {
				t.Fatal(answer)
			}
			var ids []string
			content := map[string]string{}
			for i := range 10 + r.IntN(120) {
				ids = append(ids, fmt.Sprint("o", i))
			}
			for range 12 {
				for range 1 + r.IntN(len(ids)/2) {
					id := r.of(ids...)
					switch body := content[id]; {
					case body != "" && r.chance(2):
						content[id] = r.corrected(body)
					case r.chance(8):
						content[id] = ""
					default:
						content[id] = r.observation(id, ids)
					}
					tw.write(id, content[id])
				}
				for range 12 {
					if status, answer := tw.compare(r.request(), r.of(tw.grants...)); status != 200 {
						t.Fatal(status, answer)
					}
				}
			}
		})
	}
}
