package audit

import (
	"net/url"
	"strings"

	"github.com/firth-health/firth/fhir"
)

// entities are what an event is about.
func (m *renderer) entities(w *jsonWriter, r *record, p *profile, patient string) {
	start := len(w.dst)
	w.open("entity", '[')
	before := len(w.dst)
	switch {
	case r.Interaction == Decision:
		consent(w, r)
	case p.isQuery && r.Query != "":
		m.query(w, r)
	case r.Key.Type != "":
		data(w, r)
	}
	if patient != "" {
		w.open("", '{')
		reference(w, "what", fhir.Key{Type: patientType, ID: patient})
		w.coding("type", coding{systemEntityType, "1", "Person"})
		w.coding("role", coding{systemEntityRole, "1", "Patient"})
		w.close('}')
	}
	if r.Interaction != Decision { // of which the profile knows no other entities
		m.further(w, r)
	}
	if len(w.dst) == before { // FHIR knows no empty arrays
		w.dst = w.dst[:start]
		w.more = true
		return
	}
	w.close(']')
}

// further are the entities that stand behind what an event is about.
func (m *renderer) further(w *jsonWriter, r *record) {
	if r.Interaction == Token && r.Claims != nil && r.Claims.TokenID != "" {
		response(w, r)
	}
	if r.RequestID != "" {
		w.open("", '{')
		w.open("what", '{')
		w.open("identifier", '{')
		w.text("value", r.RequestID)
		w.close('}')
		w.close('}')
		w.coding("type", coding{systemBALPEntity, "XrequestId", "Transaction Identifier"})
		w.close('}')
	}
	if r.Detail != "" || r.Operation != "" {
		details(w, r)
	}
	if r.failed() {
		w.open("", '{')
		w.open("what", '{')
		w.text("reference", "#outcome")
		w.close('}')
		w.close('}')
	}
}

// response is the entity of a token that was issued: its id, never itself.
func response(w *jsonWriter, r *record) {
	w.open("", '{')
	w.open("what", '{')
	w.open("identifier", '{')
	w.text("value", r.Claims.TokenID)
	w.close('}')
	w.close('}')
	w.coding("type", coding{systemEntityType, "2", "System Object"})
	w.coding("role", coding{systemEntityRole, "13", "Security Resource"})
	w.close('}')
}

// consent is the entity of the Consent that decided. That of the token is beside it. What request it was about is a detail, because the profile knows no entity for that.
func consent(w *jsonWriter, r *record) {
	w.open("", '{')
	reference(w, "what", r.Key)
	w.coding("type", coding{systemResourceTypes, "Consent", "Consent"})
	if r.RequestID != "" {
		w.open("detail", '[')
		w.open("", '{')
		w.text("type", "X-Request-Id")
		w.text("valueString", r.RequestID)
		w.close('}')
		w.close(']')
	}
	w.close('}')
	if r.Claims == nil || r.Claims.TokenID == "" {
		return
	}
	w.open("", '{')
	w.open("what", '{')
	w.open("identifier", '{')
	w.text("value", "urn:ietf:params:oauth:jti:"+r.Claims.TokenID)
	w.close('}')
	w.close('}')
	w.coding("type", coding{systemAgentTypes, "UserOauthAgent", "User OAuth Agent participant"})
	w.close('}')
}

// query is the entity of a request: as it was sent in base64, and readable.
func (m *renderer) query(w *jsonWriter, r *record) {
	w.open("", '{')
	w.coding("type", coding{systemEntityType, "2", "System Object"})
	w.coding("role", coding{systemEntityRole, "24", "Query"})
	w.text("description", readable(r.Query))
	w.base64("query", m.asked(r))
	w.close('}')
}

// asked is the request as it was sent: below the FHIR base, below the root of the server, or the words of a command.
func (m *renderer) asked(r *record) string {
	switch {
	case r.Interaction == Import, r.Interaction == Export, r.Interaction == AuditRead:
		return r.Query
	case r.Interaction == Ingest, isAboutAccess(r.Interaction):
		return m.root + "/" + strings.TrimPrefix(r.Query, "/")
	}
	return m.base + "/" + strings.TrimPrefix(r.Query, "/")
}

// readable undoes escapes for people.
func readable(query string) string {
	if text, err := url.QueryUnescape(query); err == nil {
		query = text
	}
	return query
}

// data is the entity of a resource.
func data(w *jsonWriter, r *record) {
	w.open("", '{')
	if r.Key.ID != "" && fhir.IsID(r.Key.ID) {
		reference(w, "what", r.Key)
	} else {
		w.open("what", '{')
		w.text("type", r.Key.Type)
		w.text("display", r.Key.Type+" without an id")
		w.close('}')
	}
	w.coding("type", coding{systemEntityType, "2", "System Object"})
	w.coding("role", roleOf(r.Key.Type))
	w.close('}')
}

func reference(w *jsonWriter, name string, key fhir.Key) {
	w.open(name, '{')
	w.text("reference", key.String())
	w.close('}')
}

// details is the entity of what has no element.
func details(w *jsonWriter, r *record) {
	w.open("", '{')
	w.coding("type", coding{systemEntityType, "4", "Other"})
	w.open("detail", '[')
	for _, d := range [...]struct{ name, value string }{{"operation", r.Operation}, {"detail", r.Detail}} {
		if d.value != "" {
			w.open("", '{')
			w.text("type", d.name)
			w.text("valueString", d.value)
			w.close('}')
		}
	}
	w.close(']')
	w.close('}')
}
