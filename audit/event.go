package audit

import (
	"net/http"
	"time"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/fhir"
)

// What an event is about, beside the codes of http://hl7.org/fhir/restful-interaction, of which all are taken.
const (
	Start        = "start"        // a server begins to keep the chain
	Stop         = "stop"         // and ends
	Ingest       = "ingest"       // a device payload; Detail names the adapter
	Import       = "import"       // of resources by command; Query says of what
	Login        = "login"        // of a user at the built-in authorization server, failed ones too
	Logout       = "logout"       // or the end of a session
	Token        = "token"        // issued, refreshed or refused; Detail is the grant type, Query the request without its secrets
	Introspect   = "introspect"   // a token was looked into
	Revoke       = "revoke"       // of a token or a grant
	Consent      = "consent"      // what a user let an application do, or refused; Detail lists scopes
	Launch       = "launch"       // of an application from an EHR
	Account      = "account"      // a user or client was made or changed; Detail says how
	AccountRead  = "account-read" // users or clients were listed
	Decision     = "decision"     // a Consent resource, which is the Key, denied access, or would have; Detail says what
	Export       = "export"       // data that left in bulk; a disclosure for each of the Patients
	AdapterSet   = "adapter"      // an adapter was published, changed or withdrawn; Detail names it
	Keys         = "keys"         // a key that signs for this server was made; Detail says which
	Retention    = "retention"    // old events were removed by policy; Detail says which
	AuditExport  = "audit-export" // the trail was exported by command; Detail says what of it
	AuditRead    = "audit-read"   // the trail was verified, or its checkpoints were read, by command
	postedByPeer = "posted"       // an AuditEvent that a client created
)

// Event is one thing that happened. The zero value of each field but Interaction means that it does not apply.
type Event struct {
	Interaction string   // code of http://hl7.org/fhir/restful-interaction, or one of the constants
	Operation   string   // code of the operation, without $
	Key         fhir.Key // of the resource, with Version what was read or written
	Query       string   // the request as sent: path below the base, '?' and query string or form. Secrets in it are taken out by name.
	Patients    []string // ids of the patients concerned; an AuditEvent each

	Status    int            // of HTTP: from 400 on a failure, 401 and 403 refused access
	Issue     fhir.IssueType // why it failed
	RequestID string         // X-Request-Id
	Detail    string         // what else is to be known, for people; no secret and nothing clinical

	Claims  *auth.Claims // who; nil when that is not known
	Address string       // of the client in the network, without port
	Agent   string       // User-Agent of the client

	// Durable is of an event that must be kept before what it tells of is answered: that of a write, where it is not part of the commit ([Note]).
	Durable bool

	posted []byte // the AuditEvent a client created
}

// isAboutAccess reports whether an event is of the authorization server.
func isAboutAccess(interaction string) bool {
	switch interaction {
	case Login, Logout, Token, Introspect, Revoke, Consent, Launch, Account, AccountRead:
		return true
	}
	return false
}

// failed reports whether the event tells of something that did not succeed.
func (e *Event) failed() bool { return e.Status >= http.StatusBadRequest }

// Bounds on what is kept of one event.
const (
	maxQuery    = 16 << 10  // bytes
	maxText     = 1 << 10   // bytes of any other text
	maxPatients = 1000      // of one record; more become further records
	maxPosted   = 256 << 10 // bytes of an AuditEvent that a client posts
)

// record is an event in its place.
type record struct {
	Event
	number uint64    // in the chain, from 1
	at     time.Time // when it was recorded, milliseconds; never before that of an earlier number
}
