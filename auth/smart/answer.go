package smart

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/firth-health/firth/auth/keys"
	"github.com/firth-health/firth/auth/smart/passwords"
	"github.com/firth-health/firth/store"
)

// Error codes of OAuth 2.0 (RFC 6749 sections 4.1.2.1 and 5.2, RFC 7591 section 3.2.2, OpenID Connect Core 1.0 section 3.1.2.6).
const (
	invalidRequest          = "invalid_request"
	invalidClient           = "invalid_client"
	invalidGrant            = "invalid_grant"
	invalidScope            = "invalid_scope"
	unauthorizedClient      = "unauthorized_client"
	unsupportedGrantType    = "unsupported_grant_type"
	unsupportedResponseType = "unsupported_response_type"
	accessDenied            = "access_denied"
	serverError             = "server_error"
	unavailable             = "temporarily_unavailable"
	loginRequired           = "login_required"
	invalidRedirect         = "invalid_redirect_uri"
	invalidMetadata         = "invalid_client_metadata"
)

// refusal is an error that OAuth has a code for.
type refusal struct {
	Code        string `json:"error"`
	Description string `json:"error_description,omitempty"`
	status      int
	wait        time.Duration // before it is worth trying again; zero: not said
}

func (e *refusal) Error() string { return e.Code + ": " + e.Description }

func refuse(code, description string) *refusal {
	status := http.StatusBadRequest
	if code == invalidClient {
		status = http.StatusUnauthorized
	}
	return &refusal{Code: code, Description: description, status: status}
}

// asRefusal turns any error into one that may be told. What is not known is one plain server_error.
func asRefusal(err error) *refusal {
	var known *refusal
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &tooLarge):
		return &refusal{Code: invalidRequest, Description: "the request is too large", status: http.StatusRequestEntityTooLarge}
	case errors.Is(err, passwords.ErrBusy), errors.Is(err, store.ErrBusy), errors.Is(err, store.ErrUnknown), errors.Is(err, store.ErrConflict), errors.Is(err, keys.ErrUnavailable),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return &refusal{Code: unavailable, Description: "try again in a moment", status: http.StatusServiceUnavailable}
	}
	return &refusal{Code: serverError, Description: "the authorization server failed", status: http.StatusInternalServerError}
}

// fail answers with an error as OAuth's token endpoint does, and logs what is the server's own fault.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	known := asRefusal(err)
	s.log(r, known, err)
	if known.status == http.StatusUnauthorized && w.Header().Get("WWW-Authenticate") == "" {
		w.Header().Set("WWW-Authenticate", `Basic realm="firth", charset="UTF-8"`)
	}
	if wait := known.wait; wait > 0 || known.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", fmt.Sprint(max(1, int(math.Ceil(wait.Seconds())))))
	}
	s.answer(w, r, known.status, known)
}

func (s *Server) log(r *http.Request, known *refusal, err error) {
	if known.status >= http.StatusInternalServerError {
		s.o.Logger.ErrorContext(r.Context(), "authorization server", "path", r.URL.Path, "request_id", r.Header.Get("X-Request-Id"), "error", err)
	}
}

// answer sends JSON that nobody may keep (RFC 6749 section 5.1).
func (s *Server) answer(w http.ResponseWriter, r *http.Request, status int, body any) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	s.send(w, r, status, body)
}

// send sends JSON.
func (s *Server) send(w http.ResponseWriter, r *http.Request, status int, body any) {
	encoded, err := json.Marshal(body)
	if err != nil {
		s.o.Logger.ErrorContext(r.Context(), "authorization server", "path", r.URL.Path, "error", err)
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if _, err := w.Write(encoded); err != nil {
		s.o.Logger.DebugContext(r.Context(), "authorization server: answer not sent", "path", r.URL.Path, "error", err)
	}
}
