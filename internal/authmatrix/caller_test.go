package authmatrix

import (
	"context"
	"slices"
	"strings"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/internal/teststore"
)

// rule is what one scope gives, in words of this package.
type rule struct {
	of      string // id of a patient, or all
	types   string // with spaces between; * for all but AuditEvent
	letters string
	within  string // the content has this text; empty for any
	without string // the content lacks this text; empty for any
}

const all = "all"

// caller is somebody with a token: the scopes as the server gets them, and the rules as this package understands them.
type caller struct {
	name   string
	class  string // of the table
	claims auth.Claims
	rules  []rule
	admin  bool // may change what governs the server

	policies []policy  // Consents that are in force
	whole    []version // what they are about
}

// asksAll reports whether the caller asks everything.
func (c *caller) asksAll() bool {
	return !teststore.FerretDB() && slices.Contains([]string{"p1 all", "p1 vital signs", "user doctor vital signs"}, c.name)
}

const (
	vitals   = "category=vital-signs"
	labs     = "category=laboratory"
	hasVital = `"code":"vital-signs"`
	hasLab   = `"code":"laboratory"`
)

// callers are all of them, or on FerretDB, which takes seconds to fill a world, some of each class.
func callers() []caller {
	list := everyCaller()
	if !teststore.FerretDB() {
		return list
	}
	some := []string{"p1 all", "p2 all", "p1 vital signs", "p1 writes vital signs", "user doctor vital signs", "system labs", "gateway", "no patient"}
	return slices.DeleteFunc(list, func(c caller) bool { return !slices.Contains(some, c.name) })
}

func everyCaller() []caller {
	app := func(patient, scope string) auth.Claims {
		return auth.Claims{Subject: "u", Client: "app", Patient: patient, Scope: scope}
	}
	user := func(who, scope string) auth.Claims {
		return auth.Claims{Subject: "u", Client: "app", FHIRUser: who, Scope: scope}
	}
	client := func(scope string) auth.Claims { return auth.Claims{Subject: "c", Client: "c", Scope: scope} }
	admin := user("", "user/*.cruds")
	admin.Roles = []auth.Coding{{System: auth.RoleSystem, Code: auth.RoleAdministrator}}
	both := func(scope string) auth.Claims {
		return auth.Claims{Subject: "u", Client: "app", FHIRUser: "Practitioner/dr", Patient: "p1", Scope: scope}
	}
	mine := func(types, letters string) []rule { return []rule{{of: "p1", types: types, letters: letters}} }
	return []caller{
		{name: "p1 all", class: "patient/*", claims: app("p1", "patient/*.cruds"), rules: mine("*", "cruds")},
		{name: "p1 reads all", class: "patient/*", claims: app("p1", "openid launch/patient patient/*.rs"), rules: mine("*", "rs")},
		{name: "p1 v1", class: "patient/*", claims: app("p1", "patient/*.read patient/Observation.write"), rules: []rule{{of: "p1", types: "*", letters: "rs"}, {of: "p1", types: "Observation", letters: "cud"}}},
		{name: "p2 all", class: "patient/*", claims: app("p2", "patient/*.cruds"), rules: []rule{{of: "p2", types: "*", letters: "cruds"}}},
		{name: "p3 without data", class: "patient/*", claims: app("p3", "patient/*.cruds"), rules: []rule{{of: "p3", types: "*", letters: "cruds"}}},
		{name: "p9 unknown", class: "patient/*", claims: app("p9", "patient/*.rs"), rules: []rule{{of: "p9", types: "*", letters: "rs"}}},
		{name: "p1 Observations", class: "patient/Type", claims: app("p1", "patient/Observation.cruds"), rules: mine("Observation", "cruds")},
		{name: "p1 three types", class: "patient/Type", claims: app("p1", "patient/Patient.rs patient/Observation.rs patient/Practitioner.rs"), rules: mine("Patient Observation Practitioner", "rs")},
		{name: "p1 audit", class: "patient/Type", claims: app("p1", "patient/Patient.rs patient/AuditEvent.rs"), rules: mine("Patient AuditEvent", "rs")},
		{name: "p1 no Observations", class: "patient/Type", claims: app("p1", "patient/Patient.rs patient/Encounter.rs patient/List.rs patient/Composition.rs patient/DiagnosticReport.rs patient/Task.rs"),
			rules: mine("Patient Encounter List Composition DiagnosticReport Task", "rs")},
		{name: "p1 vital signs", class: "patient/ granular", claims: app("p1", "patient/Patient.rs patient/Observation.cruds?"+vitals),
			rules: []rule{{of: "p1", types: "Patient", letters: "rs"}, {of: "p1", types: "Observation", letters: "cruds", within: hasVital}}},
		{name: "p1 vital signs and lab", class: "patient/ granular", claims: app("p1", "patient/Observation.rs?"+vitals+" patient/Observation.rs?"+labs+" patient/Encounter.rs"),
			rules: []rule{{of: "p1", types: "Observation", letters: "rs", within: hasVital}, {of: "p1", types: "Observation", letters: "rs", within: hasLab}, {of: "p1", types: "Encounter", letters: "rs"}}},
		{name: "p1 not vital signs", class: "patient/ granular", claims: app("p1", "patient/Patient.rs patient/Observation.rs?category:not=vital-signs"),
			rules: []rule{{of: "p1", types: "Patient", letters: "rs"}, {of: "p1", types: "Observation", letters: "rs", without: hasVital}}},
		{name: "p1 writes vital signs", class: "patient/ granular", claims: app("p1", "patient/*.rs patient/Observation.cud?"+vitals),
			rules: []rule{{of: "p1", types: "*", letters: "rs"}, {of: "p1", types: "Observation", letters: "cud", within: hasVital}}},
		{name: "p1 reads only", class: "letters", claims: app("p1", "patient/*.r"), rules: mine("*", "r")},
		{name: "p1 searches only", class: "letters", claims: app("p1", "patient/*.s"), rules: mine("*", "s")},
		{name: "p1 writes only", class: "letters", claims: app("p1", "patient/*.cud"), rules: mine("*", "cud")},
		{name: "user p2", class: "user/", claims: user("Patient/p2", "user/*.cruds"), rules: []rule{{of: "p2", types: "*", letters: "cruds"}}},
		{name: "user doctor", class: "user/", claims: user("Practitioner/dr", "user/*.cruds"), rules: []rule{{of: all, types: "*", letters: "cruds"}}},
		{name: "user doctor vital signs", class: "user/", claims: user("Practitioner/dr", "user/Patient.rs user/Observation.rs?"+vitals),
			rules: []rule{{of: all, types: "Patient", letters: "rs"}, {of: all, types: "Observation", letters: "rs", within: hasVital}}},
		{name: "user related person", class: "user/", claims: user("RelatedPerson/r1", "user/*.rs"), rules: mine("*", "rs")},
		{name: "user person", class: "user/", claims: user("Person/pe", "user/*.rs"), rules: []rule{{of: "p1", types: "*", letters: "rs"}, {of: "p2", types: "*", letters: "rs"}}},
		{name: "user documents", class: "user/", claims: user("Practitioner/dr", "user/DocumentReference.rs user/Binary.rs user/Patient.rs"), rules: []rule{{of: all, types: "DocumentReference Binary Patient", letters: "rs"}}},
		{name: "user active terms", class: "user/", claims: user("Practitioner/dr", "user/ValueSet.rs?status=active user/CodeSystem.rs?status=active user/Patient.s"),
			rules: []rule{{of: all, types: "ValueSet CodeSystem", letters: "rs", within: `"status":"active"`}, {of: all, types: "Patient", letters: "s"}}},
		{name: "user value sets", class: "user/", claims: user("Practitioner/dr", "user/ValueSet.rs"), rules: []rule{{of: all, types: "ValueSet", letters: "rs"}}},
		{name: "both levels", class: "user/", claims: both("patient/*.rs user/Patient.rs user/Observation.rs?" + labs),
			rules: []rule{{of: "p1", types: "*", letters: "rs"}, {of: all, types: "Patient", letters: "rs"}, {of: all, types: "Observation", letters: "rs", within: hasLab}}},
		{name: "administrator", class: "user/", claims: admin, rules: []rule{{of: all, types: "*", letters: "cruds"}}, admin: true},
		{name: "system all", class: "system/", claims: client("system/*.cruds system/AuditEvent.rs"), rules: []rule{{of: all, types: "* AuditEvent", letters: "rs"}, {of: all, types: "*", letters: "cud"}}, admin: true},
		{name: "system labs", class: "system/", claims: client("system/Patient.rs system/Observation.cruds?" + labs),
			rules: []rule{{of: all, types: "Patient", letters: "rs"}, {of: all, types: "Observation", letters: "cruds", within: hasLab}}},
		{name: "gateway", class: "system/", claims: client("system/Observation.c"), rules: []rule{{of: all, types: "Observation", letters: "c"}}},
		{name: "no scopes", class: "nothing", claims: app("p1", "openid fhirUser offline_access")},
		{name: "no patient", class: "nothing", claims: app("", "patient/*.cruds")},
		{name: "a related person of nobody", class: "nothing", claims: user("RelatedPerson/rx", "user/*.cruds")},
		{name: "no user", class: "nothing", claims: user("", "user/*.cruds")},
		{name: "a user with a system scope", class: "nothing", claims: user("Practitioner/dr", "system/*.cruds")},
		{name: "a scope of another server", class: "nothing", claims: app("p1", "patient/Unheard.rs patient/Observation.sr")},
	}
}

// closed are types of which patients see nothing, directories those that they see whole.
const (
	closed      = "Binary Bundle Group Subscription"
	directories = "Organization Practitioner Location Medication SearchParameter StructureDefinition ValueSet CodeSystem Questionnaire"
	governing   = "SearchParameter StructureDefinition CompartmentDefinition OperationDefinition CapabilityStatement ImplementationGuide StructureMap GraphDefinition CodeSystem ValueSet ConceptMap NamingSystem TerminologyCapabilities"
)

func among(list, word string) bool { return slices.Contains(strings.Fields(list), word) }

// covers reports whether a rule is about an action with a type at all.
func (r rule) covers(typ, letter string) bool {
	if !strings.Contains(r.letters, letter) || !among(r.types, typ) && (!among(r.types, "*") || typ == "AuditEvent") {
		return false
	}
	writes := strings.Contains("cud", letter)
	return r.of == all || !among(closed, typ) && !(writes && (among(directories, typ) || typ == "DeviceMetric"))
}

// allows reports whether the caller may ask for an action with a type. The type * is any.
func (c *caller) allows(typ, letter string) bool {
	for _, r := range c.rules {
		if typ == "*" && strings.Contains(r.letters, letter) || r.covers(typ, letter) {
			if !strings.Contains("cud", letter) || c.admin || !among(governing, typ) {
				return true
			}
		}
	}
	return false
}

// may reports whether the caller may do something with a version as it is.
func (c *caller) may(v *version, letter string) bool {
	for _, r := range c.rules {
		if !r.covers(v.typ(), letter) || !c.allows(v.typ(), letter) || !v.has(r.within) || r.without != "" && v.has(r.without) {
			continue
		}
		writes := strings.Contains("cud", letter)
		switch {
		case c.isDenied(v, letter):
			return false
		case r.of == all || v.owners == everybodys:
			return true
		case writes && v.writers() == r.of && (v.typ() != "Patient" || v.id() == r.of), !writes && among(v.owners, r.of):
			return true
		}
	}
	return false
}

// isDenied reports whether a Consent keeps a version from the caller.
func (c *caller) isDenied(v *version, letter string) bool {
	return slices.ContainsFunc(c.policies, func(p policy) bool { return p.takes(c, v, letter) })
}

func purposes(code string) []auth.Coding {
	return []auth.Coding{{System: "http://terminology.hl7.org/CodeSystem/v3-ActReason", Code: code}}
}

// kin says for whom somebody acts who is neither a patient nor a professional.
type kin struct{}

// PatientsOf implements [auth.Relations].
func (kin) PatientsOf(_ context.Context, user fhir.Key) ([]string, error) {
	return map[string][]string{"RelatedPerson/r1": {"p1"}, "Person/pe": {"p1", "p2"}}[user.String()], nil
}

// sees are the versions that the caller may do something with: those whose own content and whose newest content are within reach, and deletions with what they deleted.
func (c *caller) sees(world []version, letter string) (seen []version) {
	for i := range world {
		newest, content := newestContent(world, world[i].key, len(world)), &world[i]
		if content.body == "" {
			content = newestContent(world, world[i].key, i)
		}
		if newest != nil && content != nil && c.may(newest, letter) && c.may(content, letter) {
			seen = append(seen, world[i])
		}
	}
	return seen
}

// newestContent is the last version with content among the first n of the world; nil when there is none.
func newestContent(world []version, key string, n int) *version {
	for i := n - 1; i >= 0; i-- {
		if world[i].key == key && world[i].body != "" {
			return &world[i]
		}
	}
	return nil
}
