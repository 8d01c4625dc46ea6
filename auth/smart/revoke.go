package smart

import (
	"net/http"

	"github.com/firth-health/firth/auth/smart/events"
)

// revoke is the revocation endpoint (RFC 7009): 200 whether there was such a token or not. A refresh token goes with all that came of its authorization.
func (s *Server) revoke(w http.ResponseWriter, r *http.Request) {
	form, err := formOf(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	client, err := s.authenticate(r, form)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if form.Get("token") == "" {
		s.fail(w, r, refuse(invalidRequest, "token is missing"))
		return
	}
	claims, err := s.tokens.RevokeToken(r.Context(), form.Get("token"), client.ID)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if claims != nil {
		e := s.event(r, events.TokenRevoked)
		e.Client, e.Account, e.TokenID, e.Scope, e.Patient, e.Detail = client.ID, claims.Subject, claims.TokenID, claims.Scope, claims.Patient, "by the client"
		s.tell(r.Context(), e)
	}
	s.answer(w, r, http.StatusOK, struct{}{})
}
