package auth_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/path"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
	"github.com/firth-health/firth/store/pebble"
)

// world is what there is: some resources by hand, and the specification's examples, of which each is about nobody we know, about p, about q, and about both.
type world struct {
	resources []*fhir.Resource
	byKey     map[string]*fhir.Resource
}

var byHand = []string{
	`{"resourceType":"Patient","id":"p","active":true,"name":[{"family":"Pine"}],"gender":"female","managingOrganization":{"reference":"Organization/org"},"generalPractitioner":[{"reference":"Practitioner/doc"}]}`,
	`{"resourceType":"Patient","id":"q","active":true,"name":[{"family":"Quince"}],"gender":"male","managingOrganization":{"reference":"Organization/org"},"generalPractitioner":[{"reference":"Practitioner/doc"}]}`,
	`{"resourceType":"Patient","id":"p-1","name":[{"family":"Pineapple"}]}`,
	`{"resourceType":"Patient","id":"p.old","name":[{"family":"Pine"}],"link":[{"other":{"reference":"Patient/p"},"type":"replaced-by"}]}`,
	`{"resourceType":"Practitioner","id":"doc","name":[{"family":"House"}]}`,
	`{"resourceType":"Organization","id":"org","name":"Firth Clinic","active":true}`,
	`{"resourceType":"Device","id":"cuff-p","patient":{"reference":"Patient/p"},"deviceName":[{"name":"cuff","type":"user-friendly-name"}]}`,
	`{"resourceType":"Device","id":"cuff-q","patient":{"reference":"Patient/q"},"deviceName":[{"name":"cuff","type":"user-friendly-name"}]}`,
	`{"resourceType":"Device","id":"shelf","deviceName":[{"name":"cuff","type":"user-friendly-name"}]}`,
	`{"resourceType":"DeviceMetric","id":"metric-p","source":{"reference":"Device/cuff-p"},"category":"measurement"}`,
	`{"resourceType":"DeviceMetric","id":"metric-q","source":{"reference":"Device/cuff-q"},"category":"measurement"}`,
	`{"resourceType":"Encounter","id":"enc-p","status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/p"},"participant":[{"individual":{"reference":"Practitioner/doc"}}]}`,
	`{"resourceType":"Encounter","id":"enc-q","status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/q"},"participant":[{"individual":{"reference":"Practitioner/doc"}}]}`,
	`{"resourceType":"Observation","id":"hr-p","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"8867-4"}]},"category":[{"coding":[{"code":"vital-signs"}]}],"subject":{"reference":"Patient/p"},"encounter":{"reference":"Encounter/enc-p"},"device":{"reference":"Device/cuff-p"},"effectiveDateTime":"2026-01-02","valueQuantity":{"value":60}}`,
	`{"resourceType":"Observation","id":"hr-q","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"8867-4"}]},"category":[{"coding":[{"code":"vital-signs"}]}],"subject":{"reference":"Patient/q"},"encounter":{"reference":"Encounter/enc-q"},"device":{"reference":"Device/cuff-q"},"effectiveDateTime":"2026-01-03","valueQuantity":{"value":70}}`,
	`{"resourceType":"Observation","id":"lab-p","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"718-7"}]},"category":[{"coding":[{"code":"laboratory"}]}],"subject":{"reference":"Patient/p/_history/1"},"hasMember":[{"reference":"Observation/hr-p"},{"reference":"Observation/hr-q"}],"effectiveDateTime":"2026-01-04"}`,
	`{"resourceType":"Observation","id":"by-p","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"718-7"}]},"category":[{"coding":[{"code":"laboratory"}]}],"subject":{"reference":"Patient/q"},"performer":[{"reference":"Patient/p"}]}`,
	`{"resourceType":"Observation","id":"near-p","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p-1"}}`,
	`{"resourceType":"Observation","id":"own-url","status":"final","code":{"text":"x"},"subject":{"reference":"` + base + `/Patient/p"}}`,
	`{"resourceType":"Observation","id":"other-url","status":"final","code":{"text":"x"},"subject":{"reference":"https://elsewhere.example/fhir/Patient/p"}}`,
	`{"resourceType":"Observation","id":"logical","status":"final","code":{"text":"x"},"subject":{"type":"Patient","identifier":{"value":"p"}}}`,
	`{"resourceType":"Observation","id":"contained","status":"final","code":{"text":"x"},"contained":[{"resourceType":"Patient","id":"p"}],"subject":{"reference":"#p"}}`,
	`{"resourceType":"Observation","id":"of-shelf","status":"final","code":{"text":"x"},"subject":{"reference":"Device/shelf"}}`,
	`{"resourceType":"Condition","id":"c-p","subject":{"reference":"Patient/p"},"encounter":{"reference":"Encounter/enc-p"},"code":{"coding":[{"code":"flu"}]}}`,
	`{"resourceType":"Condition","id":"c-q","subject":{"reference":"Patient/q"},"encounter":{"reference":"Encounter/enc-q"},"code":{"coding":[{"code":"flu"}]}}`,
	`{"resourceType":"Appointment","id":"both","status":"booked","participant":[{"actor":{"reference":"Patient/p"},"status":"accepted"},{"actor":{"reference":"Patient/q"},"status":"accepted"}]}`,
	`{"resourceType":"Provenance","id":"of-p","target":[{"reference":"Observation/hr-p"}],"recorded":"2026-01-01T00:00:00Z","agent":[{"who":{"reference":"Practitioner/doc"}}]}`,
	`{"resourceType":"Provenance","id":"of-q","target":[{"reference":"Observation/hr-q"}],"recorded":"2026-01-01T00:00:00Z","agent":[{"who":{"reference":"Practitioner/doc"}}]}`,
	`{"resourceType":"Provenance","id":"of-record","target":[{"reference":"Patient/p"}],"recorded":"2026-01-01T00:00:00Z","agent":[{"who":{"reference":"Practitioner/doc"}}]}`,
	`{"resourceType":"List","id":"list-p","status":"current","mode":"working","subject":{"reference":"Patient/p"},"entry":[{"item":{"reference":"Observation/hr-p"}},{"item":{"reference":"Observation/hr-q"}}]}`,
	`{"resourceType":"List","id":"list-q","status":"current","mode":"working","subject":{"reference":"Patient/q"},"entry":[{"item":{"reference":"Observation/hr-p"}},{"item":{"reference":"Observation/hr-q"}}]}`,
	`{"resourceType":"List","id":"list-nobody","status":"current","mode":"working","entry":[{"item":{"reference":"Observation/hr-p"}}]}`,
	`{"resourceType":"Group","id":"trial","type":"person","actual":true,"member":[{"entity":{"reference":"Patient/p"}},{"entity":{"reference":"Patient/q"}}]}`,
	`{"resourceType":"AuditEvent","id":"seen-p","recorded":"2026-01-01T00:00:00Z","type":{"code":"rest"},"agent":[{"requestor":true,"who":{"reference":"Practitioner/doc"}}],"source":{"observer":{"display":"x"}},"entity":[{"what":{"reference":"Patient/p"}}]}`,
	`{"resourceType":"RelatedPerson","id":"mother","patient":{"reference":"Patient/p"}}`,
	`{"resourceType":"Binary","id":"scan","contentType":"image/png","securityContext":{"reference":"Patient/p"}}`,
}

// patientReference is one in an example.
var patientReference = regexp.MustCompile(`"Patient/[^"/\[]+`)

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{byKey: map[string]*fhir.Resource{}}
	for _, text := range byHand {
		w.add(resource(t, text))
	}
	files, err := filepath.Glob("../../shared/data/r4-examples/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		res, err := fhir.ParseResource(text)
		if err != nil || res.ID() == "" {
			continue
		}
		w.add(res)
		if !patientReference.Match(text) {
			continue
		}
		for _, whose := range [][]string{{"p"}, {"q"}, {"p", "q"}} {
			at := 0
			variant := patientReference.ReplaceAllStringFunc(string(text), func(string) string {
				at++
				return `"Patient/` + whose[at%len(whose)]
			})
			variant = strings.Replace(variant, `"`+res.ID()+`"`, fmt.Sprintf("%q", res.ID()[:min(len(res.ID()), 50)]+"-"+strings.Join(whose, "")), 1)
			w.add(resource(t, variant))
		}
	}
	if len(w.resources) == len(byHand) {
		t.Log("the examples of ../shared/data are absent: only resources made by hand are tested")
	}
	return w
}

func (w *world) add(res *fhir.Resource) {
	key := res.Type() + "/" + res.ID()
	if w.byKey[key] == nil {
		w.byKey[key] = res
		w.resources = append(w.resources, res)
	}
}

// store keeps the resources that are chosen, in the order of the world.
func (w *world) store(t testing.TB, keep func(*fhir.Resource) bool) store.Store {
	t.Helper()
	s, err := pebble.Open("", pebble.Options{InMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	var ops []store.Op
	for _, res := range w.resources {
		if !keep(res) {
			continue
		}
		keys, err := registry(t).Extract(res)
		if err != nil {
			t.Fatal(err)
		}
		stamped, err := res.Stamp(res.ID())
		if err != nil {
			t.Fatal(err)
		}
		ops = append(ops, store.Op{Method: store.Create, Key: fhir.Key{Type: res.Type(), ID: res.ID()}, Resource: stamped, Keys: keys})
	}
	if _, err := s.Apply(t.Context(), ops); err != nil {
		t.Fatal(err)
	}
	return store.Contract(s)
}

// links follows references in the world, for [auth.Grant.Permits].
type links struct {
	t   testing.TB
	w   *world
	typ string
}

func (l links) matches(typ, id string, of search.Plan) bool {
	res := l.w.byKey[typ+"/"+id]
	if res == nil {
		return false
	}
	found, err := registry(l.t).Matches(of, res, links{l.t, l.w, typ})
	if err != nil {
		l.t.Error(err)
	}
	return found
}

func (l links) Ref(p search.Ref, keys []string) bool {
	return slices.ContainsFunc(search.ReferencedIDs(keys, p.Index, p.Type), func(id string) bool { return l.matches(p.Type, id, p.Of) })
}

func (l links) RevRef(search.RevRef, string) bool {
	l.t.Error("a limit asks who refers to a resource")
	return false
}

// permits asks a grant.
func (w *world) permits(t testing.TB, g *auth.Grant, actions auth.Action, res *fhir.Resource) bool {
	t.Helper()
	err := g.Permits(t.Context(), actions, res, links{t, w, res.Type()})
	if err != nil && !isForbidden(err) {
		t.Fatalf("%s/%s: %v", res.Type(), res.ID(), err)
	}
	return err == nil
}

// owners are the patients of this server that a resource refers to under some search parameters, found by evaluating their expressions.
func owners(t testing.TB, res *fhir.Resource, codes []string) []string {
	t.Helper()
	defs := definitions(t)
	var ids []string
	for _, p := range defs.SearchParameters(res.Type()) {
		if !slices.Contains(codes, p.Code) {
			continue
		}
		expression, err := path.Compile(p.Expression, defs, path.ForSearch())
		if err != nil {
			t.Fatal(err)
		}
		values, err := expression.Eval(res, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range values {
			if v.TypeName() != "Reference" && v.TypeName() != "FHIR.Reference" {
				continue
			}
			ref := fhir.ParseReference(v.Node().Get("reference").Text())
			if ref.Key.Type == "Patient" && (ref.Base == "" || ref.Base == base) && !slices.Contains(ids, ref.Key.ID) {
				ids = append(ids, ref.Key.ID)
			}
		}
	}
	slices.Sort(ids)
	return ids
}
