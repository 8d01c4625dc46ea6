package smart

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/firth-health/firth/auth/smart/clients"
)

// registration is what a client says of itself, and what it is answered (RFC 7591 sections 2 and 3.2.1).
type registration struct {
	ID            string          `json:"client_id,omitempty"`
	Secret        string          `json:"client_secret,omitempty"`
	SecretExpires *int64          `json:"client_secret_expires_at,omitempty"`
	IssuedAt      int64           `json:"client_id_issued_at,omitempty"`
	Name          string          `json:"client_name,omitempty"`
	Website       string          `json:"client_uri,omitempty"`
	RedirectURIs  []string        `json:"redirect_uris,omitempty"`
	LaunchURI     string          `json:"launch_uri,omitempty"`
	AuthMethod    string          `json:"token_endpoint_auth_method,omitempty"`
	GrantTypes    []string        `json:"grant_types,omitempty"`
	ResponseTypes []string        `json:"response_types,omitempty"`
	Scope         string          `json:"scope,omitempty"`
	Contacts      []string        `json:"contacts,omitempty"`
	JWKS          json.RawMessage `json:"jwks,omitempty"`
	JWKSURL       string          `json:"jwks_uri,omitempty"`
}

// register is the endpoint at which clients register themselves, where the operator allows it: as apps for people, whose consent page says that nobody has looked at them.
func (s *Server) register(w http.ResponseWriter, r *http.Request) {
	if !s.o.Registration {
		s.unrouted(w, r, http.StatusNotFound)
		return
	}
	asked, err := metadataOf(w, r)
	var created *clients.Client
	var secret string
	if err == nil {
		created, secret, err = s.registerClient(r, asked)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	asked.ID, asked.IssuedAt, asked.Secret = created.ID, created.Created.Unix(), secret
	if secret != "" {
		never := int64(0)
		asked.SecretExpires = &never
	}
	asked.GrantTypes, asked.ResponseTypes = []string{"authorization_code", "refresh_token"}, []string{"code"}
	s.answer(w, r, http.StatusCreated, asked)
}

// maxMetadata bounds what a client says of itself, in bytes: anybody may.
const maxMetadata = 32 << 10

// metadataOf reads what a client says of itself.
func metadataOf(w http.ResponseWriter, r *http.Request) (*registration, error) {
	var asked registration
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxMetadata)).Decode(&asked)
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return nil, err
	}
	if err != nil {
		return nil, refuse(invalidMetadata, "the body must be a JSON object of client metadata")
	}
	return &asked, nil
}

// registerClient writes a client down, unless its address or all together did so too often. Metadata that is refused at sight counts for nothing.
func (s *Server) registerClient(r *http.Request, asked *registration) (created *clients.Client, secret string, err error) {
	client, err := asked.client()
	if err != nil {
		return nil, "", err
	}
	wait := s.registers.wait(s.o.Remote(r))
	why := "too many registrations from this address"
	if wait == 0 {
		wait, why = s.registered.wait(everybody), "too many registrations"
	}
	if wait > 0 {
		return nil, "", &refusal{Code: unavailable, Description: why, status: http.StatusTooManyRequests, wait: wait}
	}
	created, secret, err = s.clients.Create(r.Context(), *client)
	if errors.Is(err, clients.ErrInvalid) {
		err = refuse(invalidMetadata, printableText(err.Error()))
	}
	return created, secret, err
}

// client is the client that metadata describes.
func (m *registration) client() (*clients.Client, error) {
	c := &clients.Client{
		Name: m.Name, Website: m.Website, RedirectURIs: m.RedirectURIs, LaunchURI: m.LaunchURI, Scopes: m.Scope, Contacts: m.Contacts, JWKS: m.JWKS, JWKSURL: m.JWKSURL, Dynamic: true,
	}
	if c.Name == "" {
		c.Name = "Unnamed app"
	}
	if m.AuthMethod == "" {
		m.AuthMethod = "client_secret_basic" // the default of RFC 7591
	}
	switch m.AuthMethod {
	case "none":
		c.Type = clients.Public
	case "client_secret_basic":
		c.Type = clients.Symmetric
	case "private_key_jwt":
		c.Type = clients.Asymmetric
	default:
		return nil, refuse(invalidMetadata, "token_endpoint_auth_method must be none, client_secret_basic or private_key_jwt")
	}
	if slices.ContainsFunc(m.GrantTypes, func(g string) bool { return g != "authorization_code" && g != "refresh_token" }) {
		return nil, refuse(invalidMetadata, "grant_types are authorization_code and refresh_token; services are registered by the operator")
	}
	if len(m.RedirectURIs) == 0 {
		return nil, refuse(invalidRedirect, "redirect_uris is missing")
	}
	for _, uri := range m.RedirectURIs {
		if err := clients.CheckRedirect(uri); err != nil {
			return nil, refuse(invalidRedirect, strings.TrimSpace(printableText(err.Error())))
		}
	}
	return c, nil
}
