package server

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/store"
)

// mountOperations adds what operators ask; it is no part of FHIR and needs no authorization.
func (s *Server) mountOperations(engine *gin.Engine) {
	get := func(path string, handler http.Handler) {
		engine.GET(path, gin.WrapH(handler))
		engine.HEAD(path, gin.WrapH(handler))
	}
	get("/healthz", http.HandlerFunc(s.healthz))
	get("/readyz", http.HandlerFunc(s.readyz))
	get("/metrics", s.metrics.handler())
}

// healthz says that the process answers.
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	s.plain(w, http.StatusOK, "ok\n")
}

// readyz says that requests can be served: the store answers, and the server is not shutting down.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	if s.isDraining.Load() {
		s.plain(w, http.StatusServiceUnavailable, "shutting down\n")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	// Any id will do; none is made that looks like this.
	if _, err := s.store.Read(ctx, fhir.Key{Type: "Basic", ID: "firth-ready"}); err != nil && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrGone) {
		s.log.ErrorContext(ctx, "store does not answer", "error", err)
		s.plain(w, http.StatusServiceUnavailable, "the store does not answer\n")
		return
	}
	s.plain(w, http.StatusOK, "ready\n")
}

func (s *Server) plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	s.written(w.Write([]byte(text)))
}
