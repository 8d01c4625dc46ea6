package bearer

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/auth/keys"
)

// Own looks up tokens of this server. auth.ErrToken.
type Own interface {
	Lookup(ctx context.Context, token string) (*auth.Claims, error)
}

// Marked is an [Own] that knows its tokens by their form: one that is not valid any more is no other issuer's, who need not see it.
type Marked interface {
	IsOwn(token string) bool
}

// Foreign looks up tokens of other issuers. auth.ErrToken, auth.ErrUnavailable.
type Foreign interface {
	Claims(ctx context.Context, token string) (*auth.Claims, error)
}

// Devices knows clients that need no token to send payloads, because the certificate that they show when they connect says who they are. auth.ErrToken for others.
type Devices interface {
	Device(ctx context.Context, c *keys.Certificate) (*auth.Claims, error)
}

// Reader reads tokens. Any part may be nil.
type Reader struct {
	Own     Own
	Foreign Foreign
	Devices Devices

	// Certificate is what the client of a request showed, or nil.
	Certificate func(*http.Request) *keys.Certificate
}

// Error is why a request is not let in.
type Error struct {
	Status int    // of HTTP: 400, 401
	Code   string // of RFC 6750 section 3.1; empty when the request had no token
	Why    string
}

func (e *Error) Error() string { return e.Why }

// Challenge is the value of WWW-Authenticate.
func (e *Error) Challenge() string {
	if e.Code == "" {
		return `Bearer realm="firth"`
	}
	return `Bearer realm="firth", error="` + e.Code + `", error_description="` + e.Why + `"`
}

// Claims returns what the token of a request says. *Error; auth.ErrUnavailable when its issuer cannot be asked.
func (r *Reader) Claims(request *http.Request) (*auth.Claims, error) {
	if r.isWithoutToken(request) {
		if claims, err := r.device(request); claims != nil || err != nil {
			return claims, err
		}
	}
	token, err := Token(request)
	if err != nil {
		return nil, err
	}
	claims, err := r.lookup(request.Context(), token)
	if err == nil && claims.Thumbprint != "" && !claims.IsShownBy(r.thumbprint(request)) {
		return nil, &Error{http.StatusUnauthorized, "invalid_token", "The access token is bound to a client certificate, which this connection was not made with."}
	}
	return claims, err
}

func (r *Reader) lookup(ctx context.Context, token string) (*auth.Claims, error) {
	if r.Own != nil {
		claims, err := r.Own.Lookup(ctx, token)
		if err == nil || !errors.Is(err, auth.ErrToken) {
			return claims, err
		}
	}
	marked, ok := r.Own.(Marked)
	if r.Foreign != nil && !(ok && marked.IsOwn(token)) {
		claims, err := r.Foreign.Claims(ctx, token)
		if err == nil || !errors.Is(err, auth.ErrToken) {
			return claims, err
		}
	}
	return nil, &Error{http.StatusUnauthorized, "invalid_token", "The access token is not valid: it is unknown, expired or revoked."}
}

// certificate is what the client of a request showed, or nil.
func (r *Reader) certificate(request *http.Request) *keys.Certificate {
	if r.Certificate == nil {
		return nil
	}
	return r.Certificate(request)
}

func (r *Reader) thumbprint(request *http.Request) string {
	if c := r.certificate(request); c != nil {
		return c.Thumbprint
	}
	return ""
}

// ingestPath is where payloads of devices are sent to.
const ingestPath = "/ingest/"

// isWithoutToken reports whether a request sends a payload and no token. Scripts of web pages do not count, for whom browsers show certificates unasked: their requests have an Origin.
func (r *Reader) isWithoutToken(request *http.Request) bool {
	return r.Devices != nil && request.Method == http.MethodPost && strings.HasPrefix(request.URL.Path, ingestPath) && len(request.Header["Authorization"]) == 0 && len(request.Header["Origin"]) == 0
}

// device returns what a client may do by its certificate alone; nil when it may do nothing, or shows none.
func (r *Reader) device(request *http.Request) (*auth.Claims, error) {
	c := r.certificate(request)
	if c == nil {
		return nil, nil //nolint:nilnil // nobody who is known
	}
	claims, err := r.Devices.Device(request.Context(), c)
	if errors.Is(err, auth.ErrToken) {
		return nil, nil //nolint:nilnil // nobody who is known
	}
	return claims, err
}

// Token is the token of a request's Authorization header. Tokens in the URL or in a form are not looked for: they end up in logs. *Error.
func Token(r *http.Request) (string, error) {
	values := r.Header["Authorization"]
	if len(values) == 0 {
		return "", &Error{http.StatusUnauthorized, "", "An access token is required."}
	}
	if len(values) > 1 {
		return "", &Error{http.StatusBadRequest, "invalid_request", "There is more than one Authorization header."}
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", &Error{http.StatusUnauthorized, "", "An access token of the type Bearer is required."}
	}
	token = strings.TrimLeft(token, " ")
	if !isToken(token) {
		return "", &Error{http.StatusBadRequest, "invalid_request", "The Authorization header is malformed."}
	}
	return token, nil
}

// isToken checks the syntax b64token.
func isToken(text string) bool {
	body := strings.TrimRight(text, "=")
	if body == "" {
		return false
	}
	for i := range len(body) {
		c := body[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("-._~+/", rune(c)) {
			return false
		}
	}
	return true
}
