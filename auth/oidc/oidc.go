package oidc

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/auth/keys"
)

// Options of [New].
type Options struct {
	Issuers []Issuer
	Base    string       // of the FHIR API: a fhirUser of another server is nobody here
	Client  *http.Client // to reach the issuers, which the operator chose; nil: one that may reach private networks, with time limits
	Clock   func() time.Time
}

// Issuers looks up tokens of foreign issuers. It is for concurrent use.
type Issuers struct {
	providers []*provider
	base      string
	fetcher   *keys.Fetcher
	clock     func() time.Time
	answers   answers // to introspection
	verified  answers // JWTs whose signature was good
}

// MaxTokenBytes bounds the tokens that are looked at.
const MaxTokenBytes = 32 << 10

// leeway is by how much the clocks of others may differ.
const leeway = 30 * time.Second

// New checks the options. No issuer is asked before the first token comes.
func New(o Options) (*Issuers, error) {
	if o.Client == nil {
		o.Client = keys.NewClient(true)
	}
	client := *o.Client
	if client.Transport == nil {
		client.Transport = http.DefaultTransport
	}
	client.Transport = bounded{client.Transport}
	s := &Issuers{base: strings.TrimSuffix(o.Base, "/") + "/", fetcher: keys.NewFetcher(&client, o.Clock), clock: o.Clock}
	s.answers.clock, s.verified.clock = o.Clock, o.Clock
	for _, one := range o.Issuers {
		switch err := keys.CheckURL(one.URL, true); {
		case err != nil:
			return nil, fmt.Errorf("issuer %q: %w", one.URL, err)
		case len(one.Audiences) == 0:
			return nil, fmt.Errorf("issuer %q: no audience", one.URL)
		case one.Introspect && one.ClientID == "":
			return nil, fmt.Errorf("issuer %q: introspection needs a client id", one.URL)
		case slices.ContainsFunc(s.providers, func(p *provider) bool { return sameURL(p.URL, one.URL) }):
			return nil, fmt.Errorf("issuer %q: named twice", one.URL)
		}
		s.providers = append(s.providers, &provider{Issuer: one, client: &client, clock: o.Clock})
	}
	return s, nil
}

// algorithms are the signatures that tokens of others may have: no HMAC, whose keys two would know, and not none.
func algorithms() []jose.SignatureAlgorithm {
	return []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512}
}

// Claims returns what a token says; an answer is good for half a minute. auth.ErrToken when no issuer made it for this server or it is over; auth.ErrUnavailable when its issuer cannot be asked.
func (s *Issuers) Claims(ctx context.Context, token string) (*auth.Claims, error) {
	if len(token) > MaxTokenBytes || token == "" {
		return nil, auth.ErrToken
	}
	if claims, known := s.verified.get(digest(token)); known {
		return claims, nil
	}
	parsed, err := jwt.ParseSigned(token, algorithms())
	if err != nil {
		if strings.Count(token, ".") == 2 && keys.Unsigned(token, &struct{}{}) == nil {
			return nil, auth.ErrToken // a JWT, but not one signed as it must be
		}
		return s.askAll(ctx, token)
	}
	var said jwt.Claims
	if err := parsed.UnsafeClaimsWithoutVerification(&said); err != nil {
		return nil, auth.ErrToken
	}
	i := slices.IndexFunc(s.providers, func(p *provider) bool { return said.Issuer != "" && p.URL == said.Issuer })
	if i < 0 {
		return nil, auth.ErrToken
	}
	p := s.providers[i]
	claims, err := s.verify(ctx, p, parsed, digest(token))
	if err == nil && p.Introspect {
		_, err = s.ask(ctx, p, token)
	}
	if err != nil {
		return nil, err
	}
	s.verified.put(digest(token), claims)
	return claims, nil
}

// verify checks a JWT as RFC 9068 section 4 asks. Its typ may be JWT, as many providers have it; that it is no id_token its audience shows, and its claims.
func (s *Issuers) verify(ctx context.Context, p *provider, token *jwt.JSONWebToken, handle string) (*auth.Claims, error) {
	if len(token.Headers) != 1 || !isAccessToken(token.Headers[0].ExtraHeaders[jose.HeaderType]) {
		return nil, auth.ErrToken
	}
	known, err := p.discover(ctx)
	if err != nil {
		return nil, err
	}
	h := token.Headers[0]
	key, err := s.fetcher.Key(ctx, known.Keys, h.KeyID, jose.SignatureAlgorithm(h.Algorithm))
	if errors.Is(err, keys.ErrUnavailable) {
		return nil, fmt.Errorf("%w: %w", auth.ErrUnavailable, err)
	}
	if err != nil {
		return nil, auth.ErrToken
	}
	var said tokenClaims
	if err := token.Claims(key.Key, &said); err != nil {
		return nil, auth.ErrToken
	}
	if said.Issuer != p.URL || !s.isCurrent(p, &said) || said.isOther() {
		return nil, auth.ErrToken
	}
	return s.meaning(&said, handle), nil
}

func isAccessToken(typ any) bool {
	if typ == nil {
		return true
	}
	text, ok := typ.(string)
	if !ok {
		return false
	}
	switch strings.TrimPrefix(strings.ToLower(text), "application/") {
	case "jwt", "at+jwt":
		return true
	}
	return false
}

// isCurrent checks the times of a token and whom it is for.
func (s *Issuers) isCurrent(p *provider, c *tokenClaims) bool {
	now := s.clock()
	return c.Subject != "" && c.Expiry != nil && now.Before(c.Expiry.Time().Add(leeway)) &&
		(c.NotBefore == nil || !c.NotBefore.Time().After(now.Add(leeway))) && (c.IssuedAt == nil || !c.IssuedAt.Time().After(now.Add(leeway))) && p.isFor(c.Audience)
}

func (p *provider) isFor(audience jwt.Audience) bool {
	return slices.ContainsFunc(audience, func(one string) bool {
		return slices.ContainsFunc(p.Audiences, func(ours string) bool { return sameURL(one, ours) })
	})
}

// digest is the begin of a hash: it names a token and cannot be used as one.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
}
