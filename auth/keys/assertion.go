package keys

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// AssertionType is the client_assertion_type of RFC 7523.
const AssertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// Bounds on assertions.
const (
	MaxAssertionBytes = 16 << 10
	maxIDBytes        = 256
	longest           = 5 * time.Minute // that an assertion may be valid for, from now
	leeway            = 30 * time.Second
)

// Algorithms are the signatures that client assertions may have.
func Algorithms() []jose.SignatureAlgorithm { return []jose.SignatureAlgorithm{jose.RS384, jose.ES384} }

// Registration is what a client's keys are known from: one of the two.
type Registration struct {
	Set *Set
	URL string
}

// Replay remembers assertions until they expire.
type Replay interface {
	// Use notes an id of an issuer, and reports whether it was not known.
	Use(ctx context.Context, issuer, id string, until time.Time) (fresh bool, err error)
}

// Assertions checks client assertions.
type Assertions struct {
	Audiences []string // any of which an assertion must be for: the URL of the token endpoint, and the issuer
	Fetcher   *Fetcher
	Replay    Replay
	Clock     func() time.Time
}

// InvalidError says what is wrong with an assertion or a token, in words that are fit for an answer.
type InvalidError struct{ Why string }

func (e *InvalidError) Error() string { return e.Why }

func invalid(format string, args ...any) error { return &InvalidError{fmt.Sprintf(format, args...)} }

// Subject reads whom an assertion is said to be from, before anything of it is checked: the client whose keys to use. *InvalidError.
func Subject(assertion string) (client string, err error) {
	if len(assertion) > MaxAssertionBytes {
		return "", invalid("the assertion is longer than %d bytes", MaxAssertionBytes)
	}
	token, err := jwt.ParseSigned(assertion, Algorithms())
	if err != nil {
		return "", invalid("the assertion is not a JWT signed with RS384 or ES384")
	}
	var claims jwt.Claims
	if err := token.UnsafeClaimsWithoutVerification(&claims); err != nil {
		return "", invalid("the claims of the assertion are malformed")
	}
	if claims.Subject == "" || claims.Subject != claims.Issuer {
		return "", invalid("iss and sub of the assertion must be the client_id")
	}
	return claims.Subject, nil
}

// Verify checks that a client made an assertion, for this server, a moment ago and for the first time. The rules are those of SMART App Launch 2.2, client-confidential-asymmetric, with its
// jku rule. *InvalidError; ErrUnavailable; errors of Replay.
func (a *Assertions) Verify(ctx context.Context, assertion, client string, r Registration) error {
	subject, err := Subject(assertion)
	if err != nil {
		return err
	}
	if subject != client {
		return invalid("the assertion is of another client")
	}
	token, err := jwt.ParseSigned(assertion, Algorithms())
	if err != nil {
		return invalid("the assertion is not a signed JWT")
	}
	key, err := a.key(ctx, token.Headers, r)
	if err != nil {
		return err
	}
	var claims jwt.Claims
	if err := token.Claims(key.Key, &claims); err != nil {
		return invalid("the signature of the assertion does not fit")
	}
	if err := a.check(&claims); err != nil {
		return err
	}
	fresh, err := a.Replay.Use(ctx, client, claims.ID, claims.Expiry.Time().Add(leeway))
	if err != nil {
		return err
	}
	if !fresh {
		return invalid("the jti of the assertion was used before")
	}
	return nil
}

// key resolves the key of an assertion.
func (a *Assertions) key(ctx context.Context, headers []jose.Header, r Registration) (*jose.JSONWebKey, error) {
	if len(headers) != 1 {
		return nil, invalid("the assertion must have one signature")
	}
	h := headers[0]
	if typ, has := h.ExtraHeaders[jose.HeaderType]; has && !isJWT(typ) {
		return nil, invalid("typ of the assertion must be JWT")
	}
	if h.KeyID == "" {
		return nil, invalid("the assertion has no kid")
	}
	if jku, has := h.ExtraHeaders["jku"]; has && (r.URL == "" || jku != r.URL) {
		return nil, invalid("jku of the assertion is not the registered URL of the client's keys")
	}
	var key *jose.JSONWebKey
	var err error
	switch algorithm := jose.SignatureAlgorithm(h.Algorithm); {
	case r.URL != "":
		key, err = a.Fetcher.Key(ctx, r.URL, h.KeyID, algorithm)
	case r.Set != nil:
		key, err = r.Set.key(h.KeyID, algorithm)
	default:
		return nil, invalid("no keys are registered for the client")
	}
	if errors.Is(err, ErrUnavailable) {
		return nil, err
	}
	if err != nil {
		return nil, invalid("the client has %s", err)
	}
	return key, nil
}

func isJWT(typ any) bool {
	text, ok := typ.(string)
	return ok && strings.EqualFold(text, "JWT")
}

// check looks at the claims, once the signature is known to be good.
func (a *Assertions) check(c *jwt.Claims) error {
	now := a.Clock()
	switch {
	case c.Expiry == nil:
		return invalid("the assertion has no exp")
	case !now.Before(c.Expiry.Time().Add(leeway)):
		return invalid("the assertion has expired")
	case c.Expiry.Time().After(now.Add(longest + leeway)):
		return invalid("exp of the assertion is more than five minutes ahead")
	case c.NotBefore != nil && c.NotBefore.Time().After(now.Add(leeway)):
		return invalid("the assertion is not valid yet")
	case c.IssuedAt != nil && c.IssuedAt.Time().After(now.Add(leeway)):
		return invalid("the assertion was issued in the future")
	case c.ID == "" || len(c.ID) > maxIDBytes:
		return invalid("the assertion needs a jti of at most %d bytes", maxIDBytes)
	case !slices.ContainsFunc(a.Audiences, func(one string) bool { return c.Audience.Contains(one) }):
		return invalid("aud of the assertion must be the URL of the token endpoint")
	}
	return nil
}

// Unsigned reads claims of a JWT without looking at its signature: for choosing by whom it says it is.
func Unsigned(token string, claims any) error {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return invalid("not a JWT")
	}
	payload, err := decode(parts[1])
	if err != nil || json.Unmarshal(payload, claims) != nil {
		return invalid("not a JWT")
	}
	return nil
}

func decode(segment string) ([]byte, error) { return base64.RawURLEncoding.DecodeString(segment) }
