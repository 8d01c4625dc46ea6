package audit

import "strings"

// coding is a Coding with what it is called.
type coding struct{ system, code, display string }

// Code systems of AuditEvents.
const (
	systemDICOM         = "http://dicom.nema.org/resources/ontology/DCM"
	systemEventType     = "http://terminology.hl7.org/CodeSystem/audit-event-type"
	systemInteraction   = "http://hl7.org/fhir/restful-interaction"
	systemLifecycle     = "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle"
	systemEntityType    = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
	systemEntityRole    = "http://terminology.hl7.org/CodeSystem/object-role"
	systemParticipation = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
	systemProvenance    = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
	systemSource        = "http://terminology.hl7.org/CodeSystem/security-source-type"
	systemPurpose       = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
	systemBALPEntity    = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType"
	systemAgentTypes    = "https://profiles.ihe.net/ITI/BALP/CodeSystem/UserAgentTypes"
	systemDecision      = "https://profiles.ihe.net/ITI/BALP/CodeSystem/AuthZsubType"
	systemSecurityRole  = "http://terminology.hl7.org/CodeSystem/extra-security-role-type"
	systemRoleClass     = "http://terminology.hl7.org/CodeSystem/v3-RoleClass"
	systemResourceTypes = "http://hl7.org/fhir/resource-types"
	systemIHE           = "urn:ihe:event-type-code"
	systemFirth         = "https://firth.health/CodeSystem/audit-event"

	restCode = "rest" // of systemEventType

	profileBase = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
)

// parties say who is who among the agents of an event.
type parties struct{ client, server, user coding }

// profile is the row of an interaction in the table of IHE Basic Audit Log Patterns (https://profiles.ihe.net/ITI/BALP/content.html), or what comes near for one that is not in it.
type profile struct {
	kind     coding
	subtypes []coding
	action   string
	parties
	isQuery bool   // the entity is the request; else it is the resource
	name    string // of the profile of BALP; empty for none
	patient string // of the profile of an event about a patient; empty for none
}

func dicom(code, display string) coding { return coding{systemDICOM, code, display} }

func interactions(codes ...string) []coding {
	list := make([]coding, len(codes))
	for i, code := range codes {
		list[i] = coding{systemInteraction, code, code}
	}
	return list
}

// The parties of the table.
func writing() parties {
	return parties{dicom("110153", "Source Role ID"), dicom("110152", "Destination Role ID"), coding{systemParticipation, "AUT", "author (originator)"}}
}

func reading() parties {
	return parties{dicom("110152", "Destination Role ID"), dicom("110153", "Source Role ID"), coding{systemParticipation, "IRCP", "information recipient"}}
}

func deleting() parties {
	return parties{dicom("110150", "Application"), coding{systemProvenance, "custodian", "Custodian"}, coding{systemParticipation, "CST", "custodian"}}
}

func querying() parties {
	return parties{dicom("110153", "Source Role ID"), dicom("110152", "Destination Role ID"), coding{systemParticipation, "IRCP", "information recipient"}}
}

func running() parties {
	return parties{dicom("110150", "Application"), dicom("110150", "Application"), coding{systemParticipation, "AUT", "author (originator)"}}
}

// issuing are the parties of ITI-71 and its like.
func issuing() parties {
	return parties{dicom("110150", "Application"), coding{systemAgentTypes, "AuthzOauthService", "OAuth Authorization Server"}, coding{systemParticipation, "IRCP", "information recipient"}}
}

// deciding are the parties of a decision by Consent.
func deciding() parties {
	return parties{dicom("110150", "Application"), coding{systemSecurityRole, "authserver", "authorization server"}, coding{systemParticipation, "IRCP", "information recipient"}}
}

// profileOf is the row of an interaction.
func profileOf(e *Event) profile {
	if p, ok := restProfile(e.Interaction); ok {
		if e.Key.Type == auditEventType && p.action != "C" {
			p.subtypes = append(p.subtypes, dicom("110101", "Audit Log Used"))
		}
		return p
	}
	p := ownProfile(e.Interaction)
	p.parties = running()
	switch e.Interaction {
	case Ingest, Import:
		p.parties = writing()
	case Export, AuditExport, AuditRead:
		p.parties = reading()
	case Token, Introspect:
		p.parties = issuing()
	case Decision:
		p.parties = deciding()
	}
	return p
}

// restProfile is the row of an interaction of REST.
func restProfile(interaction string) (profile, bool) {
	p := profile{kind: coding{systemEventType, restCode, "RESTful Operation"}}
	switch interaction {
	case "create":
		p.action, p.parties, p.subtypes, p.name = "C", writing(), interactions("create"), "Create"
	case "read":
		p.action, p.parties, p.subtypes, p.name = "R", reading(), interactions("read"), "Read"
	case "vread":
		p.action, p.parties, p.subtypes, p.name = "R", reading(), interactions("read", "vread"), "Read"
	case "update":
		p.action, p.parties, p.subtypes, p.name = "U", writing(), interactions("update"), "Update"
	case "patch":
		p.action, p.parties, p.subtypes, p.name = "U", writing(), interactions("update", "patch"), "Update"
	case "delete":
		p.action, p.parties, p.subtypes, p.name = "D", deleting(), interactions("delete"), "Delete"
	case "search-type", "search-system":
		p.action, p.parties, p.subtypes, p.name, p.isQuery = "E", querying(), interactions("search", interaction), "Query", true
	case "history-instance":
		p.action, p.parties, p.subtypes = "R", reading(), interactions("history", interaction)
	case "history-type", "history-system":
		p.action, p.parties, p.subtypes, p.isQuery = "R", reading(), interactions("history", interaction), true
	case "capabilities":
		p.action, p.parties, p.subtypes, p.isQuery = "R", reading(), interactions(interaction), true
	case "batch", "transaction", "operation":
		p.action, p.parties, p.subtypes, p.isQuery = "E", querying(), interactions(interaction), true
	case "async-status", "async-cancel", "none":
		p.action, p.parties, p.subtypes, p.isQuery = "E", querying(), []coding{{systemFirth, interaction, interaction}}, true
	default:
		return p, false
	}
	if p.name != "" {
		p.name, p.patient = profileBase+p.name, profileBase+"Patient"+p.name
	}
	return p, true
}

// ownProfile is the row of what is not REST, but for its parties.
func ownProfile(interaction string) profile {
	own := func(code, display string) coding { return coding{systemFirth, code, display} }
	authentication, alert := dicom("110114", "User Authentication"), dicom("110113", "Security Alert")
	switch interaction {
	case Start:
		return profile{kind: dicom("110100", "Application Activity"), subtypes: []coding{dicom("110120", "Application Start")}, action: "E"}
	case Stop:
		return profile{kind: dicom("110100", "Application Activity"), subtypes: []coding{dicom("110121", "Application Stop")}, action: "E"}
	case Ingest:
		return profile{kind: dicom("110107", "Import"), subtypes: []coding{own("ingest", "Device payload")}, action: "C", isQuery: true}
	case Import:
		return profile{kind: dicom("110107", "Import"), subtypes: []coding{own(Import, "Resources imported by command")}, action: "C", isQuery: true}
	case Login:
		return profile{kind: authentication, subtypes: []coding{dicom("110122", "Login")}, action: "E"}
	case Logout:
		return profile{kind: authentication, subtypes: []coding{dicom("110123", "Logout")}, action: "E"}
	case Token:
		return profile{kind: authentication, subtypes: []coding{{systemIHE, "ITI-71", "Get Access Token"}}, action: "E", isQuery: true}
	case Introspect:
		return profile{kind: authentication, subtypes: []coding{{systemIHE, "ITI-102", "Introspect Token"}}, action: "E"}
	case Revoke:
		return profile{kind: authentication, subtypes: []coding{own(Revoke, "Access taken back")}, action: "E"}
	case Launch:
		return profile{kind: authentication, subtypes: []coding{own(Launch, "Application launched")}, action: "E", isQuery: true}
	case Consent:
		return profile{kind: alert, subtypes: []coding{own(Consent, "Access granted or refused by the user")}, action: "E"}
	case Account:
		return profile{kind: alert, subtypes: []coding{dicom("110137", "User Security Attributes Changed")}, action: "U"}
	case AccountRead:
		return profile{kind: alert, subtypes: []coding{own(AccountRead, "Accounts or apps listed")}, action: "R", isQuery: true}
	case Decision:
		return profile{kind: alert, subtypes: []coding{{systemDecision, "AuthZ-Consent", "Authorization Decision using Roles and Consent"}}, action: "E", name: profileBase + "AuthZconsent"}
	case Export:
		return profile{kind: dicom("110106", "Export"), subtypes: []coding{{systemLifecycle, "disclose", "Disclose"}}, action: "R", patient: profileBase + "PrivacyDisclosure.Source", isQuery: true}
	case AdapterSet:
		return profile{kind: alert, subtypes: []coding{dicom("110131", "Software Configuration")}, action: "U"}
	case Keys:
		return profile{kind: alert, subtypes: []coding{own(Keys, "Signing key made")}, action: "C"}
	case Retention:
		return profile{kind: coding{systemLifecycle, "destroy", "Destroy/Delete"}, subtypes: []coding{dicom("110101", "Audit Log Used")}, action: "D"}
	case AuditRead:
		return profile{kind: dicom("110101", "Audit Log Used"), subtypes: []coding{own(AuditRead, "Audit trail verified or read by command")}, action: "R", isQuery: true}
	case AuditExport:
		return profile{kind: dicom("110101", "Audit Log Used"), subtypes: []coding{own(AuditExport, "Audit trail exported")}, action: "R", isQuery: true}
	}
	return profile{kind: coding{systemFirth, "other", "Other"}, subtypes: []coding{own(strings.ToLower(interaction), interaction)}, action: "E"}
}

const auditEventType = "AuditEvent"

// roleOf is what a resource is to the event (object-role).
func roleOf(resourceType string) coding {
	switch resourceType {
	case "DiagnosticReport", "Composition", "DocumentReference", "MeasureReport":
		return coding{systemEntityRole, "3", "Report"}
	case "Task":
		return coding{systemEntityRole, "20", "Job"}
	}
	return coding{systemEntityRole, "4", "Domain Resource"}
}
