package server

import (
	"context"
	"net"
	"net/http"
	"strings"

	"github.com/firth-health/firth/audit"
	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/store"
)

// Auditor records what was done; *[audit.Trail] is one. It is told of every request to FHIR and to /ingest and of every entry of a batch or transaction, refused ones included, before it is
// answered: what it does not take is not answered but with 503.
type Auditor interface {
	// Record takes an event on, and keeps one that is Durable before it returns. The event is the auditor's from then on.
	Record(ctx context.Context, e *audit.Event) error

	// Ready reports why nothing can be recorded now. It is asked before each interaction that needs authentication.
	Ready() error
}

// watch prepares an exchange for its event: whom its resources are about is collected on the way ([audit.Over]).
func (s *Server) watch(x *exchange, ctx context.Context) {
	x.ctx = ctx
	if s.auditor != nil {
		x.patients = &audit.Patients{}
		x.ctx = audit.Collecting(ctx, x.patients)
	}
}

// ready refuses what could not be recorded. That it was refused is not recorded either, so that no flood of requests fills the trail's queue meanwhile.
func (s *Server) ready(x *exchange) error {
	if s.auditor == nil || s.auditor.Ready() == nil {
		return nil
	}
	x.isAudited = true
	return refuse(http.StatusServiceUnavailable, fhir.CodeTransient, "", "the audit trail cannot be written, so that nothing is done; try again later")
}

// audited records an interaction that came to its end, once, and returns the reply to send: another one when the event is lost.
func (s *Server) audited(x *exchange, out reply) reply {
	if s.auditor == nil || x.isAudited || x.interaction.open && x.interaction.level == operational {
		return out
	}
	x.isAudited = true
	s.tellDecisions(x, &out)
	if x.isNoted && out.status < http.StatusBadRequest {
		return out
	}
	if err := s.auditor.Record(x.ctx, s.event(x, &out)); err != nil {
		if x.ctx.Err() == nil { // otherwise nobody waits for it, and it is recorded all the same
			s.log.ErrorContext(x.ctx, "audit event not recorded", "interaction", x.interaction.name, "request_id", x.requestID, "error", err)
		}
		return s.failure(x, store.ErrUnknown)
	}
	return out
}

// event says what happened.
func (s *Server) event(x *exchange, out *reply) *audit.Event {
	access := x.access()
	e := &audit.Event{Interaction: access.Interaction, Operation: access.Operation, Key: access.Key, Query: x.asked, Status: out.status, RequestID: x.requestID,
		Address: x.address, Agent: x.agent, Patients: x.patients.IDs(),
		// Entries are before the event of their Bundle in the trail, and kept with it.
		Durable: !x.isEntry && out.status < http.StatusBadRequest && (x.interaction.writes() || x.interaction.name == audit.Ingest)}
	if x.interaction.name == audit.Ingest {
		e.Detail = "adapter " + x.adapter
	}
	if claimed, ok := x.grant.(interface{ Claims() *auth.Claims }); ok {
		e.Claims = claimed.Claims()
	}
	if out.outcome != nil && out.status >= http.StatusBadRequest && len(out.outcome.Issues) > 0 {
		e.Issue = out.outcome.Issues[0].Code
	}
	if len(e.Patients) == 0 && x.compartment.Type == "Patient" {
		e.Patients = []string{x.compartment.ID}
	}
	if len(e.Patients) == 0 && e.Key.Type == "Patient" && fhir.IsID(e.Key.ID) {
		e.Patients = []string{e.Key.ID}
	}
	if out.status < http.StatusBadRequest {
		e.Key = s.affected(e.Key, out)
	}
	return e
}

// affected is the resource that was read or written, as far as the reply tells.
func (s *Server) affected(key fhir.Key, out *reply) fhir.Key {
	if out.location != "" {
		if ref := fhir.ParseReference(s.links.relative(out.location)); ref.Key.Type == key.Type {
			return ref.Key
		}
	}
	if key.ID != "" && key.Version == "" {
		key.Version = out.version
	}
	return key
}

// concerns notes whom the results of writes of an entry are about.
func (x *exchange) concerns(results []store.Result) {
	if x.patients == nil {
		return
	}
	for i := range results {
		x.patients.Add(results[i].Version.Key, results[i].Version.JSON)
	}
}

// origin notes where a request comes from and what exactly it asks.
func (x *exchange) origin(r *http.Request) {
	x.asked = strings.TrimPrefix(strings.TrimPrefix(r.RequestURI, Mount), "/")
	x.agent = first(r.Header, "User-Agent")
	x.address = r.RemoteAddr
	if host, _, err := net.SplitHostPort(x.address); err == nil {
		x.address = host
	}
}

// ask adds the form in a body to what the URL asks.
func (x *exchange) ask(form string) {
	separator := "?"
	if strings.Contains(x.asked, separator) {
		separator = "&"
	}
	x.asked += separator + form
}

// checkAppendOnly refuses to change or delete what is only added to (R4 security.html#audit).
func (s *Server) checkAppendOnly(x *exchange) error {
	switch x.interaction.name {
	case "update", "patch", "delete":
	default:
		return nil
	}
	if !store.IsAppendOnly(s.store, x.key.Type) {
		return nil
	}
	return &refusal{status: http.StatusMethodNotAllowed, allow: "GET, HEAD, POST", outcome: fhir.Invalidf(fhir.CodeNotSupported, "",
		"%s is part of the audit trail: it can be created, read and searched, but not changed or deleted", fhir.Indefinite(x.key.Type))}
}
