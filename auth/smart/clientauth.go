package smart

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/firth-health/firth/auth/keys"
	"github.com/firth-health/firth/auth/smart/clients"
)

// authenticate finds out which client sends a form, by the one way in which clients of its type prove it: client_secret_basic (RFC 6749 section 2.3.1), private_key_jwt (RFC 7523), by the certificate of
// the connection (RFC 8705), or for public clients by nothing. Every error of the client's making is invalid_client (SMART App Launch 2.2, client-confidential-asymmetric.html#response).
func (s *Server) authenticate(r *http.Request, form url.Values) (*clients.Client, error) {
	header := r.Header.Get("Authorization")
	ways := 0
	for _, used := range []bool{header != "", form.Has("client_assertion") || form.Has("client_assertion_type"), form.Has("client_secret")} {
		if used {
			ways++
		}
	}
	switch {
	case ways > 1:
		return nil, refuse(invalidRequest, "a client authenticates in one way at a time")
	case header != "":
		return s.basic(r, header, form)
	case form.Has("client_assertion"), form.Has("client_assertion_type"):
		return s.assertion(r, form)
	case form.Has("client_secret"):
		return nil, refuse(invalidClient, "send the secret by HTTP Basic authentication")
	}
	if form.Get("client_id") == "" {
		return nil, refuse(invalidClient, "client_id is missing: who does not authenticate says at each request who it is")
	}
	client, err := s.known(r, form.Get("client_id"))
	if err != nil {
		return nil, err
	}
	switch client.Type {
	case clients.Public:
		return client, nil
	case clients.Certificate:
		return client, s.shown(r, client)
	}
	return nil, refuse(invalidClient, "the client must authenticate")
}

// known returns an enabled client.
func (s *Server) known(r *http.Request, id string) (*clients.Client, error) {
	client, err := s.clients.Get(r.Context(), id)
	if errors.Is(err, clients.ErrUnknown) || err == nil && client.Disabled {
		return nil, refuse(invalidClient, "the client is not known")
	}
	return client, err
}

// basic checks a secret. Id and secret are form-encoded before they are joined (RFC 6749 section 2.3.1).
func (s *Server) basic(r *http.Request, header string, form url.Values) (*clients.Client, error) {
	failed := refuse(invalidClient, "client_id or secret is not right")
	scheme, encoded, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Basic") {
		return nil, refuse(invalidClient, "a client authenticates by HTTP Basic or by an assertion")
	}
	decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil {
		return nil, failed
	}
	idText, secretText, found := strings.Cut(string(decoded), ":")
	id, idErr := url.QueryUnescape(idText)
	secret, secretErr := url.QueryUnescape(secretText)
	if !found || idErr != nil || secretErr != nil || form.Has("client_id") && form.Get("client_id") != id {
		return nil, failed
	}
	ok, err := s.clients.CheckSecret(r.Context(), id, secret)
	if errors.Is(err, clients.ErrUnknown) || err == nil && !ok {
		return nil, failed
	}
	if err != nil {
		return nil, err
	}
	return s.known(r, id)
}

// assertion checks a signed assertion.
func (s *Server) assertion(r *http.Request, form url.Values) (*clients.Client, error) {
	if form.Get("client_assertion_type") != keys.AssertionType {
		return nil, refuse(invalidClient, "client_assertion_type must be "+keys.AssertionType)
	}
	assertion := form.Get("client_assertion")
	id, err := keys.Subject(assertion)
	if err != nil {
		return nil, assertionRefusal(err)
	}
	if form.Has("client_id") && form.Get("client_id") != id {
		return nil, refuse(invalidClient, "client_id and the assertion name different clients")
	}
	client, err := s.known(r, id)
	if err != nil {
		return nil, err
	}
	registered := keys.Registration{URL: client.JWKSURL}
	if len(client.JWKS) > 0 {
		if registered.Set, err = keys.ParseSet(client.JWKS); err != nil {
			return nil, err
		}
	}
	if err := s.assertions.Verify(r.Context(), assertion, id, registered); err != nil {
		return nil, assertionRefusal(err)
	}
	return client, nil
}

func assertionRefusal(err error) error {
	var wrong *keys.InvalidError
	if errors.As(err, &wrong) {
		return refuse(invalidClient, printableText(wrong.Why))
	}
	if errors.Is(err, keys.ErrUnavailable) {
		return refuse(invalidClient, "the client's keys cannot be fetched from where they are registered to be")
	}
	return err
}
