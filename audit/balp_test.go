package audit

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/fhir"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// slice is one of the agents or entities that a profile of BALP asks for.
type slice struct {
	name     string
	codes    []string // type, as system#code with the end of the system; one of them
	role     []string
	min, max int    // 0: any number
	has      string // members that must be there, with dots for those inside
	hasNot   string // members that must not
}

// balp is a profile of IHE BALP 1.1.4, as its StructureDefinition says it beyond what R4 does.
type balp struct {
	kind, action     string
	subtype          []string // any of them
	outcome          string   // empty: any
	agents, entities []slice
	closed           bool // no other entities
}

// What nearly all profiles say of agents.
const (
	machine     = "who requestor network"
	machineNot  = "media"
	person      = "who requestor"
	personNot   = "media network"
	dcm         = "DCM#"
	participant = "v3-ParticipationType#"
)

func machines(client, server, user []string) []slice {
	return []slice{
		{"client", client, nil, 1, 1, machine, machineNot}, {"server", server, nil, 1, 1, machine, machineNot}, {"user", user, nil, 0, 1, person, personNot},
	}
}

// balpProfiles are read from input/fsh of IHE/ITI.BasicAudit.
func balpProfiles() map[string]*balp {
	source, destination, application := []string{dcm + "110153"}, []string{dcm + "110152"}, []string{dcm + "110150"}
	recipient, authors := []string{participant + "IRCP"}, []string{participant + "AUT", participant + "INF", participant + "CST"}
	object, whole := []string{"audit-entity-type#2"}, []string{"object-role#4", "object-role#3", "object-role#20"}
	transaction := slice{"transaction", []string{"BasicAuditEntityType#XrequestId"}, nil, 0, 1, "what.identifier.value", ""}
	data := []slice{{"data", object, whole, 1, 1, "what", ""}, transaction}
	query := []slice{{"query", object, []string{"object-role#24"}, 1, 1, "query", "what lifecycle detail"}, transaction}
	patient := slice{"patient", []string{"audit-entity-type#1"}, []string{"object-role#1"}, 1, 1, "what.reference", ""}
	rest := func(action string, subtypes string, agents []slice, entities []slice) *balp {
		return &balp{kind: "audit-event-type#rest", action: action, subtype: strings.Fields(subtypes), outcome: "0", agents: agents, entities: entities}
	}
	all := map[string]*balp{
		"Create": rest("C", "restful-interaction#create", machines(source, destination, authors), data),
		"Read":   rest("R", "restful-interaction#read restful-interaction#vread", machines(destination, source, recipient), data),
		"Update": rest("U", "restful-interaction#update restful-interaction#patch", machines(source, destination, authors), data),
		"Delete": rest("D", "restful-interaction#delete", machines(application, []string{"provenance-participant-type#custodian"}, authors), data),
		"Query":  rest("E", "restful-interaction#search restful-interaction#search-type restful-interaction#search-system", machines(source, destination, recipient), query),
	}
	for _, name := range []string{"Create", "Read", "Update", "Delete", "Query"} {
		p := all[name]
		of := *p
		of.entities = append(slices.Clone(p.entities), patient)
		all["Patient"+name] = &of
	}
	all["PrivacyDisclosure.Source"] = &balp{kind: dcm + "110106", action: "R", subtype: []string{"iso-21089-lifecycle#disclose"}, entities: []slice{patient},
		agents: []slice{{"source", source, nil, 1, 1, machine, ""}, {"recipient", destination, nil, 1, 1, machine, ""}}}
	const bare = "altId name location media"
	all["AuthZconsent"] = &balp{kind: dcm + "110113", action: "E", subtype: []string{"AuthZsubType#AuthZ-Consent"}, closed: true,
		agents: []slice{
			{"client", application, nil, 1, 1, machine, "role purposeOfUse " + bare}, {"user", recipient, nil, 1, 1, person, "altId location media network"},
			{"userorg", []string{"v3-RoleClass#PROV"}, nil, 1, 1, person, "role policy network " + bare}, {"authorizer", []string{"extra-security-role-type#authserver"}, nil, 1, 1, person, "role policy network purposeOfUse " + bare},
		},
		entities: []slice{patient, {"consent", []string{"resource-types#Consent"}, nil, 1, 0, "what", ""}, {"token", []string{"UserAgentTypes#UserOauthAgent"}, nil, 0, 1, "what.identifier.value", ""}},
	}
	return all
}

type object = map[string]any

// at is what is in a member, whose name may have dots; nil when it is not there.
func at(v any, name string) any {
	for part := range strings.SplitSeq(name, ".") {
		members, ok := v.(object)
		if !ok {
			return nil
		}
		v = members[part]
	}
	return v
}

// codeOf is a Coding, or the first of a CodeableConcept, as the end of its system and the code.
func codeOf(v any) string {
	if list, ok := at(v, "coding").([]any); ok {
		v = list[0]
	}
	system, _ := at(v, "system").(string)
	return fmt.Sprintf("%s#%v", system[strings.LastIndexByte(system, '/')+1:], at(v, "code"))
}

// check is what of an AuditEvent the profile does not allow.
func (p *balp) check(event object) (problems []string) {
	wrong := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if kind := codeOf(event["type"]); kind != p.kind || event["action"] != p.action || p.outcome != "" && event["outcome"] != p.outcome || event["recorded"] == nil || event["outcome"] == nil {
		wrong("type %s, action %v, outcome %v", kind, event["action"], event["outcome"])
	}
	subtypes, _ := event["subtype"].([]any)
	if !slices.ContainsFunc(subtypes, func(c any) bool { return slices.Contains(p.subtype, codeOf(c)) }) {
		wrong("subtypes %v", subtypes)
	}
	agents, _ := event["agent"].([]any)
	entities, _ := event["entity"].([]any)
	problems = append(problems, sliced("agent", agents, p.agents, false)...)
	return append(problems, sliced("entity", entities, p.entities, p.closed)...)
}

// sliced is what of a list does not fit its slices.
func sliced(list string, items []any, slices_ []slice, closed bool) (problems []string) {
	found := map[string]int{}
	for i, item := range items {
		fits := slices.IndexFunc(slices_, func(s slice) bool {
			return slices.Contains(s.codes, typeOf(item)) && (len(s.role) == 0 || at(item, "role") != nil && slices.Contains(s.role, codeOf(at(item, "role"))))
		})
		if fits < 0 {
			if closed {
				problems = append(problems, fmt.Sprintf("%s %d, %s, fits no slice", list, i, typeOf(item)))
			}
			continue
		}
		s := slices_[fits]
		found[s.name]++
		for name := range strings.FieldsSeq(s.has) {
			if at(item, name) == nil {
				problems = append(problems, fmt.Sprintf("%s %s has no %s", list, s.name, name))
			}
		}
		for name := range strings.FieldsSeq(s.hasNot) {
			if at(item, name) != nil {
				problems = append(problems, fmt.Sprintf("%s %s has %s", list, s.name, name))
			}
		}
	}
	for _, s := range slices_ {
		if n := found[s.name]; n < s.min || s.max > 0 && n > s.max {
			problems = append(problems, fmt.Sprintf("%d of %s %s", n, list, s.name))
		}
	}
	return problems
}

func typeOf(item any) string {
	if at(item, "type") == nil {
		return ""
	}
	return codeOf(at(item, "type"))
}

// kindsOfEvents are all that an event can be about.
func kindsOfEvents() []string {
	return []string{"create", "read", "vread", "update", "patch", "delete", "search-type", "search-system", "history-instance", "history-type", "history-system", "capabilities", "batch", "transaction", "operation",
		"async-status", "async-cancel", "none", Start, Stop, Ingest, Import, Login, Logout, Token, Introspect, Revoke, Consent, Launch, Account, AccountRead, Decision, Export, AdapterSet, Keys, Retention, AuditExport, AuditRead}
}

// TestEventsFitProfiles renders events of every kind, of a user, of a client and of nobody, that succeeded and failed, with a patient and without: each is valid R4, has what the profile asks for that it claims, and
// claims one wherever BALP has one. What events of a user about a patient look like is in testdata/events.
func TestEventsFitProfiles(t *testing.T) {
	profiles := balpProfiles()
	claimed := map[string]bool{}
	for _, kind := range kindsOfEvents() {
		for _, v := range variants() {
			t.Run(kind+" "+v.name, func(t *testing.T) {
				e := eventOf(kind)
				if kind == Decision {
					e.Key, e.Detail = fhir.Key{Type: "Consent", ID: "c1", Version: "1"}, "denied: read of Observation/o1"
				}
				v.change(e)
				_, data := rendered(t, e)
				var event object
				if err := json.Unmarshal(data, &event); err != nil {
					t.Fatal(err)
				}
				name := claim(event)
				if name != "" {
					claimed[name] = true
					if profiles[name] == nil {
						t.Fatal("claims to be of the unknown profile", name)
					}
					for _, problem := range profiles[name].check(event) {
						t.Errorf("%s: %s\n%s", name, problem, data)
					}
				}
				if v.name == "user" {
					golden(t, kind, data)
				}
			})
		}
	}
	for name := range profiles {
		if !claimed[name] {
			t.Error("no event is of profile", name)
		}
	}
}

func claim(event object) string {
	list, _ := at(event, "meta.profile").([]any)
	if len(list) == 0 {
		return ""
	}
	return strings.TrimPrefix(list[0].(string), profileBase)
}

type variant struct {
	name   string
	change func(*Event)
}

func variants() []variant {
	return []variant{
		{"user", func(*Event) {}},
		{"client", func(e *Event) { e.Claims.Subject = e.Claims.Client }},
		{"nobody", func(e *Event) { e.Claims = nil }},
		{"no patient", func(e *Event) { e.Patients = nil }},
		{"refused", func(e *Event) { e.Status, e.Issue = 403, fhir.CodeForbidden }},
		{"failed", func(e *Event) { e.Status, e.Issue = 500, fhir.CodeException }},
		{"break-glass", func(e *Event) { e.Claims.BreakGlass = true }},
		{"little known", func(e *Event) {
			*e = Event{Interaction: e.Interaction, Key: fhir.Key{Type: "Observation", ID: "o1"}, Query: "Observation", Claims: &auth.Claims{Client: "c"}}
		}},
	}
}

// golden compares an event with testdata/events.
func golden(t *testing.T, kind string, data []byte) {
	t.Helper()
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, data, "", "  "); err != nil {
		t.Fatal(err)
	}
	pretty.WriteByte('\n')
	name := filepath.Join("testdata", "events", kind+".json")
	if *update {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, pretty.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), pretty.String()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
