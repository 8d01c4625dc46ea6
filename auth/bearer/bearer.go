package bearer

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/firth-health/firth/auth"
)

// Own looks up tokens of this server. auth.ErrToken.
type Own interface {
	Lookup(ctx context.Context, token string) (*auth.Claims, error)
}

// Foreign looks up tokens of other issuers. auth.ErrToken, auth.ErrUnavailable.
type Foreign interface {
	Claims(ctx context.Context, token string) (*auth.Claims, error)
}

// Reader reads tokens. Either part may be nil.
type Reader struct {
	Own     Own
	Foreign Foreign
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
	token, err := Token(request)
	if err != nil {
		return nil, err
	}
	if r.Own != nil {
		claims, err := r.Own.Lookup(request.Context(), token)
		if err == nil || !errors.Is(err, auth.ErrToken) {
			return claims, err
		}
	}
	if r.Foreign != nil {
		claims, err := r.Foreign.Claims(request.Context(), token)
		if err == nil || !errors.Is(err, auth.ErrToken) {
			return claims, err
		}
	}
	return nil, &Error{http.StatusUnauthorized, "invalid_token", "The access token is not valid: it is unknown, expired or revoked."}
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
