package auth_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

func isForbidden(err error) bool {
	var outcome *fhir.OperationOutcome
	return errors.As(err, &outcome) && outcome.Issues[0].Code == fhir.CodeForbidden
}

// oracle says what an app of patient p may read and write of the world, from the compartment definition and FHIRPath alone.
func oracle(t testing.TB, w *world, res *fhir.Resource, everything map[string]bool) (read, write bool) {
	t.Helper()
	codes, member := definitions(t).Compartment("Patient").Parameters[res.Type()]
	if !member {
		codes = []string{"patient"}
	}
	of := owners(t, res, codes)
	mine, onlyMine := slices.Contains(of, "p"), slices.Equal(of, []string{"p"})
	switch res.Type() {
	case "Group", "Subscription", "AuditEvent":
		return false, false
	case "DeviceMetric":
		device := w.byKey[res.Root().Get("source").Get("reference").Text()]
		return device != nil && slices.Contains(owners(t, device, []string{"patient"}), "p"), false
	case "Patient":
		return res.ID() == "p" || mine, res.ID() == "p" && (len(of) == 0 || onlyMine)
	case "Provenance":
		for target := range res.Root().Get("target").Children() {
			if about := w.byKey[target.Get("reference").Text()]; about != nil && about.Type() != "Provenance" && about.Type() != "Patient" {
				if _, compartment := definitions(t).Compartment("Patient").Parameters[about.Type()]; compartment {
					seen, _ := oracle(t, w, about, everything)
					mine = mine || seen
				}
			}
		}
		return mine, onlyMine
	}
	return mine || everything[res.Type()], onlyMine
}

// TestPermitsCompartments holds grants against the oracle, on every resource.
func TestPermitsCompartments(t *testing.T) {
	w := newWorld(t)
	g := grant(t, auth.Claims{Patient: "p", Scope: "patient/*.cruds"})
	everything := map[string]bool{}
	for _, typ := range definitions(t).ResourceTypes() {
		everything[typ] = limit(g, typ, auth.Read) == all // which types these are is in testdata/patient-types.txt
	}
	seen, written := 0, 0
	for _, res := range w.resources {
		read, write := oracle(t, w, res, everything)
		for _, action := range []auth.Action{auth.Create, auth.Read, auth.Update, auth.Delete, auth.Search} {
			want := write
			if action == auth.Read || action == auth.Search {
				want = read
			}
			if got := w.permits(t, g, action, res); got != want {
				t.Errorf("%s %s/%s: %v, want %v", action, res.Type(), res.ID(), got, want)
			}
		}
		if read {
			seen++
		}
		if write {
			written++
		}
	}
	if len(w.resources) > len(byHand) && (seen < 60 || written < 30) {
		t.Errorf("only %d seen and %d written of %d", seen, written, len(w.resources))
	}
}

func TestPermits(t *testing.T) {
	w := newWorld(t)
	vitals := auth.Claims{Patient: "p", Scope: "patient/Observation.rs?category=vital-signs patient/Observation.c?status=final&category=laboratory"}
	for _, test := range []struct {
		name    string
		claims  auth.Claims
		actions auth.Action
		content string
		want    bool
	}{
		{"by category", vitals, auth.Read, `{"resourceType":"Observation","id":"x","category":[{"coding":[{"code":"vital-signs"}]}],"subject":{"reference":"Patient/p"}}`, true},
		{"another category", vitals, auth.Read, `{"resourceType":"Observation","id":"x","category":[{"coding":[{"code":"laboratory"}]}],"subject":{"reference":"Patient/p"}}`, false},
		{"another patient", vitals, auth.Read, `{"resourceType":"Observation","id":"x","category":[{"coding":[{"code":"vital-signs"}]}],"subject":{"reference":"Patient/q"}}`, false},
		{"to be created", vitals, auth.Create, `{"resourceType":"Observation","status":"final","category":[{"coding":[{"code":"laboratory"}]}],"subject":{"reference":"Patient/p"}}`, true},
		{"to be created, of several subjects", vitals, auth.Create, `{"resourceType":"Observation","status":"final","category":[{"coding":[{"code":"laboratory"}]}],"subject":{"reference":"Patient/p"},"performer":[{"reference":"Patient/q"}]}`, false},
		{"to be created, without subject", vitals, auth.Create, `{"resourceType":"Observation","status":"final","category":[{"coding":[{"code":"laboratory"}]}]}`, false},
		{"to be created, half of it fits", vitals, auth.Create, `{"resourceType":"Observation","status":"preliminary","category":[{"coding":[{"code":"laboratory"}]}],"subject":{"reference":"Patient/p"}}`, false},
		{"not asked for", vitals, auth.Update, `{"resourceType":"Observation","id":"x","subject":{"reference":"Patient/p"}}`, false},
		{"a new patient", auth.Claims{Patient: "p", Scope: "patient/*.cruds"}, auth.Create, `{"resourceType":"Patient","link":[{"other":{"reference":"Patient/p"},"type":"seealso"}]}`, false},
		{"a link to somebody", auth.Claims{Patient: "p", Scope: "patient/*.cruds"}, auth.Update, `{"resourceType":"Patient","id":"p","link":[{"other":{"reference":"Patient/q"},"type":"seealso"}]}`, false},
		{"by time", auth.Claims{Scope: "system/Observation.rs?_lastUpdated=ge2026"}, auth.Read, `{"resourceType":"Observation","id":"x","meta":{"lastUpdated":"2026-01-01T00:00:00Z"}}`, true},
		{"too early", auth.Claims{Scope: "system/Observation.rs?_lastUpdated=ge2026"}, auth.Read, `{"resourceType":"Observation","id":"x","meta":{"lastUpdated":"2025-12-31T23:59:59Z"}}`, false},
		{"without a time", auth.Claims{Scope: "system/Observation.rs?_lastUpdated=ge2026"}, auth.Read, `{"resourceType":"Observation","id":"x"}`, false},
		{"by words", auth.Claims{Scope: "system/Observation.rs?_content=red"}, auth.Read, `{"resourceType":"Observation","id":"x","code":{"text":"red spots"}}`, true},
		{"by what it is not", auth.Claims{Scope: "system/Observation.rs?status:not=entered-in-error"}, auth.Read, `{"resourceType":"Observation","id":"x","status":"entered-in-error"}`, false},
		{"by what it lacks", auth.Claims{Scope: "system/Observation.rs?_security:missing=true"}, auth.Read, `{"resourceType":"Observation","id":"x","meta":{"security":[{"code":"R"}]}}`, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := w.permits(t, grant(t, test.claims), test.actions, resource(t, test.content)); got != test.want {
				t.Errorf("%v", got)
			}
		})
	}
	metric := resource(t, `{"resourceType":"DeviceMetric","id":"metric-p","source":{"reference":"Device/cuff-p"}}`)
	if err := grant(t, auth.Claims{Patient: "p", Scope: "patient/*.rs"}).Permits(t.Context(), auth.Read, metric, nil); !isForbidden(err) {
		t.Errorf("without links: %v", err)
	}
}

// grants of many kinds. In each, what may be read may be searched.
func manyClaims() []auth.Claims {
	p := func(scope string) auth.Claims { return auth.Claims{Patient: "p", Scope: scope} }
	return []auth.Claims{
		p("patient/*.rs"),
		p("patient/*.read patient/AuditEvent.rs"),
		p("patient/Observation.rs patient/Patient.rs"),
		p("patient/Observation.rs?category=laboratory patient/Observation.rs?code=http://loinc.org|8867-4 patient/Provenance.rs"),
		p("patient/Observation.rs patient/Device.rs patient/DeviceMetric.rs"),
		p("patient/Encounter.rs patient/Organization.rs"),
		p("patient/*.rs?_tag=nothing-has-it"),
		{Patient: "q", Scope: "patient/*.rs"},
		{Patient: "nobody", Scope: "patient/*.rs"},
		{FHIRUser: "Patient/q", Scope: "user/*.rs"},
		{FHIRUser: "RelatedPerson/mother", Scope: "user/*.rs"},
		{FHIRUser: "Practitioner/doc", Scope: "user/*.rs"},
		{FHIRUser: "Practitioner/doc", Scope: "user/Observation.rs user/List.rs user/Patient.rs?gender=male"},
		{FHIRUser: "Practitioner/doc", Patient: "p", Scope: "patient/*.rs user/Practitioner.rs user/Condition.rs"},
		{Scope: "system/*.rs"},
		{Scope: "system/*.rs system/AuditEvent.rs"},
		{Scope: "system/Observation.rs?status=final system/Device.rs"},
	}
}

// manyQueries try to see what they may not.
var manyQueries = []string{
	"Patient?", "Patient?name=quince", "Patient?_id=p,q,p-1", "Patient?gender=male", "Patient?organization.name=firth", "Patient?general-practitioner.name=house", "Patient?_sort=-birthdate,name",
	"Patient?_has:Observation:patient:code=8867-4", "Patient?_has:Observation:patient:_has:List:item:_id=list-q", "Patient?_has:AuditEvent:entity:type=rest", "Patient?_has:Group:member:_id=trial",
	"Patient?_revinclude=Observation:subject", "Patient?_revinclude=*", "Patient?_include=*&_revinclude=Encounter:patient&_revinclude:iterate=*", "Patient?_include:iterate=*",
	"Patient?_filter=not(_has:Observation:patient:code eq 8867-4)", "Patient?link:Patient.name=pine",
	"Observation?", "Observation?patient=p", "Observation?patient=q", "Observation?patient=p,q&_sort=-date", "Observation?code=8867-4&_sort=date", "Observation?patient=p&code=8867-4&_sort=-date",
	"Observation?patient.name=quince", "Observation?subject.name=pine", "Observation?subject:Device._id=shelf", "Observation?patient.gender:not=male", "Observation?has-member.patient.name=quince",
	"Observation?has-member=hr-q", "Observation?device.patient=q", "Observation?encounter.participant.name=house", "Observation?_list=list-p", "Observation?_list=list-q", "Observation?_list=list-nobody",
	"Observation?_filter=patient.name eq quince or code eq 718-7", "Observation?_filter=not(patient.name eq quince)", "Observation?patient:missing=true", "Observation?patient:identifier=p",
	"Observation?_include=*", "Observation?_include=Observation:has-member&_include:iterate=Observation:patient", "Observation?_include=Observation:subject&_include:iterate=Patient:organization",
	"Observation?_id=lab-p&_include=Observation:has-member", "Observation?_revinclude=Provenance:target", "Observation?_revinclude=List:item&_revinclude=AuditEvent:entity", "Observation?_revinclude=*&_include=*",
	"Observation?_has:Provenance:target:agent=Practitioner/doc", "Observation?_text=blood", "Observation?_content=x", "Observation?status=final&_include=Observation:device&_revinclude:iterate=*",
	"Device?", "Device?device-name=cuff", "Device?_has:Observation:device:code=8867-4", "Device?_revinclude=DeviceMetric:source&_revinclude=Observation:device", "Device?patient.name=quince",
	"DeviceMetric?", "DeviceMetric?source.patient=q", "DeviceMetric?source:Device.device-name=cuff", "DeviceMetric?_include=DeviceMetric:source&_include:iterate=Device:patient",
	"Practitioner?", "Practitioner?_revinclude=Encounter:participant", "Practitioner?_has:Encounter:participant:patient=q", "Practitioner?_has:Provenance:agent:_id=of-q", "Organization?_revinclude=Patient:organization",
	"Encounter?", "Encounter?_include=Encounter:participant&_revinclude=Condition:encounter", "Encounter?patient=q", "Encounter?_has:Condition:encounter:code=flu",
	"Condition?code=flu&_include=Condition:patient", "Condition?encounter.patient.name=quince", "Appointment?_include=Appointment:actor", "Appointment?actor=Patient/q",
	"Provenance?", "Provenance?target=Observation/hr-q", "Provenance?patient.name=pine", "Provenance?_include=Provenance:target", "List?", "List?item:Observation.code=8867-4", "List?_include=List:item",
	"Group?", "Group?member=Patient/p", "AuditEvent?", "AuditEvent?patient=p", "Binary?", "Task?patient=p&_include=*", "MessageHeader?", "Subscription?", "Linkage?", "ValueSet?", "Slot?_include=*",
	"RelatedPerson?patient.name=pine", "Person?_include=*",
}

// TestRestrict holds what a restricted search finds against the same search, not restricted, of a store that has only what the grant permits: matches, order, totals and
// includes must be the same. So nothing leaks, whatever is asked.
func TestRestrict(t *testing.T) {
	w := newWorld(t)
	whole := w.store(t, func(*fhir.Resource) bool { return true })
	found, hidden := 0, 0
	consents := auth.NewConsents(auth.ConsentOptions{BaseURL: base})
	for i, members := range []string{
		`"provision":{"type":"deny","code":[{"coding":[{"code":"8867-4"}]}]}`,
		`"policyRule":{"coding":[{"code":"OPTOUT"}]},"provision":{"provision":[{"type":"permit","class":[{"code":"Observation"}]},{"type":"permit","class":[{"code":"Patient"}]}]}`,
	} {
		consents.Put(resource(t, consentOf(fmt.Sprint(i), "pq"[i:i+1], members)))
	}
	for _, rules := range []*auth.Rules{newRules(t, auth.Options{Relations: family{}}), newRules(t, auth.Options{Relations: family{}, Consents: consents})} {
		for i, claims := range manyClaims() {
			t.Run(claims.Scope+" "+claims.Patient+claims.FHIRUser, func(t *testing.T) {
				g, err := rules.Grant(t.Context(), claims)
				if err != nil {
					t.Fatal(err)
				}
				run := leakTest{t: t, w: w, whole: whole, g: g}
				run.all(i)
				found, hidden = found+run.found, hidden+run.hidden
			})
		}
	}
	if len(w.resources) == len(byHand) {
		return // the examples that make it many are absent
	}
	if found < 3000 || hidden < 3000 {
		t.Errorf("%d found and %d hidden: too few to prove much", found, hidden)
	}
}

// leakTest asks one grant everything.
type leakTest struct {
	t             *testing.T
	w             *world
	whole, part   store.Store
	g             *auth.Grant
	found, hidden int
}

func (l *leakTest) all(seed int) {
	l.part = l.w.store(l.t, func(res *fhir.Resource) bool {
		searched := l.w.permits(l.t, l.g, auth.Search, res)
		if searched != l.w.permits(l.t, l.g, auth.Read, res) {
			l.t.Fatalf("%s/%s: what may be read may be searched here", res.Type(), res.ID())
		}
		return searched
	})
	for i, text := range manyQueries {
		l.ask(text, (i+seed)%4 == 0)
	}
}

// ask asks one query, and now and then more about it.
func (l *leakTest) ask(text string, more bool) {
	typ, query, _ := strings.Cut(text, "?")
	q := parseQuery(l.t, typ, query)
	want := answer(l.t, l.part, q)
	restricted := *q
	if err := l.g.Restrict(l.t.Context(), &restricted); err != nil {
		if !isForbidden(err) || l.g.Allow(typ, auth.Search) == nil || len(want) > 1 {
			l.t.Errorf("%s: %v", text, err)
		}
		return
	}
	if diff := cmp.Diff(want, answer(l.t, l.whole, &restricted)); diff != "" {
		l.t.Errorf("%s (-of what is permitted +restricted)\n%s%s", text, diff, search.Explain(restricted.Plan))
	}
	l.found += len(want) - 1
	if !more {
		return
	}
	if err := l.g.Restrict(l.t.Context(), &restricted); err != nil || !cmp.Equal(want, answer(l.t, l.whole, &restricted)) {
		l.t.Errorf("%s: restricted twice it is another search, %v", text, err)
	}
	l.hidden += len(answer(l.t, l.whole, q)) - len(want)
}

// TestReadIsNotSearch has grants that may read and not search, and the other way round.
func TestReadIsNotSearch(t *testing.T) {
	w := newWorld(t)
	s := w.store(t, func(res *fhir.Resource) bool {
		return res.Type() != "Observation" || strings.HasPrefix(res.ID(), "hr-")
	})
	for _, test := range []struct{ name, scope, query, want string }{
		{"what may be read is included", "patient/Observation.s patient/Patient.r", "Observation?_id=hr-p&_include=Observation:subject", "Observation/hr-p with Patient/p"},
		{"what may be searched is included", "patient/Observation.s patient/Patient.s", "Observation?_id=hr-p&_include=Observation:subject", "Observation/hr-p with Patient/p"},
		{"what may be created is not", "patient/Observation.s patient/Patient.cud", "Observation?_id=hr-p&_include=Observation:subject", "Observation/hr-p"},
		{"what may only be read cannot be asked about", "patient/Observation.s patient/Patient.r", "Observation?patient.name=pine", ""},
		{"what may be searched can", "patient/Observation.s patient/Patient.s", "Observation?patient.name=pine", "Observation/hr-p"},
		{"nor by _has", "patient/Observation.r patient/Patient.s", "Patient?_has:Observation:patient:code=8867-4", ""},
		{"reverse includes", "patient/Observation.r patient/Patient.s", "Patient?_id=p&_revinclude=Observation:subject", "Patient/p with Observation/hr-p"},
		{"what may only be read is not found", "patient/Observation.r", "Observation?", "forbidden"},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := grant(t, auth.Claims{Patient: "p", Scope: test.scope})
			typ, query, _ := strings.Cut(test.query, "?")
			q := parseQuery(t, typ, query)
			got := "forbidden"
			if err := g.Restrict(t.Context(), q); err == nil {
				got = strings.Join(answer(t, s, q)[1:], " ")
			} else if !isForbidden(err) {
				t.Fatal(err)
			}
			if got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
	g := grant(t, auth.Claims{Patient: "p", Scope: "patient/Observation.rds?category=laboratory patient/Observation.rs"})
	q := parseQuery(t, "Observation", "code=8867-4")
	if err := g.RestrictTo(t.Context(), auth.Delete, q); err != nil || len(answer(t, s, q)) != 1 {
		t.Errorf("a search for what to delete finds what may only be read: %v", err)
	}
}

func parseQuery(t testing.TB, typ, query string) *search.Query {
	t.Helper()
	pairs, err := search.ParseQuery(strings.ReplaceAll(query, " ", "%20"))
	if err != nil {
		t.Fatal(err)
	}
	request, err := registry(t).Parse(typ, pairs, search.ParseOptions{Strict: true, DefaultCount: 1000})
	if err != nil {
		t.Fatalf("%s?%s: %v", typ, query, err)
	}
	request.Query.Total = search.Accurate
	return request.Query
}

// answer is the total, the matches in order, and what is included, sorted.
func answer(t testing.TB, s store.Store, q *search.Query) []string {
	t.Helper()
	page, err := s.Search(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	lines := []string{fmt.Sprint("total ", page.Total)}
	for i := range page.Matches {
		lines = append(lines, page.Matches[i].Key.Type+"/"+page.Matches[i].Key.ID)
	}
	at := len(lines)
	for i := range page.Included {
		lines = append(lines, "with "+page.Included[i].Key.Type+"/"+page.Included[i].Key.ID)
	}
	slices.Sort(lines[at:])
	return lines
}
