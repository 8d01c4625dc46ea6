package smart

import (
	"net/http"
)

// public lets scripts of any origin read an answer that is the same for everybody.
func public(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		next(w, r)
	})
}

// shared lets scripts of registered clients' origins read an answer. Cookies play no part in these endpoints, so none are allowed to come along.
func (s *Server) shared(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Origin")
		if origin := r.Header.Get("Origin"); origin != "" {
			allowed, err := s.clients.AllowsOrigin(r.Context(), origin)
			if err != nil {
				s.fail(w, r, err)
				return
			}
			if allowed {
				w.Header().Set("Access-Control-Allow-Origin", origin)
			}
		}
		next(w, r)
	})
}

// preflight answers the question whether a script may call (Fetch standard, CORS-preflight).
func preflight(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	if h.Get("Access-Control-Allow-Origin") != "" {
		h.Set("Access-Control-Allow-Methods", "GET, POST")
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Accept")
		h.Set("Access-Control-Max-Age", "600")
	}
	w.WriteHeader(http.StatusNoContent)
}
