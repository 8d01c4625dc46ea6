package audit

import (
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/fhir"
)

// renderer makes AuditEvents (R4 auditevent.html) of records, as IHE Basic Audit Log Patterns says.
type renderer struct {
	base string // of the FHIR service
	root string // of the server: base without its last part
	host string // of base
}

func newRenderer(base string) renderer {
	r := renderer{base: strings.TrimSuffix(base, "/")}
	r.root = r.base[:max(0, strings.LastIndexByte(r.base, '/'))]
	if u, err := url.Parse(base); err == nil {
		r.host = u.Hostname()
	}
	return r
}

// idOf is the logical id of the AuditEvent that a record gives for its patient number nth.
func idOf(chain string, number uint64, nth int) string {
	id := "a" + chain + "-" + strconv.FormatUint(number, 10)
	if nth > 0 {
		id += "-" + strconv.Itoa(nth)
	}
	return id
}

// parseID is the reverse of idOf; ok is false for an id of another kind.
func parseID(id string) (chain string, number uint64, nth int, ok bool) {
	rest, ok := strings.CutPrefix(id, "a")
	if !ok {
		return "", 0, 0, false
	}
	parts := strings.Split(rest, "-")
	if len(parts) < 2 || len(parts) > 3 || parts[0] == "" {
		return "", 0, 0, false
	}
	number, err := strconv.ParseUint(parts[1], 10, 64)
	if err != nil {
		return "", 0, 0, false
	}
	if len(parts) == 3 {
		if nth, err = strconv.Atoi(parts[2]); err != nil || nth < 1 {
			return "", 0, 0, false
		}
	}
	return parts[0], number, nth, idOf(parts[0], number, nth) == id
}

// events is how many AuditEvents a record gives: one a patient, and one when there is none.
func (r *record) events() int { return max(1, len(r.Patients)) }

// render returns an AuditEvent.
func (m *renderer) render(chain string, r *record, nth int) ([]byte, error) {
	id := idOf(chain, r.number, nth)
	if r.posted != nil {
		res, err := fhir.ParseResource(r.posted)
		if err != nil {
			return nil, err
		}
		stamped, err := res.Stamp(id)
		if err != nil {
			return nil, err
		}
		return stamped.Render(nil, "1", r.at), nil
	}
	patient := ""
	if nth < len(r.Patients) {
		patient = r.Patients[nth]
	}
	w := &jsonWriter{dst: make([]byte, 0, 2048)}
	m.event(w, r, id, patient)
	return w.dst, nil
}

func (m *renderer) event(w *jsonWriter, r *record, id, patient string) {
	p := profileOf(&r.Event)
	w.open("", '{')
	w.text("resourceType", auditEventType)
	w.text("id", id)
	w.open("meta", '{')
	w.text("versionId", "1")
	w.instant("lastUpdated", r.at)
	if name := p.profileFor(r, patient); name != "" {
		w.open("profile", '[')
		w.comma()
		w.dst = fhir.AppendQuoted(w.dst, name)
		w.close(']')
	}
	w.close('}')
	if r.failed() && r.Interaction != Decision {
		outcome(w, r)
	}
	w.coding("type", p.kind)
	w.open("subtype", '[')
	for _, c := range p.subtypes {
		w.coding("", c)
	}
	w.close(']')
	w.text("action", p.action)
	w.instant("recorded", r.at)
	w.text("outcome", outcomeCode(r.Status))
	switch {
	case r.Interaction == Decision:
		w.text("outcomeDesc", r.Detail)
	case r.failed():
		w.text("outcomeDesc", strings.TrimSpace(strconv.Itoa(r.Status)+" "+http.StatusText(r.Status)))
	}
	if r.Claims != nil {
		purposes(w, "purposeOfEvent", r.Claims)
	}
	m.agents(w, r, p.parties)
	w.open("source", '{')
	m.self(w, "observer")
	w.open("type", '[')
	w.coding("", coding{systemSource, "4", "Application Server"})
	w.close(']')
	w.close('}')
	m.entities(w, r, &p, patient)
	w.close('}')
}

// profileFor is the profile that an event claims to fit. Those of REST are of interactions that succeeded; that of a decision has a user and a patient.
func (p *profile) profileFor(r *record, patient string) string {
	switch {
	case r.failed() && p.kind.code == restCode, r.Interaction == Decision && (patient == "" || !hasUser(r.Claims)):
		return ""
	case patient != "" && p.patient != "":
		return p.patient
	}
	return p.name
}

// hasUser reports whether somebody acts, and not a client for itself.
func hasUser(c *auth.Claims) bool { return c != nil && c.Subject != "" && c.Subject != c.Client }

// outcomeCode is the outcome of a status: 0 success, 4 refused or mistaken, 8 the server's failure.
func outcomeCode(status int) string {
	switch {
	case status >= http.StatusInternalServerError:
		return "8"
	case status >= http.StatusBadRequest:
		return "4"
	}
	return "0"
}

// outcome contains an OperationOutcome with why it failed. Texts are left out: they may quote what was sent.
func outcome(w *jsonWriter, r *record) {
	w.open("contained", '[')
	w.open("", '{')
	w.text("resourceType", "OperationOutcome")
	w.text("id", "outcome")
	w.open("issue", '[')
	w.open("", '{')
	w.text("severity", "error")
	issue := string(r.Issue)
	if issue == "" {
		issue = "processing"
	}
	w.text("code", issue)
	w.close('}')
	w.close(']')
	w.close('}')
	w.close(']')
}

// self is a reference to this server, by its base.
func (m *renderer) self(w *jsonWriter, name string) {
	w.open(name, '{')
	w.open("identifier", '{')
	w.text("value", m.base)
	w.close('}')
	w.text("display", "Firth")
	w.close('}')
}

// network is where an agent is: address type 2 of an IP address, 1 of a name.
func network(w *jsonWriter, address string) {
	kind := "1"
	if _, err := netip.ParseAddr(address); err == nil {
		kind = "2"
	}
	if address == "" {
		address = "unknown"
	}
	w.open("network", '{')
	w.text("address", address)
	w.text("type", kind)
	w.close('}')
}

func (m *renderer) agents(w *jsonWriter, r *record, p parties) {
	w.open("agent", '[')
	defer w.close(']')
	switch {
	case isServerOnly(r):
		m.server(w, p.server, true)
		return
	case r.Interaction == Decision:
		m.deciders(w, r, p)
		return
	}
	c, byUser := r.Claims, hasUser(r.Claims)
	w.open("", '{')
	w.concept("type", p.client)
	client(w, r)
	w.boolean("requestor", !byUser)
	if c != nil && !byUser {
		granted(w, c)
	}
	network(w, r.Address)
	if c != nil && !byUser {
		purposes(w, "purposeOfUse", c)
	}
	w.close('}')
	m.server(w, p.server, false)
	if byUser {
		user(w, c, p.user)
	}
}

// isServerOnly is of events that nobody outside asked for.
func isServerOnly(r *record) bool {
	switch r.Interaction {
	case Start, Stop, Retention, Keys:
		return true
	case AdapterSet:
		return r.Claims == nil
	}
	return false
}

// deciders are the agents of a decision by Consent (BALP, AuthZconsent): client, user, the organization of the user, which tokens do not tell, and this server.
func (m *renderer) deciders(w *jsonWriter, r *record, p parties) {
	byUser := hasUser(r.Claims)
	w.open("", '{')
	w.concept("type", p.client)
	client(w, r)
	w.boolean("requestor", !byUser)
	if r.Claims != nil && !byUser {
		granted(w, r.Claims)
	}
	network(w, r.Address)
	w.close('}')
	if byUser {
		user(w, r.Claims, p.user)
	}
	w.open("", '{')
	w.concept("type", coding{systemRoleClass, "PROV", "healthcare provider"})
	w.open("who", '{')
	w.text("display", "not told by the access token")
	w.close('}')
	w.boolean("requestor", false)
	w.close('}')
	w.open("", '{')
	w.concept("type", p.server)
	m.self(w, "who")
	w.boolean("requestor", false)
	w.close('}')
}

func (m *renderer) server(w *jsonWriter, kind coding, requestor bool) {
	w.open("", '{')
	w.concept("type", kind)
	m.self(w, "who")
	w.boolean("requestor", requestor)
	network(w, m.host)
	w.close('}')
}

// client says who of the machines: client_id, or else what it calls itself.
func client(w *jsonWriter, r *record) {
	w.open("who", '{')
	switch {
	case r.Claims != nil && r.Claims.Client != "":
		w.open("identifier", '{')
		w.text("value", r.Claims.Client)
		w.close('}')
		w.text("display", r.Agent)
	case r.Agent != "":
		w.text("display", r.Agent)
	default:
		w.text("display", "unknown")
	}
	w.close('}')
}

// user maps the claims of OAuth: iss is the system, sub the value, jti the policy.
func user(w *jsonWriter, c *auth.Claims, kind coding) {
	w.open("", '{')
	w.concept("type", kind)
	if len(c.Roles) > 0 {
		w.open("role", '[')
		for _, role := range c.Roles {
			w.concept("", coding{role.System, role.Code, role.Display})
		}
		w.close(']')
	}
	w.open("who", '{')
	w.text("reference", c.FHIRUser)
	w.open("identifier", '{')
	w.text("system", c.Issuer)
	w.text("value", c.Subject)
	w.close('}')
	w.close('}')
	w.boolean("requestor", true)
	granted(w, c)
	purposes(w, "purposeOfUse", c)
	w.close('}')
}

// granted names the token.
func granted(w *jsonWriter, c *auth.Claims) {
	policy := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return '_'
		}
		return r
	}, c.TokenID)
	if policy == "" {
		return
	}
	w.open("policy", '[')
	w.comma()
	w.dst = fhir.AppendQuoted(w.dst, policy)
	w.close(']')
}

// purposes are those that the token states, of its user or of the event.
func purposes(w *jsonWriter, element string, c *auth.Claims) {
	if len(c.PurposeOfUse) == 0 && !c.BreakGlass {
		return
	}
	w.open(element, '[')
	for _, purpose := range c.PurposeOfUse {
		w.concept("", coding{purpose.System, purpose.Code, purpose.Display})
	}
	if c.BreakGlass {
		w.concept("", coding{systemPurpose, "BTG", "break the glass"})
	}
	w.close(']')
}
