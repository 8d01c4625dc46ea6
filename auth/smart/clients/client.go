package clients

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/auth/smart/scopes"
)

// Type is how a client proves who it is (SMART App Launch 2.2, app-launch.html#support-for-public-and-confidential-apps).
type Type string

// Types of clients.
const (
	Public     Type = "public"     // cannot keep a secret: PKCE alone
	Symmetric  Type = "symmetric"  // client_secret_basic
	Asymmetric Type = "asymmetric" // private_key_jwt with RS384 or ES384

	// Certificate is a client that shows a certificate when it connects: tls_client_auth or self_signed_tls_client_auth (RFC 8705). Its tokens are bound to the certificate.
	Certificate Type = "certificate"
)

// Client is one app or service.
type Client struct {
	ID           string // client_id
	Name         string // shown to people
	Type         Type
	RedirectURIs []string        `json:",omitempty"` // compared character by character; none for a client that acts for itself only
	LaunchURI    string          `json:",omitempty"` // where an EHR launch sends the browser
	Origins      []string        `json:",omitempty"` // web origins from which scripts may call, beside those of RedirectURIs: https://app.example
	Scopes       string          `json:",omitempty"` // the most it may ask for; empty: patient/ and user/ scopes and context. Its system/ scopes are what client_credentials may give
	JWKS         json.RawMessage `json:",omitempty"` // public keys of an Asymmetric client, or
	JWKSURL      string          `json:",omitempty"` // where they are
	Shows        Shown           `json:",omitzero"`  // certificate of a Certificate client
	Website      string          `json:",omitempty"`
	Contacts     []string        `json:",omitempty"`
	Dynamic      bool            `json:",omitempty"` // registered itself
	Until        time.Time       `json:",omitzero"`  // of one that registered itself: when it is forgotten, unless [Clients.Used] was called before
	Disabled     bool            `json:",omitempty"` // gets no tokens; those it has are void

	Created, Changed time.Time
}

// Errors of this package.
var (
	ErrUnknown = errors.New("no such client")
	ErrExists  = errors.New("a client with this id exists")
	ErrInvalid = errors.New("not a valid client")
)

// defaultScopes is the most that a client may ask for when nothing was set for it.
const defaultScopes = "openid fhirUser profile launch launch/patient launch/encounter offline_access online_access patient/*.cruds user/*.cruds"

// Allowed returns the most that the client may ask for.
func (c *Client) Allowed() (auth.Scopes, error) {
	text := c.Scopes
	if text == "" {
		text = defaultScopes
	}
	return scopes.Parser(auth.ParseScopes).Parse(text)
}

// Redirects says whether an answer may go to an address. Addresses are compared as they are written (RFC 9700 section 2.1).
func (c *Client) Redirects(uri string) bool { return uri != "" && slices.Contains(c.RedirectURIs, uri) }

// HasKeys says whether the client proves who it is by a key that it alone has, so that it may act for itself.
func (c *Client) HasKeys() bool { return c.Type == Asymmetric || c.Type == Certificate }

// AllOrigins returns the web origins from which the client's scripts may call.
func (c *Client) AllOrigins() []string {
	origins := slices.Clone(c.Origins)
	for _, uri := range append(slices.Clone(c.RedirectURIs), c.LaunchURI) {
		if u, err := url.Parse(uri); err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" {
			if origin := u.Scheme + "://" + u.Host; !slices.Contains(origins, origin) {
				origins = append(origins, origin)
			}
		}
	}
	return origins
}

// Bounds on what a client says of itself, in bytes and in items.
const (
	maxText   = 2048
	maxScopes = 16 << 10
	maxJWKS   = 64 << 10
	maxList   = 32
)

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
}

func (c *Client) check() error {
	if c.Name == "" {
		return invalid("it has no name; people are shown one")
	}
	if err := c.checkSizes(); err != nil {
		return err
	}
	if !isID(c.ID) {
		return invalid("the id has 1 to 128 letters, digits and any of -._~:/")
	}
	for _, uri := range c.RedirectURIs {
		if err := CheckRedirect(uri); err != nil {
			return err
		}
	}
	for _, uri := range []string{c.LaunchURI, c.Website} {
		if u, err := url.Parse(uri); uri != "" && (err != nil || !isWeb(u)) {
			return invalid("%q is no web address", uri)
		}
	}
	for _, origin := range c.Origins {
		if u, err := url.Parse(origin); err != nil || !isWeb(u) || u.Path != "" || u.RawQuery != "" || u.User != nil {
			return invalid("%q is no web origin, such as https://app.example", origin)
		}
	}
	if err := c.checkKeys(); err != nil {
		return err
	}
	return c.checkScopes()
}

// checkSizes names what is too long, and how long it may be.
func (c *Client) checkSizes() error {
	for _, text := range []struct {
		name       string
		size, most int
	}{
		{"the name", len(c.Name), maxText}, {"the launch address", len(c.LaunchURI), maxText}, {"the website", len(c.Website), maxText}, {"the URL of the JWK Set", len(c.JWKSURL), maxText},
		{"the list of scopes", len(c.Scopes), maxScopes}, {"the JWK Set", len(c.JWKS), maxJWKS},
	} {
		if text.size > text.most {
			return invalid("%s has %d bytes, which is more than %d", text.name, text.size, text.most)
		}
	}
	for _, list := range []struct {
		name, one string
		items     []string
	}{{"redirect URIs", "a redirect URI", c.RedirectURIs}, {"web origins", "a web origin", c.Origins}, {"contacts", "a contact", c.Contacts}} {
		if len(list.items) > maxList {
			return invalid("it has %d %s, which is more than %d", len(list.items), list.name, maxList)
		}
		for _, item := range list.items {
			if len(item) > maxText {
				return invalid("%s has %d bytes, which is more than %d", list.one, len(item), maxText)
			}
		}
	}
	return nil
}

func (c *Client) checkScopes() error {
	allowed, err := c.Allowed()
	if err != nil {
		return errors.Join(ErrInvalid, err)
	}
	switch system := scopes.HasLevel(allowed, auth.SystemLevel); {
	case system && !c.HasKeys():
		return invalid("system/ scopes are for clients with keys (client-confidential-symmetric.html#profile-audience-and-scope)")
	case !system && len(c.RedirectURIs) == 0 && !slices.ContainsFunc(allowed, scopes.IsRight):
		return invalid("it needs a redirect URI, or system/ scopes to act for itself")
	case c.Dynamic && (system || slices.ContainsFunc(allowed, scopes.IsRight)):
		return invalid("a client that registers itself gets no system/ scopes and no rights at this server")
	}
	return nil
}

func (c *Client) checkKeys() error {
	if c.Type != Certificate && !c.Shows.isZero() {
		return invalid("a certificate is for clients of the type certificate")
	}
	switch c.Type {
	case Public, Symmetric, Certificate:
		if len(c.JWKS) > 0 || c.JWKSURL != "" {
			return invalid("keys are for asymmetric clients")
		}
		if c.Type == Certificate {
			return c.checkShown()
		}
		return nil
	case Asymmetric:
	default:
		return invalid("the type is public, symmetric, asymmetric or certificate")
	}
	if (len(c.JWKS) > 0) == (c.JWKSURL != "") {
		return invalid("an asymmetric client has either a JWK Set or the URL of one")
	}
	if c.JWKSURL != "" {
		if u, err := url.Parse(c.JWKSURL); err != nil || !isWeb(u) || u.User != nil || u.Fragment != "" {
			return invalid("the URL of the JWK Set must be https")
		}
		return nil
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(c.JWKS, &set); err != nil || len(set.Keys) == 0 {
		return invalid("the JWK Set cannot be read")
	}
	for _, key := range set.Keys {
		if !key.Valid() || !key.IsPublic() || key.KeyID == "" {
			return invalid("every key of the JWK Set is public and has a kid")
		}
	}
	return nil
}

func isID(id string) bool {
	return id != "" && len(id) <= 128 && !strings.ContainsFunc(id, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-._~:/", r)
	})
}

// isWeb says whether an address is https, or http on this machine.
func isWeb(u *url.URL) bool {
	return u.Host != "" && (u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname()))
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// CheckRedirect verifies an address that answers may go to: https, http on the user's own machine, or a scheme of an app (RFC 8252 section 7.1: a domain name backwards), without a fragment.
func CheckRedirect(uri string) error {
	u, err := url.Parse(uri)
	switch {
	case err != nil || len(uri) > maxText || strings.ContainsFunc(uri, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return invalid("a redirect URI cannot be read")
	case u.Fragment != "" || strings.HasSuffix(uri, "#") || u.User != nil:
		return invalid("redirect URI %q has a fragment or a user", uri)
	case isWeb(u):
		return nil
	case u.Scheme == "http":
		return invalid("redirect URI %q: http is for localhost only", uri)
	case !strings.Contains(u.Scheme, "."):
		return invalid("redirect URI %q: want https, or the scheme of an app such as com.example.app", uri)
	}
	return nil
}
