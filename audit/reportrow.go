package audit

import (
	"encoding/json"
	"strings"
)

// reportRow is an event as the report shows it.
type reportRow struct {
	ID        string
	Day, Time string // UTC
	Who, Name string // of the user, or of the client that acts for itself; Name is what people call them
	App       string // of the client
	Where     string
	What, Of  string
	More      []string
	Why       string
	Outcome   string
	Failed    bool
}

// Person is who did it, in a line.
func (r *reportRow) Person() string {
	switch {
	case r.Name != "":
		return r.Name
	case r.Who != "":
		return r.Who
	}
	return "nobody known"
}

// By is what else tells who it was.
func (r *reportRow) By() string {
	var parts []string
	if r.Name != "" {
		parts = append(parts, r.Who)
	}
	if r.App != "" && r.App != r.Who {
		parts = append(parts, "with "+r.App)
	}
	return strings.Join(parts, ", ")
}

// exported is what of an AuditEvent the report shows.
type exported struct {
	ID, Recorded, Outcome, OutcomeDesc string
	Type                               coded
	Subtype                            []coded
	Agent                              []struct {
		Requestor    bool
		Who          named
		Network      struct{ Address string }
		PurposeOfUse []struct{ Coding []coded }
	}
	Entity []exportedEntity
}

type exportedEntity struct {
	What        named
	Type, Role  coded
	Description string
	Detail      []struct{ Type, ValueString string }
}

type coded struct{ Code, Display string }

func (c coded) String() string {
	if c.Display != "" {
		return c.Display
	}
	return c.Code
}

type named struct {
	Reference, Display string
	Identifier         struct{ System, Value string }
}

// String is what tells one best: the resource, the identifier, or what it calls itself.
func (n named) String() string {
	for _, part := range []string{n.Reference, n.Identifier.Value, n.Display} {
		if part != "" {
			return part
		}
	}
	return ""
}

func rowOfEvent(data []byte) (*reportRow, error) {
	var e exported
	if err := json.Unmarshal(data, &e); err != nil {
		return nil, err
	}
	row := &reportRow{ID: e.ID, What: e.Type.String(), Outcome: "done"}
	row.Day, row.Time, _ = strings.Cut(strings.TrimSuffix(e.Recorded, "Z"), "T")
	row.Time, _, _ = strings.Cut(row.Time, ".")
	for i, c := range e.Subtype {
		if words := interactionWords(c.Code); words != "" || i == 0 {
			row.What = words
			if words == "" {
				row.What = c.String()
			}
		}
	}
	row.agents(&e)
	for i := range e.Entity {
		row.entity(&e.Entity[i])
	}
	if row.Failed = e.Outcome != "0" && e.Outcome != ""; row.Failed {
		row.Outcome = "refused or failed"
	}
	if e.OutcomeDesc != "" {
		row.Outcome = e.OutcomeDesc
	}
	return row, nil
}

// agents says who did it, with what, from where and why.
func (r *reportRow) agents(e *exported) {
	for i, a := range e.Agent {
		if a.Requestor && r.Who == "" {
			r.Who = a.Who.String()
		}
		if i == 0 {
			r.App, r.Where = a.Who.String(), a.Network.Address
		}
		for _, p := range a.PurposeOfUse {
			for _, c := range p.Coding {
				r.Why = strings.TrimPrefix(r.Why+", "+c.String(), ", ")
			}
		}
	}
}

// entity adds one of the things an event is about. Patients are not among them: they have events of their own.
func (r *reportRow) entity(e *exportedEntity) {
	switch {
	case e.Type.Code == "Consent":
		r.Of = readableReference(e.What.Reference)
	case e.Type.Code == "2" && e.Role.Code == "13": // a token
	case e.Type.Code == "2" && r.Of == "":
		r.Of = e.Description
		if r.Of == "" {
			r.Of = readableReference(e.What.String())
		}
	case e.Type.Code == "4":
		for _, d := range e.Detail {
			if d.Type == "operation" {
				r.What = "Ran $" + d.ValueString
				continue
			}
			r.More = append(r.More, d.ValueString)
		}
	}
}

// readableReference is Patient/1/_history/2 for people.
func readableReference(reference string) string {
	resource, version, isVersion := strings.Cut(reference, "/_history/")
	if isVersion {
		return resource + ", version " + version
	}
	return resource
}

// interactionWords is what people call an interaction whose code has no display that reads well; empty for another.
func interactionWords(code string) string {
	switch code {
	case "create":
		return "Created"
	case "read":
		return "Read"
	case "vread":
		return "Read a version of"
	case "update", "patch":
		return "Changed"
	case "delete":
		return "Deleted"
	case "search", "search-type", "search-system":
		return "Searched"
	case "history", "history-instance", "history-type", "history-system":
		return "Read the history of"
	case "batch", "transaction":
		return "Sent a " + code
	case "operation":
		return "Ran an operation"
	case "capabilities":
		return "Asked what the server can do"
	case "disclose":
		return "Exported"
	case Consent:
		return "Decided what an app may do"
	case "AuthZ-Consent":
		return "Access was decided by"
	case "ITI-71":
		return "Asked for an access token"
	}
	return ""
}
