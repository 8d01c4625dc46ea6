package smart

import (
	"context"
	"errors"
	"net/http"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/auth/keys"
	"github.com/firth-health/firth/auth/smart/clients"
	"github.com/firth-health/firth/auth/smart/scopes"
)

// certificate is what the client of a request showed; nil for none that is good now.
func (s *Server) certificate(r *http.Request) *keys.Certificate {
	if s.o.Certificate == nil {
		return nil
	}
	if c := s.o.Certificate(r); c != nil && c.IsCurrent(s.o.Clock()) {
		return c
	}
	return nil
}

// thumbprint is that of the certificate, or empty.
func (s *Server) thumbprint(r *http.Request) string {
	if c := s.certificate(r); c != nil {
		return c.Thumbprint
	}
	return ""
}

// shown checks that the certificate of a request is the client's (RFC 8705 section 2).
func (s *Server) shown(r *http.Request, client *clients.Client) error {
	c := s.certificate(r)
	switch {
	case c == nil:
		return refuse(invalidClient, "the client shows a certificate when it connects, and there was none that is good now")
	case !client.Shows.Matches(c):
		return refuse(invalidClient, "the certificate of the connection is not the client's")
	}
	return nil
}

// boundTo is the certificate that tokens of a client are bound to: for one that authenticates by it.
func (s *Server) boundTo(r *http.Request, client *clients.Client) string {
	if client.Type != clients.Certificate {
		return ""
	}
	return s.thumbprint(r)
}

// Device returns what a client may do that sends payloads without a token, by its certificate alone, as it is registered for. auth.ErrToken for any other. What is changed on another server on the same store counts
// within three seconds.
func (s *Server) Device(ctx context.Context, c *keys.Certificate) (*auth.Claims, error) {
	if !c.IsCurrent(s.o.Clock()) {
		return nil, auth.ErrToken
	}
	client, err := s.clients.OfCertificate(ctx, c)
	if errors.Is(err, clients.ErrUnknown) {
		return nil, auth.ErrToken
	}
	if err != nil {
		return nil, err
	}
	allowed, err := client.Allowed()
	if err != nil {
		return nil, err
	}
	system := scopes.Without(allowed, func(scope auth.Scope) bool { return scope.Name != "" || scope.Level != auth.SystemLevel })
	return &auth.Claims{Issuer: s.issuer, Subject: client.ID, Client: client.ID, TokenID: "x5t#S256:" + c.Thumbprint, Thumbprint: c.Thumbprint, Scope: system.String(), Issued: c.NotBefore, Expires: c.NotAfter}, nil
}
