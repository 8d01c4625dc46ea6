package server

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/store"
)

const contentTypeText = "text/plain; charset=utf-8"

// healthz says that the process answers.
func (s *Server) healthz(*exchange) (reply, error) {
	return plain(http.StatusOK, "ok\n"), nil
}

// readyz says that requests can be served: the store answers, and the server is not shutting down.
func (s *Server) readyz(x *exchange) (reply, error) {
	if s.isDraining.Load() {
		return plain(http.StatusServiceUnavailable, "shutting down\n"), nil
	}
	ctx, cancel := context.WithTimeout(x.ctx, 2*time.Second)
	defer cancel()
	// Any id will do; that there is no such resource is an answer.
	if _, err := s.store.Read(ctx, fhir.Key{Type: "Basic", ID: "firth-ready"}); err != nil && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrGone) {
		s.log.ErrorContext(ctx, "store does not answer", "request_id", x.requestID, "error", err)
		return plain(http.StatusServiceUnavailable, "the store does not answer\n"), nil
	}
	if issues := s.parameters.incomplete(); len(issues) > 0 {
		return plain(http.StatusOK, "ready; "+issues[0].Diagnostics+"\n"), nil
	}
	return plain(http.StatusOK, "ready\n"), nil
}

func plain(status int, text string) reply {
	return reply{status: status, contentType: contentTypeText, body: []byte(text)}
}
