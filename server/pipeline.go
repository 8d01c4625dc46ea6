package server

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"

	"github.com/gin-gonic/gin"

	"github.com/firth-health/firth/fhir"
)

// route makes gin's handler of an interaction.
func (s *Server) route(in *interaction) gin.HandlerFunc {
	return func(c *gin.Context) {
		x := &exchange{interaction: in}
		switch in.level {
		case systemLevel:
			x.job = c.Param("job")
		case typeLevel:
			x.locate(c.Param("type"), c.Param("id"), c.Param("inner"))
		case instanceLevel:
			x.key = fhir.Key{Type: c.Param("type"), ID: c.Param("id"), Version: c.Param("vid")}
		case operational:
			x.adapter = c.Param("adapter")
		}
		s.serve(c.Writer, c.Request, x)
	}
}

// serve is the pipeline: request id, authenticate, negotiate and decode, authorise, handle, respond, audit.
func (s *Server) serve(w gin.ResponseWriter, r *http.Request, x *exchange) {
	x.start = s.clock()
	x.requestID = s.requestID(r)
	x.encoding = acceptedEncoding(r.Header)
	w.Header()["X-Request-Id"] = []string{x.requestID}
	x.origin(r)
	s.watch(x, r.Context())
	if (x.interaction.slow || x.interaction.writes()) && s.limits.Timeout > 0 {
		var cancel context.CancelFunc
		x.ctx, cancel = context.WithTimeout(x.ctx, s.limits.Timeout)
		defer cancel()
	}
	s.metrics.begin()
	out := reply{status: http.StatusInternalServerError}
	defer func() { s.finish(x, &out) }()
	defer func() {
		if cause := recover(); cause != nil {
			out.status = http.StatusInternalServerError
			s.recovered(w, x, cause)
		}
	}()
	if err := s.admit(w, r, x); err != nil {
		out = s.failure(x, err)
	} else if x.isAsync() {
		if out, err = s.startJob(x); err != nil {
			out = s.failure(x, err)
		}
	} else {
		out = s.perform(x)
	}
	out = s.audited(x, out)
	s.respond(w, x, &out)
}

// admit does what comes before the interaction itself: who is calling, and what exactly is asked. The format of the answer is chosen first, because
// refusals are written in it too.
func (s *Server) admit(w http.ResponseWriter, r *http.Request, x *exchange) error {
	malformed := x.parseQuery(r.URL.RawQuery)
	unacceptable := x.negotiate(r.Header)
	if !x.interaction.open {
		grant, err := s.authenticator.Authenticate(r)
		if err != nil {
			x.strange(err)
			return err
		}
		x.grant = grant
		if err := s.ready(x); err != nil {
			return err
		}
	}
	if len(r.Header["Prefer"]) > 0 {
		x.prefer = parsePrefer(r.Header["Prefer"])
	}
	x.conditions = conditionsOf(r.Header)
	if malformed != nil {
		return malformed
	}
	if err := x.state(r.Header["X-Provenance"]); err != nil {
		return err
	}
	if x.interaction.body != noBody {
		unreadable := s.decode(w, r, x)
		unacceptable = x.negotiate(r.Header) // the body may have brought _format, or a format of its own
		if unreadable != nil {
			return unreadable
		}
	}
	if x.interaction.level == operational {
		return nil
	}
	return unacceptable
}

func acceptOf(h http.Header) string {
	switch values := h["Accept"]; len(values) {
	case 0:
		return ""
	case 1:
		return values[0]
	default:
		all := values[0]
		for _, value := range values[1:] {
			all += "," + value
		}
		return all
	}
}

// perform is the part of the pipeline that entries of a Bundle share with requests: authorise and handle.
func (s *Server) perform(x *exchange) reply {
	if err := s.authorise(x); err != nil {
		return s.failure(x, err)
	}
	out, err := x.interaction.handle(x)
	if err != nil {
		return s.failure(x, err)
	}
	return out
}

func (s *Server) authorise(x *exchange) error {
	if x.interaction.level > systemLevel {
		if err := s.checkKey(x); err != nil && x.isAtomic {
			return pointed(entryURL, err)
		} else if err != nil {
			return err
		}
		if err := s.checkAppendOnly(x); err != nil {
			return err
		}
	}
	if x.interaction.open {
		return nil
	}
	return x.grant.Allow(x.ctx, x.access())
}

func (x *exchange) access() Access {
	if op := x.interaction.operation; op != nil {
		return Access{Interaction: "operation", Operation: op.code, Key: x.key}
	}
	if x.compartment.Type != "" && x.key.Type == "" {
		return Access{Interaction: "search-system"}
	}
	return Access{Interaction: x.interaction.name, Key: x.key}
}

// checkKey refuses types that do not exist and ids that cannot.
func (s *Server) checkKey(x *exchange) error {
	if x.compartment.Type != "" {
		if all, err := s.checkCompartment(x); all || err != nil {
			return err
		}
	}
	if len(x.key.Type) > 0 && x.key.Type[0] == '$' {
		return s.unknownOperation(x.key.Type, x.interaction.method)
	}
	if !s.definitions.IsResource(x.key.Type) {
		if err := reserved(x); err != nil {
			return err
		}
		return s.unknownType(x.key.Type)
	}
	if x.interaction.level != instanceLevel {
		return nil
	}
	if x.key.ID[0] == '$' {
		return s.unknownOperation(x.key.Type+"/"+x.key.ID, x.interaction.method)
	}
	if !fhir.IsID(x.key.ID) {
		if err := reserved(x); err != nil {
			return err
		}
		return fhir.Invalidf(fhir.CodeValue, "", "%q is not a valid id: 1 to 64 of A-Z a-z 0-9 - .", printable(x.key.ID))
	}
	if x.key.Version != "" && !fhir.IsID(x.key.Version) {
		return refuse(http.StatusNotFound, fhir.CodeNotFound, "", "%s/%s has no version %q", x.key.Type, x.key.ID, printable(x.key.Version))
	}
	return nil
}

// printable keeps what a client sent short enough to be sent back.
func printable(text string) string {
	if len(text) > 80 {
		return text[:80] + "..."
	}
	return text
}

// requestID takes over the id the client chose, when it is harmless, or makes one.
func (s *Server) requestID(r *http.Request) string {
	id := first(r.Header, "X-Request-Id")
	if id == "" || len(id) > 128 {
		return s.newID()
	}
	for i := range len(id) {
		if c := id[i]; c <= ' ' || c > '~' {
			return s.newID()
		}
	}
	return id
}

// recovered answers a panic: one plain 500 and a log line, or a broken connection when the answer had begun.
func (s *Server) recovered(w gin.ResponseWriter, x *exchange, cause any) {
	if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(cause)
	}
	s.log.ErrorContext(x.ctx, "panic", "interaction", x.interaction.name, "request_id", x.requestID, "cause", cause, "stack", string(debug.Stack()))
	if w.Written() {
		panic(http.ErrAbortHandler)
	}
	status, outcome, _ := classify(errPanic, fhir.Key{})
	s.respond(w, x, &reply{status: status, outcome: outcome, failed: true})
}

var errPanic = errors.New("panic")

// finish counts, logs and audits an interaction that was answered.
func (s *Server) finish(x *exchange, out *reply) {
	took := s.clock().Sub(x.start)
	if !x.isEntry {
		s.metrics.end(x.interaction, out.status, took)
	}
	s.audited(x, *out)
	if s.log.Enabled(x.ctx, slog.LevelDebug) {
		s.log.DebugContext(x.ctx, "interaction", "interaction", x.interaction.name, "type", x.key.Type, "status", out.status, "duration", took, "request_id", x.requestID, "entry", x.isEntry)
	}
}
