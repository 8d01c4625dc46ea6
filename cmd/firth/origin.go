package main

import (
	"context"
	"crypto/rand"
	"net"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/firth-health/firth/audit"
	"github.com/firth-health/firth/auth/smart/events"
)

const requestIDHeader = "X-Request-Id"

// origin is where a request to the authorization server comes from, for the events that tell of it.
type origin struct {
	requestID, address, agent string

	isTold atomic.Bool // an event was recorded
}

type originKey struct{}

// originOf is the origin of a request; nil for what the server does of itself.
func originOf(ctx context.Context) *origin {
	o, _ := ctx.Value(originKey{}).(*origin)
	return o
}

// identified gives requests an id as those to FHIR have one: the client's, when it is harmless, or a new one. It links what is logged, recorded and answered.
func identified(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o := &origin{requestID: r.Header.Get(requestIDHeader), address: r.RemoteAddr, agent: r.UserAgent()}
		if !isHarmless(o.requestID) {
			o.requestID = strings.ToLower(rand.Text())
			r.Header.Set(requestIDHeader, o.requestID)
		}
		if host, _, err := net.SplitHostPort(o.address); err == nil {
			o.address = host
		}
		w.Header().Set(requestIDHeader, o.requestID)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), originKey{}, o)))
	})
}

// isHarmless is of an id that is short and printable.
func isHarmless(id string) bool {
	return id != "" && len(id) <= 128 && strings.IndexFunc(id, func(c rune) bool { return c <= ' ' || c > '~' }) < 0
}

// stamped completes an event with where it comes from.
func stamped(ctx context.Context, e *audit.Event) *audit.Event {
	o := originOf(ctx)
	if o == nil {
		return e
	}
	o.isTold.Store(true)
	if e.RequestID == "" {
		e.RequestID = o.requestID
	}
	if e.Address == "" {
		e.Address = o.address
	}
	if e.Agent == "" {
		e.Agent = o.agent
	}
	return e
}

// refusals records what the authorization server refuses without an event of its own, such as a client that cannot prove who it is where tokens are looked into or revoked.
func (z *secured) refusals(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen := &statusWriter{ResponseWriter: w}
		next.ServeHTTP(seen, r)
		if seen.status != http.StatusUnauthorized && seen.status != http.StatusForbidden {
			return
		}
		if o := originOf(r.Context()); (o == nil || !o.isTold.Load()) && !z.tokens.IsFlood(r.RemoteAddr) {
			z.tell(r.Context(), &audit.Event{Interaction: endpointKind(r.URL.Path), Status: seen.status, Detail: "refused: " + r.Method + " " + r.URL.Path})
		}
	})
}

// endpointKind is what an endpoint of the authorization server is about.
func endpointKind(path string) string {
	switch {
	case strings.HasSuffix(path, "/introspect"):
		return audit.Introspect
	case strings.HasSuffix(path, "/revoke"):
		return audit.Revoke
	case strings.HasSuffix(path, "/launch"):
		return audit.Launch
	case strings.HasSuffix(path, "/register"):
		return audit.Account
	case strings.HasSuffix(path, "/token"):
		return audit.Token
	}
	return audit.Login
}

// statusWriter notes the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets [http.ResponseController] find what is behind.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// administered records that accounts or apps were read, or that somebody who may not came for them. Changes have events of their own.
func (z *secured) administered(r *http.Request, who string, refused error) {
	e := events.Event{Type: events.Account, By: who}
	if refused == nil && r.Method != http.MethodGet || refused != nil && z.tokens.IsFlood(r.RemoteAddr) {
		return
	}
	out := auditEvent(e, z.issuer())
	out.Interaction, out.Query, out.Detail = audit.AccountRead, strings.TrimPrefix(adminPath+r.URL.Path, "/"), ""
	if refused != nil {
		out.Interaction, out.Status, out.Detail = audit.Account, statusOfRefusal(refused), "refused: "+r.Method+" "+adminPath+r.URL.Path
	}
	z.tell(r.Context(), out)
}
