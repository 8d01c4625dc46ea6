package authmatrix

import (
	"slices"
	"strings"

	"github.com/firth-health/firth/auth"
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
	mine := func(types, letters string) []rule { return []rule{{of: "p1", types: types, letters: letters}} }
	return []caller{
		{"p1 all", "patient/*", app("p1", "patient/*.cruds"), mine("*", "cruds"), false},
		{"p1 reads all", "patient/*", app("p1", "openid launch/patient patient/*.rs"), mine("*", "rs"), false},
		{"p1 v1", "patient/*", app("p1", "patient/*.read patient/Observation.write"), []rule{{of: "p1", types: "*", letters: "rs"}, {of: "p1", types: "Observation", letters: "cud"}}, false},
		{"p2 all", "patient/*", app("p2", "patient/*.cruds"), []rule{{of: "p2", types: "*", letters: "cruds"}}, false},
		{"p3 without data", "patient/*", app("p3", "patient/*.cruds"), []rule{{of: "p3", types: "*", letters: "cruds"}}, false},
		{"p9 unknown", "patient/*", app("p9", "patient/*.rs"), []rule{{of: "p9", types: "*", letters: "rs"}}, false},
		{"p1 Observations", "patient/Type", app("p1", "patient/Observation.cruds"), mine("Observation", "cruds"), false},
		{"p1 three types", "patient/Type", app("p1", "patient/Patient.rs patient/Observation.rs patient/Practitioner.rs"), mine("Patient Observation Practitioner", "rs"), false},
		{"p1 audit", "patient/Type", app("p1", "patient/Patient.rs patient/AuditEvent.rs"), mine("Patient AuditEvent", "rs"), false},
		{"p1 no Observations", "patient/Type", app("p1", "patient/Patient.rs patient/Encounter.rs patient/List.rs patient/Composition.rs patient/DiagnosticReport.rs patient/Task.rs"),
			mine("Patient Encounter List Composition DiagnosticReport Task", "rs"), false},
		{"p1 vital signs", "patient/ granular", app("p1", "patient/Patient.rs patient/Observation.cruds?"+vitals),
			[]rule{{of: "p1", types: "Patient", letters: "rs"}, {of: "p1", types: "Observation", letters: "cruds", within: hasVital}}, false},
		{"p1 vital signs and lab", "patient/ granular", app("p1", "patient/Observation.rs?"+vitals+" patient/Observation.rs?"+labs+" patient/Encounter.rs"),
			[]rule{{of: "p1", types: "Observation", letters: "rs", within: hasVital}, {of: "p1", types: "Observation", letters: "rs", within: hasLab}, {of: "p1", types: "Encounter", letters: "rs"}}, false},
		{"p1 not vital signs", "patient/ granular", app("p1", "patient/Patient.rs patient/Observation.rs?category:not=vital-signs"),
			[]rule{{of: "p1", types: "Patient", letters: "rs"}, {of: "p1", types: "Observation", letters: "rs", without: hasVital}}, false},
		{"p1 writes vital signs", "patient/ granular", app("p1", "patient/*.rs patient/Observation.cud?"+vitals),
			[]rule{{of: "p1", types: "*", letters: "rs"}, {of: "p1", types: "Observation", letters: "cud", within: hasVital}}, false},
		{"p1 reads only", "letters", app("p1", "patient/*.r"), mine("*", "r"), false},
		{"p1 searches only", "letters", app("p1", "patient/*.s"), mine("*", "s"), false},
		{"p1 writes only", "letters", app("p1", "patient/*.cud"), mine("*", "cud"), false},
		{"user p2", "user/", user("Patient/p2", "user/*.cruds"), []rule{{of: "p2", types: "*", letters: "cruds"}}, false},
		{"user doctor", "user/", user("Practitioner/dr", "user/*.cruds"), []rule{{of: all, types: "*", letters: "cruds"}}, false},
		{"user doctor vital signs", "user/", user("Practitioner/dr", "user/Patient.rs user/Observation.rs?"+vitals),
			[]rule{{of: all, types: "Patient", letters: "rs"}, {of: all, types: "Observation", letters: "rs", within: hasVital}}, false},
		{"administrator", "user/", admin, []rule{{of: all, types: "*", letters: "cruds"}}, true},
		{"system all", "system/", client("system/*.cruds system/AuditEvent.rs"), []rule{{of: all, types: "* AuditEvent", letters: "rs"}, {of: all, types: "*", letters: "cud"}}, true},
		{"system labs", "system/", client("system/Patient.rs system/Observation.cruds?" + labs),
			[]rule{{of: all, types: "Patient", letters: "rs"}, {of: all, types: "Observation", letters: "cruds", within: hasLab}}, false},
		{"gateway", "system/", client("system/Observation.c"), []rule{{of: all, types: "Observation", letters: "c"}}, false},
		{"no scopes", "nothing", app("p1", "openid fhirUser offline_access"), nil, false},
		{"no patient", "nothing", app("", "patient/*.cruds"), nil, false},
		{"no user", "nothing", user("", "user/*.cruds"), nil, false},
		{"a user with a system scope", "nothing", user("Practitioner/dr", "system/*.cruds"), nil, false},
		{"a scope of another server", "nothing", app("p1", "patient/Unheard.rs patient/Observation.sr"), nil, false},
	}
}

// closed are types of which patients see nothing, directories those that they see whole.
const (
	closed      = "Binary Bundle Group Subscription"
	directories = "Organization Practitioner Location Medication SearchParameter StructureDefinition ValueSet Questionnaire"
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
		case r.of == all || v.owners == everybodys:
			return true
		case writes && v.writers() == r.of && (v.typ() != "Patient" || v.id() == r.of), !writes && among(v.owners, r.of):
			return true
		}
	}
	return false
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
