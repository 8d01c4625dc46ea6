package audit

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/spec"
	"github.com/firth-health/firth/fhir/validate"
)

// The shape of an AuditEvent as far as the table of BALP goes.
type (
	shapeCoding  struct{ System, Code string }
	shapeConcept struct{ Coding []shapeCoding }
	shapeWho     struct {
		Reference, Display string
		Identifier         struct{ System, Value string }
	}
	shape struct {
		ID   string
		Meta struct {
			VersionID, LastUpdated string
			Profile                []string
		}
		Contained                              []struct{ ResourceType, ID string }
		Type                                   shapeCoding
		Subtype                                []shapeCoding
		Action, Recorded, Outcome, OutcomeDesc string
		Agent                                  []struct {
			Type         shapeConcept
			Role         []shapeConcept
			Who          shapeWho
			Requestor    *bool
			Policy       []string
			Network      struct{ Address, Type string }
			PurposeOfUse []shapeConcept
		}
		Source struct{ Observer shapeWho }
		Entity []struct {
			What        *shapeWho
			Type, Role  shapeCoding
			Description string
			Query       string
			Detail      []struct{ Type, ValueString string }
		}
	}
)

func (c shapeCoding) String() string {
	return c.System[strings.LastIndexByte(c.System, '/')+1:] + "#" + c.Code
}

// rowOf says of an event what the table says of an interaction: type, subtypes, action, client, server, user, entity, profile.
func rowOf(s *shape) []string {
	var subtypes []string
	for _, c := range s.Subtype {
		subtypes = append(subtypes, c.Code)
	}
	row := []string{s.Type.String(), strings.Join(subtypes, " "), s.Action}
	for _, a := range s.Agent {
		row = append(row, a.Type.Coding[0].String())
	}
	for _, e := range s.Entity {
		what := ""
		if e.What != nil {
			what = " " + e.What.Reference + e.What.Identifier.Value
		}
		kind := e.Type.String()
		if e.Role.Code != "" {
			kind += " " + e.Role.String()
		}
		row = append(row, kind+what)
	}
	for _, p := range s.Meta.Profile {
		row = append(row, strings.TrimPrefix(p, profileBase))
	}
	return row
}

// TestBALP walks all rows of the table of IHE BALP 1.1.4, as rest-and-smart says it, for an event about a patient. Every one is a valid AuditEvent of R4.
func TestBALP(t *testing.T) {
	const (
		source, destination, application = "DCM#110153", "DCM#110152", "DCM#110150"
		author, recipient, custodian     = "v3-ParticipationType#AUT", "v3-ParticipationType#IRCP", "provenance-participant-type#custodian"
		rest                             = "audit-event-type#rest"
		data                             = "audit-entity-type#2 object-role#4 Observation/o1/_history/1"
		query                            = "audit-entity-type#2 object-role#24"
		patient                          = "audit-entity-type#1 object-role#1 Patient/p1"
		transaction                      = "BasicAuditEntityType#XrequestId request-1"
		issued                           = "audit-entity-type#2 object-role#13 jti-1"
		authServer                       = "UserAgentTypes#AuthzOauthService"
	)
	rows := map[string][]string{
		"create":           {rest, "create", "C", source, destination, author, data, patient, transaction, "PatientCreate"},
		"read":             {rest, "read", "R", destination, source, recipient, data, patient, transaction, "PatientRead"},
		"vread":            {rest, "read vread", "R", destination, source, recipient, data, patient, transaction, "PatientRead"},
		"update":           {rest, "update", "U", source, destination, author, data, patient, transaction, "PatientUpdate"},
		"patch":            {rest, "update patch", "U", source, destination, author, data, patient, transaction, "PatientUpdate"},
		"delete":           {rest, "delete", "D", application, custodian, "v3-ParticipationType#CST", data, patient, transaction, "PatientDelete"},
		"search-type":      {rest, "search search-type", "E", source, destination, recipient, query, patient, transaction, "PatientQuery"},
		"search-system":    {rest, "search search-system", "E", source, destination, recipient, query, patient, transaction, "PatientQuery"},
		"history-instance": {rest, "history history-instance", "R", destination, source, recipient, data, patient, transaction},
		"history-type":     {rest, "history history-type", "R", destination, source, recipient, query, patient, transaction},
		"operation":        {rest, "operation", "E", source, destination, recipient, query, patient, transaction},
		"transaction":      {rest, "transaction", "E", source, destination, recipient, query, patient, transaction},
		"batch":            {rest, "batch", "E", source, destination, recipient, query, patient, transaction},
		"capabilities":     {rest, "capabilities", "R", destination, source, recipient, query, patient, transaction},
		Ingest:             {"DCM#110107", "ingest", "C", source, destination, author, query, patient, transaction},
		Login:              {"DCM#110114", "110122", "E", application, application, author, data, patient, transaction},
		Logout:             {"DCM#110114", "110123", "E", application, application, author, data, patient, transaction},
		Import:             {"DCM#110107", "import", "C", source, destination, author, query, patient, transaction},
		Token:              {"DCM#110114", "ITI-71", "E", application, authServer, recipient, query, patient, issued, transaction},
		Introspect:         {"DCM#110114", "ITI-102", "E", application, authServer, recipient, data, patient, transaction},
		Revoke:             {"DCM#110114", "revoke", "E", application, application, author, data, patient, transaction},
		Launch:             {"DCM#110114", "launch", "E", application, application, author, query, patient, transaction},
		Consent:            {"DCM#110113", "consent", "E", application, application, author, data, patient, transaction},
		AccountRead:        {"DCM#110113", "account-read", "R", application, application, author, query, patient, transaction},
		Decision: {"DCM#110113", "AuthZ-Consent", "E", application, recipient, "v3-RoleClass#PROV", "extra-security-role-type#authserver", "resource-types#Consent Observation/o1/_history/1",
			"UserAgentTypes#UserOauthAgent urn:ietf:params:oauth:jti:jti-1", patient, "AuthZconsent"},
		Account:     {"DCM#110113", "110137", "U", application, application, author, data, patient, transaction},
		Export:      {"DCM#110106", "disclose", "R", destination, source, recipient, query, patient, transaction, "PrivacyDisclosure.Source"},
		AdapterSet:  {"DCM#110113", "110131", "U", application, application, author, data, patient, transaction},
		Keys:        {"DCM#110113", "keys", "C", application, data, patient, transaction},
		AuditRead:   {"DCM#110101", "audit-read", "R", destination, source, recipient, query, patient, transaction},
		AuditExport: {"DCM#110101", "audit-export", "R", destination, source, recipient, query, patient, transaction},
		Start:       {"DCM#110100", "110120", "E", application, data, patient, transaction},
		Stop:        {"DCM#110100", "110121", "E", application, data, patient, transaction},
		Retention:   {"iso-21089-lifecycle#destroy", "110101", "D", application, data, patient, transaction},
	}
	for interaction, want := range rows {
		t.Run(interaction, func(t *testing.T) {
			s, _ := rendered(t, eventOf(interaction))
			if diff := cmp.Diff(want, rowOf(s)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			if interaction != Decision { // which has agents of its own
				shapely(t, s, interaction)
			}
		})
	}
}

// eventOf is an event with everything that one can have.
func eventOf(interaction string) *Event {
	return &Event{Interaction: interaction, Key: fhir.Key{Type: "Observation", ID: "o1", Version: "1"}, Query: "Observation?code=http%3A%2F%2Floinc.org%7C8867-4&name=M%C3%BCller", Patients: []string{"p1"},
		Status: 200, RequestID: "request-1", Address: "192.0.2.7", Agent: "app/1.0",
		Claims: &auth.Claims{Issuer: "https://login.example", Subject: "u1", Client: "app", TokenID: "jti-1", FHIRUser: "Practitioner/dr",
			PurposeOfUse: []auth.Coding{{System: systemPurpose, Code: "TREAT", Display: "treatment"}}, Roles: []auth.Coding{{System: "http://snomed.info/sct", Code: "309343006", Display: "Physician"}}}}
}

// r4 validates against the definitions of R4.
var r4 = sync.OnceValues(func() (*validate.Validator, error) {
	defs, err := spec.R4()
	if err != nil {
		return nil, err
	}
	return validate.New(defs), nil
})

// rendered is an event as a valid AuditEvent.
func rendered(t testing.TB, e *Event) (*shape, []byte) {
	t.Helper()
	m := newRenderer(testBase)
	at := time.Date(2026, 11, 21, 8, 0, 0, 1e6, time.UTC)
	r, err := decodeRecord(appendRecord(nil, e, e.Patients, at.UnixMilli()))
	if err != nil {
		t.Fatal(err)
	}
	r.number = 7
	data, err := m.render("1", r, 0)
	if err != nil {
		t.Fatal(err)
	}
	res, err := fhir.ParseResource(data)
	if err != nil {
		t.Fatalf("%v\n%s", err, data)
	}
	validator, err := r4()
	if err != nil {
		t.Fatal(err)
	}
	for _, issue := range validator.Resource(res.Root(), validate.Options{}) {
		t.Errorf("not valid: %s: %v: %s\n%s", issue.Code, issue.Expression, issue.Diagnostics, data)
	}
	s := &shape{}
	if err := json.Unmarshal(data, s); err != nil {
		t.Fatal(err)
	}
	return s, data
}

// shapely checks what all events have in common.
func shapely(t *testing.T, s *shape, interaction string) {
	t.Helper()
	requestors := 0
	for i, a := range s.Agent {
		if a.Requestor == nil || a.Who.Reference+a.Who.Display+a.Who.Identifier.Value == "" {
			t.Errorf("agent %d has no requestor or who", i)
			continue
		}
		if *a.Requestor {
			requestors++
		}
		if isUser := i == 2; !isUser && a.Network.Address == "" {
			t.Errorf("agent %d is nowhere in the network", i)
		}
	}
	if requestors != 1 {
		t.Errorf("%d requestors", requestors)
	}
	if s.ID != "a1-7" || s.Recorded != "2026-11-21T08:00:00.001Z" || s.Meta.LastUpdated != s.Recorded || s.Outcome != "0" || s.Source.Observer.Identifier.Value != testBase {
		t.Errorf("id, instants, outcome or observer: %+v", s)
	}
	for _, e := range s.Entity {
		if e.Role.Code != "24" {
			continue
		}
		raw, err := base64.StdEncoding.DecodeString(e.Query)
		before := testBase + "/"
		switch interaction {
		case Ingest, Token, Launch, AccountRead:
			before = "https://firth.example/"
		case Import, Export, AuditRead:
			before = ""
		}
		if want := before + "Observation?code=http%3A%2F%2Floinc.org%7C8867-4&name=M%C3%BCller"; err != nil || string(raw) != want || e.What != nil {
			t.Errorf("query %q, %v, what %v; want %q", raw, err, e.What, want)
		}
		if want := "Observation?code=http://loinc.org|8867-4&name=Müller"; e.Description != want {
			t.Errorf("description %q, want %q", e.Description, want)
		}
	}
	if len(s.Agent) < 3 {
		return
	}
	client, user := s.Agent[0], s.Agent[2]
	if client.Who.Identifier.Value != "app" || *client.Requestor || user.Who.Identifier.System != "https://login.example" || user.Who.Identifier.Value != "u1" || user.Who.Reference != "Practitioner/dr" {
		t.Errorf("client %+v, user %+v", client, user)
	}
	if diff := cmp.Diff([]string{"jti-1"}, user.Policy); diff != "" {
		t.Error(diff)
	}
	if len(user.Role) != 1 || len(user.PurposeOfUse) != 1 || user.PurposeOfUse[0].Coding[0].Code != "TREAT" {
		t.Errorf("roles %v, purposes %v", user.Role, user.PurposeOfUse)
	}
}

// TestOtherEvents shows what differs from the table: no user, no claims, failures, break-glass, no patient, no id.
func TestOtherEvents(t *testing.T) {
	cases := []struct {
		name   string
		change func(*Event)
		check  func(*shape) bool
	}{
		{"no patient", func(e *Event) { e.Patients = nil }, func(s *shape) bool { return strings.HasSuffix(s.Meta.Profile[0], "BasicAudit.Read") }},
		{"a back end acts for itself", func(e *Event) { e.Claims.Subject = e.Claims.Client }, func(s *shape) bool {
			return len(s.Agent) == 2 && *s.Agent[0].Requestor && s.Agent[0].Policy[0] == "jti-1" && s.Agent[0].PurposeOfUse != nil
		}},
		{"nobody known", func(e *Event) { e.Claims = nil }, func(s *shape) bool {
			return len(s.Agent) == 2 && s.Agent[0].Who.Display == "app/1.0" && *s.Agent[0].Requestor
		}},
		{"nobody and no agent", func(e *Event) { e.Claims, e.Agent, e.Address = nil, "", "" }, func(s *shape) bool {
			return s.Agent[0].Who.Display == "unknown" && s.Agent[0].Network.Address == "unknown" && s.Agent[0].Network.Type == "1"
		}},
		{"refused", func(e *Event) { e.Status, e.Issue = 403, fhir.CodeForbidden }, func(s *shape) bool {
			last := s.Entity[len(s.Entity)-1]
			return s.Outcome == "4" && s.OutcomeDesc == "403 Forbidden" && s.Contained[0].ResourceType == "OperationOutcome" && last.What.Reference == "#outcome"
		}},
		{"failed", func(e *Event) { e.Status = 500 }, func(s *shape) bool { return s.Outcome == "8" }},
		{"break-glass", func(e *Event) { e.Claims.BreakGlass = true }, func(s *shape) bool {
			p := s.Agent[2].PurposeOfUse
			return len(p) == 2 && p[1].Coding[0].Code == "BTG"
		}},
		{"no id", func(e *Event) { e.Key = fhir.Key{Type: "Observation"} }, func(s *shape) bool { return s.Entity[0].What.Display == "Observation without an id" }},
		{"an AuditEvent is read", func(e *Event) { e.Key = fhir.Key{Type: "AuditEvent", ID: "a1-3", Version: "1"} }, func(s *shape) bool { return s.Subtype[1].Code == "110101" }},
		{"a report", func(e *Event) { e.Key.Type = "DiagnosticReport" }, func(s *shape) bool { return s.Entity[0].Role.Code == "3" }},
		{"a job", func(e *Event) { e.Key.Type = "Task" }, func(s *shape) bool { return s.Entity[0].Role.Code == "20" }},
		{"an operation", func(e *Event) { e.Interaction, e.Operation, e.Detail = "operation", "everything", "more" }, func(s *shape) bool {
			d := s.Entity[len(s.Entity)-1].Detail
			return len(d) == 2 && d[0].ValueString == "everything" && d[1].ValueString == "more"
		}},
		{"hostile texts", func(e *Event) {
			e.Query, e.Agent, e.RequestID, e.Claims.TokenID = "Patient?name=\x00\xff%00%zz\n<script>", "\x01\"}", "\u2028", "a b\nc"
		}, func(s *shape) bool { return s.Agent[2].Policy[0] == "a_b_c" }},
		{"nothing at all", func(e *Event) { *e = Event{Interaction: "what"} }, func(s *shape) bool { return len(s.Entity) == 0 && s.Subtype[0].Code == "what" }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			e := eventOf("read")
			c.change(e)
			if s, data := rendered(t, e); !c.check(s) {
				t.Errorf("%s", data)
			}
		})
	}
}
