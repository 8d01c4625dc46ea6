package auth_test

import (
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/fhir"
)

const optOut = `{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"OPTOUT"}]}`

// consentOf is the JSON of an active Consent about privacy with some more members.
func consentOf(id, patient, more string) string {
	if more != "" {
		more = "," + more
	}
	return fmt.Sprintf(`{"resourceType":"Consent","id":%q,"status":"active","scope":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/consentscope","code":"patient-privacy"}]},"patient":{"reference":"Patient/%s"}%s}`, id, patient, more)
}

// clinic is what the cases below see.
func clinic(t testing.TB) []*fhir.Resource {
	t.Helper()
	var all []*fhir.Resource
	for _, text := range []string{
		`{"resourceType":"Patient","id":"q"}`,
		`{"resourceType":"Patient","id":"other"}`,
		`{"resourceType":"Observation","id":"hr","code":{"coding":[{"system":"http://loinc.org","code":"8867-4"}]},"subject":{"reference":"Patient/q"},"effectiveDateTime":"2020-05-05","encounter":{"reference":"Encounter/e"}}`,
		`{"resourceType":"Observation","id":"hiv","meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"R"}],"profile":["https://example.org/sensitive"]},"code":{"coding":[{"system":"http://loinc.org","code":"75622-1"}]},"subject":{"reference":"Patient/q"}}`,
		`{"resourceType":"Observation","id":"panel","code":{"text":"x"},"component":[{"code":{"coding":[{"system":"http://loinc.org","code":"75622-1"}]}}],"subject":{"reference":"Patient/q"},"effectiveDateTime":"2024-05-05"}`,
		`{"resourceType":"Condition","id":"flu","code":{"coding":[{"system":"http://snomed.info/sct","code":"6142004"}]},"subject":{"reference":"Patient/q"},"encounter":{"reference":"Encounter/e"}}`,
		`{"resourceType":"Encounter","id":"e","status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/q"},"period":{"start":"2020-05-01","end":"2020-05-09"}}`,
		`{"resourceType":"Observation","id":"theirs","code":{"coding":[{"system":"http://loinc.org","code":"75622-1"}]},"subject":{"reference":"Patient/other"}}`,
		`{"resourceType":"Practitioner","id":"d"}`,
		`{"resourceType":"AuditEvent","id":"a","entity":[{"what":{"reference":"Patient/q"}}]}`,
		consentOf("the-consent", "q", ""),
	} {
		all = append(all, resource(t, text))
	}
	return all
}

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// doctor is somebody who sees all that nobody denies.
var doctor = auth.Claims{Issuer: "https://idp.example", Subject: "d@example", Client: "portal", FHIRUser: "Practitioner/d", Scope: "user/*.cruds user/AuditEvent.rs"}

// What a caller may see of the world of these tests: all, all but what the Consent of q is about, all but what is about HIV.
const (
	everything = "Patient/q Patient/other Observation/hr Observation/hiv Observation/panel Condition/flu Encounter/e Observation/theirs Practitioner/d AuditEvent/a Consent/the-consent"
	withoutQ   = "Patient/other Observation/theirs Practitioner/d AuditEvent/a Consent/the-consent"
	withoutHIV = "Patient/q Patient/other Observation/hr Condition/flu Encounter/e Observation/theirs Practitioner/d AuditEvent/a Consent/the-consent"
	hivCode    = `"code":[{"coding":[{"system":"http://loinc.org","code":"75622-1"}]}]`
	policy     = `"policyRule":` + optOut
)

// consentCase is one Consent, and what it leaves to a caller.
type consentCase struct {
	name    string
	claims  auth.Claims
	action  auth.Action
	members string // of the Consent of q
	want    string
}

func (c consentCase) run(t *testing.T) {
	consents := newConsents()
	consents.Put(resource(t, consentOf("c", "q", c.members)))
	if got := permitted(t, consents, c.claims, c.action); got != c.want {
		t.Errorf("(-want +got)\n%s", cmp.Diff(c.want, got))
	}
}

func TestConsents(t *testing.T) {
	research := doctor
	research.PurposeOfUse = []auth.Coding{{System: "http://terminology.hl7.org/CodeSystem/v3-ActReason", Code: "HRESCH"}}
	emergency := doctor
	emergency.BreakGlass = true
	self, app := auth.Claims{FHIRUser: "Patient/q", Scope: "user/*.rs"}, auth.Claims{Patient: "q", Scope: "patient/*.rs", Client: "app"}
	for _, test := range []consentCase{
		{"opt out", doctor, auth.Read, policy, withoutQ},
		{"opt out, also by search", doctor, auth.Search, policy, withoutQ},
		{"opt out says nothing of writing", doctor, auth.Update, policy, strings.Replace(everything, " AuditEvent/a", "", 1)},
		{"opt out with exceptions", doctor, auth.Read, `"policyRule":{"coding":[{"code":"OPTOUTE"}]},"provision":{"provision":[{"type":"permit",` + hivCode + `}]}`,
			"Patient/other Observation/hiv Observation/panel Observation/theirs Practitioner/d AuditEvent/a Consent/the-consent"},
		{"opt in", doctor, auth.Read, `"policyRule":{"coding":[{"code":"OPTIN"}]}`, everything},
		{"no policy", doctor, auth.Read, `"provision":{"period":{"start":"2020"}}`, everything},
		{"the root denies", doctor, auth.Read, `"provision":{"type":"deny"}`, withoutQ},
		{"the root permits, whatever the policy", doctor, auth.Read, policy + `,"provision":{"type":"permit"}`, everything},
		{"break-glass", emergency, auth.Read, policy, everything},
		{"the patient", self, auth.Read, policy, "Patient/q Observation/hr Observation/hiv Observation/panel Condition/flu Encounter/e Practitioner/d Consent/the-consent"},
		{"an app of the patient", app, auth.Read, policy, "Practitioner/d Consent/the-consent"},
		{"a system", auth.Claims{Scope: "system/*.rs"}, auth.Read, policy, strings.Replace(withoutQ, " AuditEvent/a", "", 1)},

		{"code", doctor, auth.Read, `"provision":{"type":"deny",` + hivCode + `}`, withoutHIV},
		{"code, as an exception", doctor, auth.Read, `"provision":{"type":"permit","provision":[{"type":"deny",` + hivCode + `}]}`, withoutHIV},
		{"an exception to the exception", doctor, auth.Read, `"provision":{"type":"permit","provision":[{"type":"deny",` + hivCode + `,"provision":[{"type":"permit","dataPeriod":{"start":"2024"}}]}]}`,
			strings.Replace(withoutHIV, "Condition", "Observation/panel Condition", 1)},
		{"an exception applies within the root", doctor, auth.Read, `"provision":{"type":"permit","class":[{"code":"Condition"}],"provision":[{"type":"deny"}]}`, strings.Replace(everything, " Condition/flu", "", 1)},
		{"a permission applies within what it is in", doctor, auth.Read, policy + `,"provision":{"provision":[{"type":"deny","class":[{"code":"Condition"}],"provision":[{"type":"permit"}]}]}`,
			"Patient/other Condition/flu Observation/theirs Practitioner/d AuditEvent/a Consent/the-consent"},
		{"a denial within a denial permits nothing", doctor, auth.Read, policy + `,"provision":{"provision":[{"type":"deny","class":[{"code":"Condition"}]}]}`, withoutQ},
		{"a code without coding denies", doctor, auth.Read, `"provision":{"type":"deny","code":[{"text":"secrets"}]}`, withoutQ},
		{"a code without coding does not permit", doctor, auth.Read, policy + `,"provision":{"provision":[{"type":"permit","code":[{"text":"pulse"}]}]}`, withoutQ},
		{"an exception without type denies", doctor, auth.Read, `"provision":{"type":"permit","provision":[{` + hivCode + `}]}`, withoutHIV},
		{"class", doctor, auth.Read, `"provision":{"type":"deny","class":[{"system":"http://hl7.org/fhir/resource-types","code":"Condition"},{"system":"http://hl7.org/fhir/resource-types","code":"Encounter"}]}`,
			"Patient/q Patient/other Observation/hr Observation/hiv Observation/panel Observation/theirs Practitioner/d AuditEvent/a Consent/the-consent"},
		{"class, a profile", doctor, auth.Read, `"provision":{"type":"deny","class":[{"system":"urn:ietf:rfc:3986","code":"https://example.org/sensitive"}]}`, strings.Replace(everything, " Observation/hiv", "", 1)},
		{"class of another kind denies", doctor, auth.Read, `"provision":{"type":"deny","class":[{"system":"http://loinc.org","code":"34133-9"}]}`, withoutQ},
		{"securityLabel", doctor, auth.Read, `"provision":{"type":"deny","securityLabel":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"R"}]}`, strings.Replace(everything, " Observation/hiv", "", 1)},
		{"dataPeriod", doctor, auth.Read, `"provision":{"type":"deny","dataPeriod":{"start":"2020-05-05","end":"2020-05-05"},"class":[{"code":"Observation"},{"code":"Encounter"}]}`,
			"Patient/q Patient/other Observation/panel Condition/flu Observation/theirs Practitioner/d AuditEvent/a Consent/the-consent"},
		{"data, the instance", doctor, auth.Read, `"provision":{"type":"deny","data":[{"meaning":"instance","reference":{"reference":"Encounter/e"}}]}`, strings.Replace(everything, " Encounter/e", "", 1)},
		{"data, and what refers to it", doctor, auth.Read, `"provision":{"type":"deny","data":[{"meaning":"related","reference":{"reference":"Encounter/e"}}]}`,
			"Patient/q Patient/other Observation/hiv Observation/panel Observation/theirs Practitioner/d AuditEvent/a Consent/the-consent"},
		{"data of somebody else", doctor, auth.Read, `"provision":{"type":"deny","data":[{"meaning":"instance","reference":{"reference":"Observation/theirs"}}]}`, everything},
		{"all elements must be met", doctor, auth.Read, `"provision":{"type":"deny","class":[{"code":"Condition"}],` + hivCode + `}`, everything},

		{"purpose", research, auth.Read, `"provision":{"type":"deny","purpose":[{"code":"HRESCH"}]}`, withoutQ},
		{"purpose, another", doctor, auth.Read, `"provision":{"type":"deny","purpose":[{"code":"HRESCH"}]}`, everything},
		{"purpose, none stated is treatment", doctor, auth.Read, `"provision":{"type":"deny","purpose":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"TREAT"}]}`, withoutQ},
		{"action", doctor, auth.Read, `"provision":{"type":"deny","action":[{"coding":[{"code":"correct"}]}]}`, everything},
		{"action, of writing", doctor, auth.Update, `"provision":{"type":"deny","action":[{"coding":[{"code":"correct"}]}]}`, strings.Replace(withoutQ, " AuditEvent/a", "", 1)},
		{"action, of another kind denies", doctor, auth.Delete, `"provision":{"type":"deny","action":[{"coding":[{"code":"glance"}]}]}`, strings.Replace(withoutQ, " AuditEvent/a", "", 1)},
		{"period, now", doctor, auth.Read, `"provision":{"type":"deny","period":{"start":"2026","end":"2026"}}`, withoutQ},
		{"period, over", doctor, auth.Read, `"provision":{"type":"deny","period":{"end":"2026-05"}}`, everything},
		{"period, to come", doctor, auth.Read, `"provision":{"type":"deny","period":{"start":"2026-06-02"}}`, everything},
		{"period that cannot be read", doctor, auth.Read, `"provision":{"type":"deny","period":{"end":"sometime"}}`, withoutQ},
	} {
		t.Run(test.name, test.run)
	}
}

// TestConsentActors denies and permits by who asks.
func TestConsentActors(t *testing.T) {
	halfKnown, stranger, system := doctor, doctor, auth.Claims{Scope: "system/*.rs"}
	halfKnown.FHIRUser, stranger.FHIRUser = "Practitioner/half-known", "Practitioner/stranger"
	for _, test := range []consentCase{
		{"actor", doctor, auth.Read, `"provision":{"type":"deny","actor":[{"role":{},"reference":{"reference":"Practitioner/d"}}]}`, withoutQ},
		{"actor, another", doctor, auth.Read, `"provision":{"type":"deny","actor":[{"reference":{"reference":"Practitioner/x"}}]}`, everything},
		{"actor, the app", doctor, auth.Read, `"provision":{"type":"deny","actor":[{"reference":{"identifier":{"value":"portal"}}}]}`, withoutQ},
		{"actor, another app", doctor, auth.Read, `"provision":{"type":"deny","actor":[{"reference":{"identifier":{"value":"game"}}}]}`, everything},
		{"actor, the user by identifier", doctor, auth.Read, `"provision":{"type":"deny","actor":[{"reference":{"identifier":{"system":"https://idp.example","value":"d@example"}}}]}`, withoutQ},
		{"actor, the app at the issuer", doctor, auth.Read, `"provision":{"type":"deny","actor":[{"reference":{"identifier":{"system":"https://idp.example","value":"portal"}}}]}`, withoutQ},
		{"actor, another user of the issuer", doctor, auth.Read, `"provision":{"type":"deny","actor":[{"reference":{"identifier":{"system":"https://idp.example","value":"e@example"}}}]}`, everything},
		{"actor, whoever is called so cannot be told", doctor, auth.Read, `"provision":{"type":"deny","actor":[{"reference":{"display":"Dr. House"}}]}`, withoutQ},
		{"actor, a name without issuer is an app", doctor, auth.Read, `"provision":{"type":"deny","actor":[{"reference":{"identifier":{"value":"d@example"}}}]}`, everything},
		{"actor, a namesake elsewhere cannot be told", doctor, auth.Read, `"provision":{"type":"deny","actor":[{"reference":{"identifier":{"system":"https://else.example","value":"d@example"}}}]}`, withoutQ},
		{"actor on another server", doctor, auth.Read, `"provision":{"type":"deny","actor":[{"reference":{"reference":"https://else.example/fhir/Practitioner/d"}}]}`, everything},
		{"actor, an organization that the user is of", doctor, auth.Read, `"provision":{"type":"deny","actor":[{"reference":{"reference":"Organization/mine"}}]}`, withoutQ},
		{"actor, another organization", doctor, auth.Read, `"provision":{"type":"deny","actor":[{"reference":{"reference":"Organization/else"}}]}`, everything},
		{"actor, all but another organization", doctor, auth.Read, policy + `,"provision":{"provision":[{"type":"permit","actor":[{"reference":{"reference":"Organization/else"}}]}]}`, withoutQ},
		{"actor, all but the organization that the user is of", doctor, auth.Read, policy + `,"provision":{"provision":[{"type":"permit","actor":[{"reference":{"reference":"Organization/mine"}}]}]}`, everything},
		{"actor, a role of the user", doctor, auth.Read, `"provision":{"type":"deny","actor":[{"reference":{"reference":"PractitionerRole/my-role"}}]}`, withoutQ},
		{"actor, a role of somebody else", doctor, auth.Read, `"provision":{"type":"deny","actor":[{"reference":{"reference":"PractitionerRole/else"}}]}`, everything},
		{"actor, a care team of the user", doctor, auth.Read, `"provision":{"type":"deny","actor":[{"reference":{"reference":"CareTeam/mine"}}]}`, withoutQ},
		{"actor, a care team that is not known denies", doctor, auth.Read, `"provision":{"type":"deny","actor":[{"reference":{"reference":"CareTeam/else"}}]}`, withoutQ},
		{"actor, a care team that is not known does not permit", doctor, auth.Read, policy + `,"provision":{"provision":[{"type":"permit","actor":[{"reference":{"reference":"CareTeam/else"}}]}]}`, withoutQ},
		{"actor, an organization of who is half known", halfKnown, auth.Read, `"provision":{"type":"deny","actor":[{"reference":{"reference":"Organization/else"}}]}`, withoutQ},
		{"actor, an organization of who is half known, permitted", halfKnown, auth.Read, policy + `,"provision":{"provision":[{"type":"permit","actor":[{"reference":{"reference":"Organization/mine"}}]}]}`, everything},
		{"actor, an organization of who cannot be looked up denies", stranger, auth.Read, `"provision":{"type":"deny","actor":[{"reference":{"reference":"Organization/mine"}}]}`, withoutQ},
		{"actor, an organization of a system denies", system, auth.Read, `"provision":{"type":"deny","actor":[{"reference":{"reference":"Organization/mine"}}]}`, strings.Replace(withoutQ, " AuditEvent/a", "", 1)},
		{"actor, a person who is no system", system, auth.Read, `"provision":{"type":"deny","actor":[{"reference":{"reference":"Practitioner/d"}}]}`, strings.Replace(everything, " AuditEvent/a", "", 1)},
		{"all but one actor", doctor, auth.Read, policy + `,"provision":{"provision":[{"type":"permit","actor":[{"reference":{"reference":"Practitioner/d"}}]}]}`, everything},
	} {
		t.Run(test.name, test.run)
	}
}

func newConsents() *auth.Consents {
	return auth.NewConsents(auth.ConsentOptions{BaseURL: base, Clock: func() time.Time { return noon }, Belongs: func(user fhir.Key) (auth.Membership, error) {
		mine := []fhir.Key{{Type: "Organization", ID: "mine"}, {Type: "PractitionerRole", ID: "my-role"}, {Type: "CareTeam", ID: "mine"}}
		switch user {
		case fhir.Key{Type: "Practitioner", ID: "d"}:
			return auth.Membership{Of: mine, Complete: true}, nil
		case fhir.Key{Type: "Practitioner", ID: "half-known"}:
			return auth.Membership{Of: mine}, nil
		}
		return auth.Membership{}, errFamily
	}})
}

// permitted lists what a caller may do something with.
func permitted(t *testing.T, consents *auth.Consents, claims auth.Claims, action auth.Action) string {
	t.Helper()
	g, err := newRules(t, auth.Options{Consents: consents}).Grant(t.Context(), claims)
	if err != nil {
		t.Fatal(err)
	}
	return permittedBy(t, g, action)
}

func permittedBy(t *testing.T, g *auth.Grant, action auth.Action) string {
	t.Helper()
	var seen []string
	for _, res := range clinic(t) {
		err := g.Permits(t.Context(), action, res, nil)
		if err == nil {
			seen = append(seen, res.Type()+"/"+res.ID())
		} else if !isForbidden(err) {
			t.Fatal(err)
		}
	}
	return strings.Join(seen, " ")
}

// TestConsentsThatDoNotCount are Consents without effect.
func TestConsentsThatDoNotCount(t *testing.T) {
	everything := permitted(t, newConsents(), doctor, auth.Read)
	active := consentOf("c", "q", `"policyRule":`+optOut)
	for name, text := range map[string]string{
		"rejected":           strings.Replace(active, `"active"`, `"rejected"`, 1),
		"about research":     strings.Replace(active, "patient-privacy", "research", 1),
		"about treatment":    strings.Replace(active, "patient-privacy", "treatment", 1),
		"advance directive":  strings.Replace(active, "patient-privacy", "adr", 1),
		"of another server":  strings.Replace(active, "Patient/q", "https://elsewhere.example/fhir/Patient/q", 1),
		"of nobody":          strings.Replace(active, "Patient/q", "#q", 1),
		"of a group":         strings.Replace(active, "Patient/q", "Group/q", 1),
		"of somebody unseen": strings.Replace(active, "Patient/q", "Patient/qq", 1),
	} {
		consents := newConsents()
		consents.Put(resource(t, text))
		if got := permitted(t, consents, doctor, auth.Read); got != everything {
			t.Errorf("%s: %s", name, got)
		}
	}
	for name, text := range map[string]string{
		"by URL":                   strings.Replace(active, "Patient/q", base+"/Patient/q", 1),
		"of a scope of its own":    strings.Replace(active, "patient-privacy", "whatever", 1),
		"of privacy and treatment": strings.Replace(active, `"coding":[`, `"coding":[{"code":"treatment"},`, 1),
	} {
		consents := newConsents()
		consents.Put(resource(t, text))
		if got := permitted(t, consents, doctor, auth.Read); got == everything {
			t.Errorf("%s: it denies nothing", name)
		}
	}
}

// TestConsentsChange holds one grant while consents come and go, and time passes.
func TestConsentsChange(t *testing.T) {
	now := noon
	consents := auth.NewConsents(auth.ConsentOptions{Clock: func() time.Time { return now }})
	g, err := newRules(t, auth.Options{Consents: consents}).Grant(t.Context(), doctor)
	if err != nil {
		t.Fatal(err)
	}
	step := func(what string, denied bool) {
		t.Helper()
		if got := !strings.Contains(permittedBy(t, g, auth.Read), "Patient/q"); got != denied {
			t.Errorf("%s: denied %v", what, got)
		}
	}
	out := `"policyRule":` + optOut
	step("nothing yet", false)
	consents.Put(resource(t, consentOf("c", "q", out)))
	step("opt out", true)
	consents.Put(resource(t, strings.Replace(consentOf("c", "q", out), "active", "inactive", 1)))
	step("withdrawn", false)
	consents.Put(resource(t, consentOf("c", "q", out)))
	consents.Remove("c")
	step("deleted", false)
	consents.Put(resource(t, consentOf("c", "q", `"provision":{"type":"deny","period":{"start":"2026-06-02T00:00:00Z","end":"2026-06-03T00:00:00Z"}}`)))
	step("before the period", false)
	now = noon.Add(13 * time.Hour)
	step("within it", true)
	now = noon.Add(72 * time.Hour)
	step("after it", false)

	sequence := func(failure error) iter.Seq2[*fhir.Resource, error] {
		return func(yield func(*fhir.Resource, error) bool) {
			_ = yield(resource(t, consentOf("d", "q", out)), nil) && yield(resource(t, consentOf("e", "other", "")), failure)
		}
	}
	if err := consents.Load(sequence(errFamily)); !errors.Is(err, errFamily) {
		t.Error(err)
	}
	step("a failed load changes nothing", false)
	if err := consents.Load(sequence(nil)); err != nil {
		t.Fatal(err)
	}
	step("loaded", true)
	consents.Remove("c")
	consents.Remove("d")
	step("deleted again", false)
}

// TestConsentsMembership changes what a user belongs to while one grant is held: it is looked up when it matters only, and seen within MembershipLife.
func TestConsentsMembership(t *testing.T) {
	now, asked := noon, 0
	var member auth.Membership
	var failure error
	consents := auth.NewConsents(auth.ConsentOptions{Clock: func() time.Time { return now }, Belongs: func(fhir.Key) (auth.Membership, error) {
		asked++
		return member, failure
	}})
	g, err := newRules(t, auth.Options{Consents: consents}).Grant(t.Context(), doctor)
	if err != nil {
		t.Fatal(err)
	}
	step := func(what string, passes time.Duration, denied bool, lookups int) {
		t.Helper()
		now, asked = now.Add(passes), 0
		if got := !strings.Contains(permittedBy(t, g, auth.Read), "Patient/q"); got != denied || asked != lookups {
			t.Errorf("%s: denied %v, asked %d times", what, got, asked)
		}
	}
	mine := auth.Membership{Of: []fhir.Key{{Type: "Organization", ID: "mine"}}, Complete: true}
	consents.Put(resource(t, consentOf("p", "q", `"provision":{"type":"deny","actor":[{"reference":{"reference":"Practitioner/x"}}]}`)))
	step("a Consent about another person asks nothing", 0, false, 0)
	consents.Put(resource(t, consentOf("c", "q", `"provision":{"type":"deny","actor":[{"reference":{"reference":"Organization/mine"}}]}`)))
	step("nothing is known", 0, true, 1)
	member = auth.Membership{Complete: true}
	step("remembered", auth.MembershipLife-time.Nanosecond, true, 0)
	step("looked up again", time.Nanosecond, false, 1)
	member = mine
	step("remembered again", auth.MembershipLife-time.Nanosecond, false, 0)
	step("joined", time.Nanosecond, true, 1)
	member, failure = auth.Membership{Complete: true}, errFamily
	step("while it fails nothing is known", auth.MembershipLife, true, 1)
	failure = nil
	step("a failure is not remembered for long", time.Second, false, 1)
}

// TestConsentsOfMany puts references to many patients into one condition.
func TestConsentsOfMany(t *testing.T) {
	consents := newConsents()
	for i := range 1000 {
		consents.Put(resource(t, consentOf(fmt.Sprint(i), fmt.Sprintf("x%d", i), `"policyRule":`+optOut)))
	}
	g, err := newRules(t, auth.Options{Consents: consents}).Grant(t.Context(), doctor)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("not or keys [performer␁rPatient/x0, performer␁rPatient/x999␀) among 1000 keys [subject␁rPatient/x0, subject␁rPatient/x999␀) among 1000", limit(g, "Observation", auth.Read)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for id, want := range map[string]bool{"x7": false, "x998": false, "x": true, "x1000": true, "q": true} {
		err := g.Permits(t.Context(), auth.Read, resource(t, `{"resourceType":"Observation","id":"o","subject":{"reference":"Patient/`+id+`"}}`), nil)
		if (err == nil) != want {
			t.Errorf("%s: %v", id, err)
		}
	}
}

// TestConsentsOfOthers has callers who are patients, or act for one, and more.
func TestConsentsOfOthers(t *testing.T) {
	consents := newConsents()
	out := `"policyRule":` + optOut
	consents.Put(resource(t, consentOf("q", "q", out)))
	both := resource(t, `{"resourceType":"Appointment","id":"both","participant":[{"actor":{"reference":"Patient/q"}},{"actor":{"reference":"Patient/other"}}]}`)
	administrator := auth.Claims{FHIRUser: "Patient/q", Roles: []auth.Coding{{System: auth.RoleSystem, Code: auth.RoleAdministrator}}, Scope: "user/*.rs"}
	sees := func(what string, claims auth.Claims, res *fhir.Resource, want bool) {
		t.Helper()
		g, err := newRules(t, auth.Options{Consents: consents}).Grant(t.Context(), claims)
		if err != nil {
			t.Fatal(err)
		}
		if err := g.Permits(t.Context(), auth.Read, res, nil); (err == nil) != want {
			t.Errorf("%s: %v", what, err)
		}
	}
	sees("a professional does not see what one of two denied", doctor, both, false)
	sees("the app of the other does", auth.Claims{Patient: "other", Scope: "patient/*.rs"}, both, true)
	sees("the app of the one does not", auth.Claims{Patient: "q", Scope: "patient/*.rs"}, both, false)
	sees("an administrator who is the patient", administrator, resource(t, `{"resourceType":"Patient","id":"q"}`), true)
	consents.Put(resource(t, consentOf("o", "other", out)))
	sees("an administrator who is a patient, of another", administrator, resource(t, `{"resourceType":"Patient","id":"other"}`), false)
	sees("the app of the other, who denied too", auth.Claims{Patient: "other", Scope: "patient/*.rs"}, both, false)
}

// TestConsentsRace changes Consents while they are asked. Each answer is one of before or after.
func TestConsentsRace(t *testing.T) {
	consents := newConsents()
	g, err := newRules(t, auth.Options{Consents: consents}).Grant(t.Context(), doctor)
	if err != nil {
		t.Fatal(err)
	}
	var changing sync.WaitGroup
	changing.Go(func() {
		for i := range 200 {
			consents.Put(resource(t, consentOf(fmt.Sprint(i%3), "q", `"policyRule":`+optOut)))
			consents.Remove(fmt.Sprint((i + 1) % 3))
		}
		consents.Remove("0")
		consents.Remove("1")
		consents.Remove("2")
	})
	const denied = "not or key performer␁rPatient/q key subject␁rPatient/q"
	for range 200 {
		if got := limit(g, "Observation", auth.Read); got != all && got != denied {
			t.Fatalf("limit %s", got)
		}
	}
	changing.Wait()
	if got := limit(g, "Observation", auth.Read); got != all {
		t.Errorf("in the end: %s", got)
	}
}

func TestConsentPlan(t *testing.T) {
	consents := newConsents()
	consents.Put(resource(t, consentOf("1", "a", `"policyRule":`+optOut)))
	consents.Put(resource(t, consentOf("2", "b", `"policyRule":`+optOut)))
	consents.Put(resource(t, consentOf("3", "b", `"provision":{"type":"deny","class":[{"code":"Encounter"}]}`)))
	consents.Put(resource(t, consentOf("4", "c", `"provision":{"type":"deny","code":[{"coding":[{"code":"flu"}]}]}`)))
	g, err := newRules(t, auth.Options{Consents: consents}).Grant(t.Context(), doctor)
	if err != nil {
		t.Fatal(err)
	}
	for typ, want := range map[string]string{
		"Encounter":    "not or and key subject␁rPatient/c keys type␁tflu␁… key subject␁rPatient/a key subject␁rPatient/b",
		"Account":      "not or and key subject␁rPatient/c keys type␁tflu␁… key subject␁rPatient/a key subject␁rPatient/b",
		"Goal":         "not or key subject␁rPatient/a key subject␁rPatient/b",
		"DeviceMetric": "not or and refers under source to Device key patient␁rPatient/c keys type␁tflu␁… refers under source to Device or key patient␁rPatient/a key patient␁rPatient/b",
		"Condition":    "not or and or key asserter␁rPatient/c key subject␁rPatient/c keys code␁tflu␁… key asserter␁rPatient/a key asserter␁rPatient/b key subject␁rPatient/a key subject␁rPatient/b",
		"Practitioner": all,
		"Group":        all,
		"AuditEvent":   all,
	} {
		if diff := cmp.Diff(want, limit(g, typ, auth.Read)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", typ, diff)
		}
	}
	if got := limit(g, "Encounter", auth.Create); got != all {
		t.Errorf("creating: %s", got)
	}
}

// FuzzConsent gives the index any Consent: it must not fail, nor deny more than the patient's.
func FuzzConsent(f *testing.F) {
	f.Add(consentOf("c", "q", `"policyRule":`+optOut))
	f.Add(consentOf("c", "q", `"provision":{"type":"deny","period":{"start":"2020"},"actor":[{"reference":{"reference":"Practitioner/d"}}],"action":[{"coding":[{"code":"access"}]}],"securityLabel":[{"code":"R"}],
		"purpose":[{"code":"TREAT"}],"class":[{"code":"Observation"}],"code":[{"coding":[{"code":"a|b,c"}]}],"dataPeriod":{"end":"2030"},"data":[{"meaning":"related","reference":{"reference":"Encounter/e"}}],
		"provision":[{"type":"permit"},{"provision":[{"type":"permit"}]}]}`))
	f.Fuzz(func(t *testing.T, text string) {
		res, err := fhir.ParseResource([]byte(text))
		if err != nil {
			return
		}
		consents := newConsents()
		consents.Put(res)
		for _, claims := range []auth.Claims{doctor, {Scope: "system/*.cruds"}} {
			g, err := newRules(t, auth.Options{Consents: consents}).Grant(t.Context(), claims)
			if err != nil {
				t.Fatal(err)
			}
			for _, res := range clinic(t) {
				isTheirs := res.ID() == "other" || res.ID() == "theirs" || res.Type() == "Practitioner"
				for action := auth.Create; action <= auth.Search; action <<= 1 {
					if err := g.Permits(t.Context(), action, res, nil); err != nil && (!isForbidden(err) || isTheirs && !strings.Contains(text, "Patient/other")) {
						t.Fatalf("%s %s/%s: %v", action, res.Type(), res.ID(), err)
					}
				}
			}
		}
	})
}
