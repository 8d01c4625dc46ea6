package auth_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/search"
)

var update = flag.Bool("update", false, "write golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got)\n%s", name, diff)
	}
}

const (
	nothing = "nothing"
	all     = "all"
)

// limit writes what a grant allows on one line.
func limit(g *auth.Grant, typ string, actions auth.Action) string {
	plan, ok := g.Limit(typ, actions)
	switch {
	case !ok:
		return nothing
	case plan == nil:
		return all
	}
	return strings.Join(strings.Fields(search.Explain(plan)), " ")
}

// What limits are made of.
const (
	ownObservations = "or key performer␁rPatient/p key subject␁rPatient/p"
	notOthers       = "not or keys [performer␁rPatient/, performer␁rPatient/p) keys [performer␁rPatient/p␀, performer␁rPatient/p/) keys [performer␁rPatient/p0, performer␁rPatient0)" +
		" keys [subject␁rPatient/, subject␁rPatient/p) keys [subject␁rPatient/p␀, subject␁rPatient/p/) keys [subject␁rPatient/p0, subject␁rPatient0)"
	lab, vital = "keys category␁tlaboratory␁…", "keys category␁tvital-signs␁…"
)

// limitCase is what a token gives of a type.
type limitCase struct {
	name    string
	claims  auth.Claims
	scope   string
	typ     string
	actions auth.Action
	want    string
}

// The claims of somebody who looks at a patient, and of a professional who does.
func inContext() auth.Claims    { return auth.Claims{Patient: "p"} }
func professional() auth.Claims { return auth.Claims{FHIRUser: "Practitioner/d", Patient: "p"} }

// patientLimits are of the compartment of the patient in context, and of granular scopes within it.
func patientLimits() []limitCase {
	patient := inContext()
	return []limitCase{
		{"nothing asked", patient, "", "Observation", auth.Read, nothing},
		{"the compartment", patient, "patient/Observation.rs", "Observation", auth.Read, ownObservations},
		{"another type", patient, "patient/Observation.rs", "Condition", auth.Read, nothing},
		{"another action", patient, "patient/Observation.rs", "Observation", auth.Create, nothing},
		{"of several actions one", patient, "patient/Observation.s", "Observation", auth.Read | auth.Search, ownObservations},
		{"all types", patient, "patient/*.rs", "Condition", auth.Search, "or key asserter␁rPatient/p key subject␁rPatient/p"},
		{"v1", patient, "patient/*.read", "Observation", auth.Search, ownObservations},
		{"v1 write", patient, "patient/Observation.write", "Observation", auth.Update, "and " + ownObservations + " " + notOthers},
		{"the patient, and records linked to it", patient, "patient/*.rs", "Patient", auth.Read, "or ids p key link␁rPatient/p"},
		{"only the patient's own record is written", patient, "patient/*.cruds", "Patient", auth.Update,
			"and ids p not or keys [link␁rPatient/, link␁rPatient/p) keys [link␁rPatient/p␀, link␁rPatient/p/) keys [link␁rPatient/p0, link␁rPatient0)"},
		{"without a patient", auth.Claims{}, "patient/*.cruds", "Observation", auth.Read, nothing},
		{"without a patient, of a directory", auth.Claims{}, "patient/*.cruds", "Practitioner", auth.Read, nothing},
		{"a patient that is no id", auth.Claims{Patient: "Patient/p"}, "patient/*.rs", "Observation", auth.Read, nothing},
		{"one granular scope", patient, "patient/Observation.rs?category=laboratory", "Observation", auth.Read, "and " + ownObservations + " " + lab},
		{"two granular scopes", patient, "patient/Observation.rs?category=laboratory patient/Observation.rs?category=vital-signs", "Observation", auth.Read,
			"or and " + ownObservations + " " + lab + " and " + ownObservations + " " + vital},
		{"two constraints of one", patient, "patient/Observation.rs?category=laboratory&category=vital-signs", "Observation", auth.Read, "and " + ownObservations + " " + lab + " " + vital},
		{"a granular scope beside a whole one", patient, "patient/Observation.rs?category=laboratory patient/Observation.rs", "Observation", auth.Read,
			"or and " + ownObservations + " " + lab + " key performer␁rPatient/p key subject␁rPatient/p"},
		{"a granular scope by the patient", patient, "patient/Observation.rs?subject=Patient/p", "Observation", auth.Read, "and " + ownObservations + " key subject␁rPatient/p"},
		{"a granular scope for all types", patient, "patient/*.rs?_tag=x", "Observation", auth.Read, "and " + ownObservations + " keys _tag␁tx␁…"},
		{"granular reading, whole writing", patient, "patient/Observation.rs?category=laboratory patient/Observation.c", "Observation", auth.Create, "and " + ownObservations + " " + notOthers},
	}
}

// typeLimits are of types that are not in the compartment by themselves.
func typeLimits() []limitCase {
	patient := inContext()
	return []limitCase{
		{"directory", patient, "patient/*.cruds", "Practitioner", auth.Read, all},
		{"directory, written", patient, "patient/*.cruds", "Practitioner", auth.Update, nothing},
		{"directory, granular", patient, "patient/Organization.rs?active=true", "Organization", auth.Read, "keys active␁ttrue␁…"},
		{"devices", patient, "patient/*.rs", "Device", auth.Read, "key patient␁rPatient/p"},
		{"metrics of devices", patient, "patient/*.cruds", "DeviceMetric", auth.Search, "refers under source to Device key patient␁rPatient/p"},
		{"metrics of devices, written", patient, "patient/*.cruds", "DeviceMetric", auth.Create, nothing},
		{"where data came from", patient, "patient/Provenance.rs patient/Encounter.r patient/Practitioner.rs patient/Condition.s?code=x", "Provenance", auth.Search,
			"or key target␁rPatient/p refers under target to Condition and or key asserter␁rPatient/p key subject␁rPatient/p keys code␁tx␁… refers under target to Encounter key subject␁rPatient/p"},
		{"where data came from, written", patient, "patient/Provenance.cruds patient/Encounter.r", "Provenance", auth.Create,
			"and key target␁rPatient/p not or keys [target␁rPatient/, target␁rPatient/p) keys [target␁rPatient/p␀, target␁rPatient/p/) keys [target␁rPatient/p0, target␁rPatient0)"},
		{"groups", patient, "patient/*.rs patient/Group.rs", "Group", auth.Read, nothing},
		{"binaries", patient, "patient/Binary.rs", "Binary", auth.Read, nothing},
		{"subscriptions", patient, "patient/*.cruds", "Subscription", auth.Read, nothing},
		{"no resource type", patient, "patient/*.rs", "Resource", auth.Read, nothing},
	}
}

// auditLimits are of AuditEvents.
func auditLimits() []limitCase {
	patient, practitioner := inContext(), professional()
	return []limitCase{
		{"audit events need a scope of their own", patient, "patient/*.rs user/*.cruds", "AuditEvent", auth.Read, nothing},
		{"a patient's audit events", patient, "patient/AuditEvent.cruds", "AuditEvent", auth.Read, "or key agent␁rPatient/p key entity␁rPatient/p"},
		{"a patient writes no audit events", patient, "patient/AuditEvent.cruds", "AuditEvent", auth.Create, nothing},
		{"audit events of all", practitioner, "user/AuditEvent.cruds", "AuditEvent", auth.Search, all},
		{"audit events are added", auth.Claims{}, "system/AuditEvent.cruds", "AuditEvent", auth.Create, all},
		{"and not changed", auth.Claims{}, "system/AuditEvent.cruds", "AuditEvent", auth.Update, nothing},
		{"or deleted", auth.Claims{}, "system/AuditEvent.cruds", "AuditEvent", auth.Delete, nothing},
	}
}

// userLimits are of who is logged in.
func userLimits() []limitCase {
	practitioner := professional()
	return []limitCase{
		{"a practitioner", practitioner, "user/*.cruds", "Observation", auth.Update, all},
		{"a practitioner's scopes", practitioner, "user/Observation.rs", "Observation", auth.Update, nothing},
		{"a practitioner in a role", auth.Claims{FHIRUser: "PractitionerRole/d"}, "user/*.cruds", "Observation", auth.Update, all},
		{"a practitioner of another server", auth.Claims{FHIRUser: "https://elsewhere.example/fhir/Practitioner/d"}, "user/*.rs", "Observation", auth.Read, all},
		{"a practitioner, of one patient", practitioner, "patient/*.rs", "Observation", auth.Read, ownObservations},
		{"a practitioner, granular", practitioner, "user/Observation.rs?category=laboratory", "Observation", auth.Read, lab},
		{"more by the user than by the patient", practitioner, "patient/*.rs user/Observation.rs", "Observation", auth.Read, all},
		{"a bit more by the user", practitioner, "patient/*.rs user/Observation.rs?category=laboratory", "Observation", auth.Read, "or key performer␁rPatient/p key subject␁rPatient/p " + lab},
		{"a patient as user", auth.Claims{FHIRUser: "Patient/p"}, "user/*.rs", "Observation", auth.Read, ownObservations},
		{"a patient as user, by URL", auth.Claims{FHIRUser: base + "/Patient/p"}, "user/*.rs", "Observation", auth.Read, ownObservations},
		{"a patient of another server", auth.Claims{FHIRUser: "https://elsewhere.example/fhir/Patient/p"}, "user/*.rs", "Observation", auth.Read, nothing},
		{"a patient as user sees the directory", auth.Claims{FHIRUser: "Patient/p"}, "user/*.rs", "Practitioner", auth.Read, all},
		{"a mother", auth.Claims{FHIRUser: "RelatedPerson/mother"}, "user/*.rs", "Observation", auth.Read,
			"or key performer␁rPatient/daughter key performer␁rPatient/son key subject␁rPatient/daughter key subject␁rPatient/son"},
		{"related to nobody", auth.Claims{FHIRUser: "RelatedPerson/uncle"}, "user/*.rs", "Observation", auth.Read, nothing},
		{"related to nobody, of a directory", auth.Claims{FHIRUser: "RelatedPerson/uncle"}, "user/*.rs", "Practitioner", auth.Read, nothing},
		{"a user who is no resource", auth.Claims{Subject: "root"}, "user/*.rs", "Observation", auth.Read, nothing},
		{"an administrator", auth.Claims{Roles: []auth.Coding{{System: auth.RoleSystem, Code: auth.RoleAdministrator}}}, "user/*.cruds", "Observation", auth.Update, all},
		{"an administrator of something else", auth.Claims{Roles: []auth.Coding{{System: "https://elsewhere.example", Code: auth.RoleAdministrator}}}, "user/*.cruds", "Observation", auth.Read, nothing},
		{"a device as user", auth.Claims{FHIRUser: "Device/d"}, "user/*.rs", "Observation", auth.Read, nothing},
	}
}

// systemLimits are of clients without a user.
func systemLimits() []limitCase {
	patient, practitioner := inContext(), professional()
	return []limitCase{
		{"a system", auth.Claims{}, "system/*.cruds", "Observation", auth.Delete, all},
		{"a gateway", auth.Claims{}, "system/Observation.c", "Observation", auth.Create, all},
		{"a gateway reads nothing", auth.Claims{}, "system/Observation.c", "Observation", auth.Read, nothing},
		{"a system, granular", auth.Claims{}, "system/Observation.rs?category=laboratory", "Observation", auth.Read, lab},
		{"a user is no system", practitioner, "system/*.cruds", "Observation", auth.Read, nothing},
		{"levels do not mix", patient, "user/*.rs system/Condition.rs", "Observation", auth.Read, nothing},
	}
}

// governingLimits are of what the server works by.
func governingLimits() []limitCase {
	practitioner := professional()
	return []limitCase{
		{"what governs is not written by users", practitioner, "user/*.cruds", "SearchParameter", auth.Create, nothing},
		{"what governs is read by users", practitioner, "user/*.cruds", "SearchParameter", auth.Read, all},
		{"what governs is written by administrators", auth.Claims{Roles: []auth.Coding{{System: auth.RoleSystem, Code: auth.RoleAdministrator}}}, "user/*.cruds", "ValueSet", auth.Update, all},
		{"what governs is written by systems", auth.Claims{}, "system/*.cruds", "StructureDefinition", auth.Update, all},
	}
}

func TestLimit(t *testing.T) {
	for _, test := range slices.Concat(patientLimits(), typeLimits(), auditLimits(), userLimits(), systemLimits(), governingLimits()) {
		t.Run(test.name, func(t *testing.T) {
			test.claims.Scope = test.scope
			g := grant(t, test.claims)
			got := limit(g, test.typ, test.actions)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if err := g.Allow(test.typ, test.actions); (err == nil) != (got != nothing) {
				t.Errorf("Allow: %v", err)
			}
			if g.Unlimited(test.typ, test.actions) != (got == all) {
				t.Error("Unlimited disagrees")
			}
		})
	}
}

// TestPatientTypes lists for every type what an app of one patient may see and write of it.
func TestPatientTypes(t *testing.T) {
	g := grant(t, auth.Claims{Patient: "p", Scope: "patient/*.cruds"})
	var b strings.Builder
	for _, typ := range definitions(t).ResourceTypes() {
		read, write := limit(g, typ, auth.Read), limit(g, typ, auth.Update)
		if read != limit(g, typ, auth.Search) || write != limit(g, typ, auth.Create) && typ != "Patient" || write != limit(g, typ, auth.Delete) {
			t.Errorf("%s: actions differ", typ)
		}
		written := "not written"
		if write != nothing {
			written = "written"
		}
		fmt.Fprintf(&b, "%s: %s; %s\n", typ, read, written)
	}
	golden(t, "patient-types.txt", b.String())
}

func TestGrantIgnores(t *testing.T) {
	g := grant(t, auth.Claims{Patient: "p", Scope: "email patient/Observation.rs\tpatient/Nothing.rs patient/Condition.rs?colour=red api://else openid"})
	if got := g.Scopes().String(); got != "patient/Observation.rs openid" {
		t.Errorf("counted: %s", got)
	}
	var why []string
	for _, err := range g.Ignored() {
		var refused *auth.ScopeError
		if errors.As(err, &refused) {
			why = append(why, refused.Scope)
		}
	}
	if diff := cmp.Diff([]string{"email", "patient/Nothing.rs", "patient/Condition.rs?colour=red", "api://else"}, why); diff != "" {
		t.Errorf("ignored (-want +got)\n%s", diff)
	}
	if limit(g, "Condition", auth.Read) != nothing {
		t.Error("a scope that is ignored gives something")
	}
	if !g.Has(auth.OpenID) || g.Has(auth.Launch) || g.Has("") {
		t.Error("Has is wrong")
	}
}

func TestGrantOfManyScopes(t *testing.T) {
	text := ""
	for i := range 300 {
		text += fmt.Sprintf("patient/Observation.rs?code=%d ", i)
	}
	g := grant(t, auth.Claims{Patient: "p", Scope: text + "patient/Condition.rs"})
	if len(g.Scopes()) != 256 || len(g.Ignored()) != 1 || limit(g, "Condition", auth.Read) != nothing {
		t.Errorf("%d scopes, ignored %v", len(g.Scopes()), g.Ignored())
	}
}

func TestGrantFails(t *testing.T) {
	_, err := newRules(t, auth.Options{Relations: family{}}).Grant(t.Context(), auth.Claims{FHIRUser: "RelatedPerson/broken", Scope: "user/*.rs"})
	if !errors.Is(err, errFamily) {
		t.Errorf("%v", err)
	}
	if g, err := newRules(t, auth.Options{}).Grant(t.Context(), auth.Claims{FHIRUser: "RelatedPerson/mother", Scope: "user/*.rs"}); err != nil || limit(g, "Observation", auth.Read) != nothing {
		t.Errorf("without a register: %v", err)
	}
}

// ward is the permission to see the patients of one ward, and to write nothing.
type ward struct{}

func (ward) Of(_ context.Context, c *auth.Claims) (func(string, auth.Action) (search.Plan, bool), error) {
	switch c.Subject {
	case "broken":
		return nil, errFamily
	case "chief":
		return nil, nil
	}
	return func(typ string, action auth.Action) (search.Plan, bool) {
		return search.OneKey(search.ReferencePrefix("organization", "Organization") + "ward"), typ == "Patient" && action&(auth.Read|auth.Search) != 0
	}, nil
}

func TestPermissions(t *testing.T) {
	rules := newRules(t, auth.Options{Permissions: ward{}})
	for _, test := range []struct {
		name   string
		claims auth.Claims
		typ    string
		action auth.Action
		want   string
	}{
		{"a nurse", auth.Claims{FHIRUser: "Practitioner/n", Scope: "user/*.cruds"}, "Patient", auth.Read, "key organization␁rOrganization/ward"},
		{"a nurse, granular", auth.Claims{FHIRUser: "Practitioner/n", Scope: "user/Patient.rs?active=true"}, "Patient", auth.Read, "and key organization␁rOrganization/ward keys active␁ttrue␁…"},
		{"a nurse writes", auth.Claims{FHIRUser: "Practitioner/n", Scope: "user/*.cruds"}, "Patient", auth.Update, nothing},
		{"another type", auth.Claims{FHIRUser: "Practitioner/n", Scope: "user/*.cruds"}, "Observation", auth.Read, nothing},
		{"break-glass", auth.Claims{FHIRUser: "Practitioner/n", Scope: "user/*.cruds", BreakGlass: true}, "Observation", auth.Read, all},
		{"somebody without limits", auth.Claims{Subject: "chief", FHIRUser: "Practitioner/c", Scope: "user/*.rs"}, "Observation", auth.Read, all},
		{"scopes come first", auth.Claims{Subject: "chief", FHIRUser: "Practitioner/c", Scope: "user/Patient.rs"}, "Observation", auth.Read, nothing},
		{"systems have none", auth.Claims{Scope: "system/*.rs"}, "Observation", auth.Read, all},
		{"patients have none", auth.Claims{FHIRUser: "Patient/p", Scope: "user/*.rs"}, "Encounter", auth.Read, "key subject␁rPatient/p"},
	} {
		t.Run(test.name, func(t *testing.T) {
			g, err := rules.Grant(t.Context(), test.claims)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, limit(g, test.typ, test.action)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
	if _, err := rules.Grant(t.Context(), auth.Claims{Subject: "broken", FHIRUser: "Practitioner/n", Scope: "user/*.rs"}); !errors.Is(err, errFamily) {
		t.Errorf("%v", err)
	}
}

func TestOwner(t *testing.T) {
	one := auth.Claims{Issuer: "i", Subject: "s", Client: "c", Patient: "p", Scope: "patient/*.rs openid", TokenID: "1"}
	same := one
	same.TokenID, same.Scope = "2", "patient/*.rs  openid unknown"
	if grant(t, one).Owner() != grant(t, same).Owner() {
		t.Error("another token of the same owner has another name")
	}
	for i, change := range []func(*auth.Claims){
		func(c *auth.Claims) { c.Subject = "t" }, func(c *auth.Claims) { c.Client = "d" }, func(c *auth.Claims) { c.Patient = "q" }, func(c *auth.Claims) { c.Scope = "patient/*.r openid" },
		func(c *auth.Claims) { c.BreakGlass = true }, func(c *auth.Claims) { c.Issuer = "j" }, func(c *auth.Claims) { c.Roles = []auth.Coding{{Code: "x"}} },
	} {
		other := one
		change(&other)
		if grant(t, one).Owner() == grant(t, other).Owner() {
			t.Errorf("change %d has the same owner", i)
		}
	}
}
