package clients

import (
	"context"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/auth/keys"
	"github.com/firth-health/firth/auth/smart/records"
)

// Shown is the certificate by which a client is known: by thumbprint, whoever issued it (self_signed_tls_client_auth), or by a name in one of an authority that the operator trusts (tls_client_auth).
type Shown struct {
	Thumbprints []string `json:",omitempty"` // x5t#S256; two while one takes the place of the other
	Subject     string   `json:",omitempty"` // distinguished name (RFC 4514): CN=gateway-7,O=Hospital
	Name        string   `json:",omitempty"` // alternative name: dns:gateway-7.example, uri:…, ip:…, email:…

	// Ingest lets the client send payloads (POST /ingest) by its certificate alone, without a token: for devices that cannot do OAuth.
	Ingest bool `json:",omitempty"`
}

// Matches says whether a certificate is the client's.
func (s *Shown) Matches(c *keys.Certificate) bool {
	switch {
	case len(s.Thumbprints) > 0:
		return slices.Contains(s.Thumbprints, c.Thumbprint)
	case !c.Verified:
		return false
	case s.Subject != "":
		return c.DistinguishedName() == s.Subject
	}
	return s.Name != "" && c.HasName(s.Name)
}

func (s *Shown) isZero() bool {
	return len(s.Thumbprints) == 0 && s.Subject == "" && s.Name == "" && !s.Ingest
}

// maxThumbprints is how many certificates a client has at a time.
const maxThumbprints = 8

func (c *Client) checkShown() error {
	s := &c.Shows
	ways := 0
	for _, used := range []bool{len(s.Thumbprints) > 0, s.Subject != "", s.Name != ""} {
		if used {
			ways++
		}
	}
	switch {
	case ways != 1:
		return invalid("a client of the type certificate has either certificates, or the subject of one, or an alternative name")
	case len(s.Thumbprints) > maxThumbprints:
		return invalid("it has %d certificates, which is more than %d", len(s.Thumbprints), maxThumbprints)
	case slices.ContainsFunc(s.Thumbprints, func(one string) bool { return !keys.IsThumbprint(one) }):
		return invalid("a thumbprint is the SHA-256 of a certificate in base64url (x5t#S256)")
	case len(s.Subject) > maxText || s.Subject != "" && !strings.Contains(s.Subject, "="):
		return invalid("the subject is a distinguished name of at most %d bytes, such as CN=gateway-7,O=Hospital", maxText)
	case s.Name != "" && !isName(s.Name):
		return invalid("%q is no alternative name, such as dns:gateway-7.example, uri:urn:x, ip:10.0.0.7 or email:it@example.org", s.Name)
	}
	return c.checkIngest()
}

// checkIngest verifies that who may send without a token could do so with one.
func (c *Client) checkIngest() error {
	if !c.Shows.Ingest {
		return nil
	}
	allowed, err := c.Allowed()
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(allowed, func(s auth.Scope) bool {
		return s.Name == "" && s.Level == auth.SystemLevel && s.Actions&auth.Create != 0
	}) {
		return invalid("a client that sends payloads without a token needs system/ scopes to create, such as system/Observation.c")
	}
	return nil
}

func isName(name string) bool {
	kind, text, _ := strings.Cut(name, ":")
	if text == "" || len(name) > maxText {
		return false
	}
	switch kind {
	case "dns":
		return !strings.ContainsAny(text, "* /:@")
	case "uri":
		u, err := url.Parse(text)
		return err == nil && u.Scheme != ""
	case "ip":
		at, err := netip.ParseAddr(text)
		return err == nil && at.String() == text
	case "email":
		return strings.Count(text, "@") == 1
	}
	return false
}

// directLife is how long the clients that send without a token may be remembered.
const directLife = 3 * time.Second

// OfCertificate returns the enabled client that may send payloads by a certificate alone. ErrUnknown when there is none, and when there are two.
func (c *Clients) OfCertificate(ctx context.Context, shown *keys.Certificate) (*Client, error) {
	direct, err := c.directs(ctx)
	if err != nil {
		return nil, err
	}
	found := slices.Clone(direct.known[shown.Thumbprint])
	for _, one := range direct.named {
		if one.Shows.Matches(shown) {
			found = append(found, one)
		}
	}
	if len(found) != 1 {
		return nil, ErrUnknown
	}
	return found[0], nil
}

// directs are clients that may send without a token.
type directs struct {
	known map[string][]*Client // by thumbprint
	named []*Client            // by what an authority says of them
	until time.Time            // when they are read again
}

func (c *Clients) directs(ctx context.Context) (directs, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.o.Clock()
	if now.Before(c.direct.until) {
		return c.direct, nil
	}
	direct := directs{known: map[string][]*Client{}, until: now.Add(directLife)}
	err := c.kind.Each(ctx, func(e records.Entry[record]) (bool, error) {
		client := &e.Value.Client
		if client.Type != Certificate || !client.Shows.Ingest || client.Disabled {
			return true, nil
		}
		for _, thumbprint := range client.Shows.Thumbprints {
			direct.known[thumbprint] = append(direct.known[thumbprint], client)
		}
		if len(client.Shows.Thumbprints) == 0 {
			direct.named = append(direct.named, client)
		}
		return true, nil
	})
	if err != nil {
		return directs{}, err
	}
	c.direct = direct
	return direct, nil
}
