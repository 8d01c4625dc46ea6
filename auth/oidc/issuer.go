package oidc

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/firth-health/firth/auth"
)

// Issuer is an OpenID provider that is trusted.
type Issuer struct {
	URL       string   // the issuer, as it calls itself
	Audiences []string // any of which a token must be for: the base URL of the FHIR API, and what the provider calls it

	// ClientID and ClientSecret let the server ask about tokens that are not JWTs. Empty: such tokens are refused.
	ClientID, ClientSecret string

	// Introspect has every token asked about, so that one that was revoked gives no access any more.
	Introspect bool
}

// Times.
const (
	discoveryAge  = time.Hour
	retry         = 10 * time.Second // between two tries to reach a provider
	providerWait  = 5 * time.Second
	maxAnswer     = 1 << 20 // bytes
	maxIntrospect = 30 * time.Second
)

// metadata is what a provider says of itself.
type metadata struct {
	Keys          string `json:"jwks_uri"`
	Introspection string `json:"introspection_endpoint"`
}

// provider is an Issuer with what was found out about it.
type provider struct {
	Issuer
	client *http.Client
	clock  func() time.Time

	asking sync.Mutex // held by who asks
	mu     sync.Mutex
	known  *metadata
	asked  time.Time
	failed bool // the last time
}

// discover returns what the provider says of itself, asking it at first and then every hour. While it cannot be reached what was known counts on. auth.ErrUnavailable.
func (p *provider) discover(ctx context.Context) (*metadata, error) {
	if known, done, err := p.remembered(); done {
		return known, err
	}
	p.asking.Lock()
	defer p.asking.Unlock()
	if known, done, err := p.remembered(); done { // by who asked meanwhile
		return known, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), providerWait)
	defer cancel()
	asked := p.clock()
	found := &metadata{}
	made, err := oidc.NewProvider(oidc.ClientContext(ctx, p.client), p.URL)
	if err == nil {
		err = made.Claims(found)
	}
	if err == nil && found.Keys == "" {
		err = fmt.Errorf("no jwks_uri")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked, p.failed = asked, err != nil
	if err == nil {
		p.known = found
	}
	if p.known == nil {
		return nil, fmt.Errorf("%w: discovery of %s failed", auth.ErrUnavailable, p.URL)
	}
	return p.known, nil
}

// remembered reports whether there is no need to ask now.
func (p *provider) remembered() (known *metadata, done bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	age := p.clock().Sub(p.asked)
	switch {
	case p.failed && age < retry || !p.failed && p.known != nil && age < discoveryAge:
		if p.known == nil {
			return nil, true, fmt.Errorf("%w: discovery of %s failed a moment ago", auth.ErrUnavailable, p.URL)
		}
		return p.known, true, nil
	}
	return nil, false, nil
}

// bounded keeps answers of providers from filling the memory.
type bounded struct{ http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		response.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(response.Body, maxAnswer), response.Body}
	}
	return response, err
}

// sameURL compares as issuers are compared, but for a slash at the end, which many get wrong.
func sameURL(a, b string) bool { return strings.TrimSuffix(a, "/") == strings.TrimSuffix(b, "/") }
