package oidc

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/firth-health/firth/auth"
)

// answers remembers what issuers said about tokens, for a short while.
type answers struct {
	clock func() time.Time
	mu    sync.Mutex
	known map[string]answered // by digest
}

type answered struct {
	claims *auth.Claims // nil: not active
	until  time.Time
}

const maxAnswers = 10_000

func (a *answers) get(name string) (claims *auth.Claims, known bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	one, known := a.known[name]
	return one.claims, known && a.clock().Before(one.until)
}

func (a *answers) put(name string, claims *auth.Claims) {
	until := a.clock().Add(maxIntrospect)
	if claims != nil && claims.Expires.Before(until) {
		until = claims.Expires
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.known == nil || len(a.known) >= maxAnswers {
		a.known = map[string]answered{}
	}
	a.known[name] = answered{claims, until}
}

// askAll asks the issuers about a token that does not tell whose it is.
func (s *Issuers) askAll(ctx context.Context, token string) (*auth.Claims, error) {
	var failed error
	for _, p := range s.providers {
		if p.ClientID == "" {
			continue
		}
		claims, err := s.ask(ctx, p, token)
		if err == nil {
			return claims, nil
		}
		if failed == nil && err != auth.ErrToken { //nolint:errorlint // it is that very error
			failed = err
		}
	}
	if failed != nil {
		return nil, failed
	}
	return nil, auth.ErrToken
}

// ask is RFC 7662. Answers are remembered for half a minute, so that a token that was revoked may live on as long. auth.ErrToken, auth.ErrUnavailable.
func (s *Issuers) ask(ctx context.Context, p *provider, token string) (*auth.Claims, error) {
	name := p.URL + " " + digest(token)
	claims, known := s.answers.get(name)
	if !known {
		var err error
		if claims, err = s.introspect(ctx, p, token); err != nil {
			return nil, err
		}
		s.answers.put(name, claims)
	}
	if claims == nil || !s.clock().Before(claims.Expires) {
		return nil, auth.ErrToken
	}
	return claims, nil
}

// introspect is one request. It returns nil for a token that is not active.
func (s *Issuers) introspect(ctx context.Context, p *provider, token string) (*auth.Claims, error) {
	known, err := p.discover(ctx)
	if err != nil {
		return nil, err
	}
	if known.Introspection == "" {
		return nil, fmt.Errorf("%w: %s has no introspection_endpoint", auth.ErrUnavailable, p.URL)
	}
	ctx, cancel := context.WithTimeout(ctx, providerWait)
	defer cancel()
	form := url.Values{"token": {token}, "token_type_hint": {"access_token"}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, known.Introspection, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, fmt.Errorf("%w: its introspection_endpoint is no URL", auth.ErrUnavailable)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Accept", "application/json")
	request.SetBasicAuth(url.QueryEscape(p.ClientID), url.QueryEscape(p.ClientSecret))
	response, err := p.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%w: no answer about a token", auth.ErrUnavailable)
	}
	defer response.Body.Close() //nolint:errcheck // it was read to its end, or is of no use
	var said struct {
		tokenClaims
		Active bool `json:"active"`
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%w: status %d about a token", auth.ErrUnavailable, response.StatusCode)
	}
	if err := json.NewDecoder(response.Body).Decode(&said); err != nil {
		return nil, fmt.Errorf("%w: what it said about a token cannot be read", auth.ErrUnavailable)
	}
	if !said.Active || said.Issuer != "" && said.Issuer != p.URL {
		return nil, nil //nolint:nilnil // not active is an answer
	}
	said.Issuer = p.URL
	if said.Subject == "" {
		said.Subject = said.Client // a client that acts for itself
	}
	if len(said.Audience) == 0 {
		said.Audience = p.Audiences // it told this server, which asked with an id of its own
	}
	if !s.isCurrent(p, &said.tokenClaims) {
		return nil, nil //nolint:nilnil // not active is an answer
	}
	return s.meaning(&said.tokenClaims, digest(token)), nil
}
