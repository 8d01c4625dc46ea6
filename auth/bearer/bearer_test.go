package bearer

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/firth-health/firth/auth"
)

// known are tokens of an issuer: what they say, or the error.
type known map[string]error

func (k known) Lookup(_ context.Context, token string) (*auth.Claims, error) {
	err, ok := k[token]
	if !ok {
		return nil, auth.ErrToken
	}
	if err != nil {
		return nil, err
	}
	return &auth.Claims{Subject: token}, nil
}

func (k known) Claims(ctx context.Context, token string) (*auth.Claims, error) {
	return k.Lookup(ctx, token)
}

func TestClaims(t *testing.T) {
	broken := errors.New("broken")
	r := &Reader{Own: known{"own": nil, "broken": broken}, Foreign: known{"foreign": nil, "down": auth.ErrUnavailable}}
	const (
		missing  = `401 Bearer realm="firth"`
		bad      = `400 Bearer realm="firth", error="invalid_request", error_description="The Authorization header is malformed."`
		several  = `400 Bearer realm="firth", error="invalid_request", error_description="There is more than one Authorization header."`
		notValid = `401 Bearer realm="firth", error="invalid_token", error_description="The access token is not valid: it is unknown, expired or revoked."`
	)
	for _, test := range []struct {
		name    string
		headers []string
		want    string // subject, challenge, or error
	}{
		{"own", []string{"Bearer own"}, "own"},
		{"foreign", []string{"Bearer foreign"}, "foreign"},
		{"scheme in small letters, spaces", []string{"bearer   own"}, "own"},
		{"none", nil, missing},
		{"empty", []string{""}, missing},
		{"basic", []string{"Basic eDp5"}, missing},
		{"no token", []string{"Bearer"}, bad},
		{"blank token", []string{"Bearer  "}, bad},
		{"two words", []string{"Bearer own own"}, bad},
		{"control characters", []string{"Bearer own\x00"}, bad},
		{"only padding", []string{"Bearer =="}, bad},
		{"two headers", []string{"Bearer own", "Bearer own"}, several},
		{"unknown", []string{"Bearer x.y_z~+/-=="}, notValid},
		{"very long", []string{"Bearer " + strings.Repeat("x", 1<<20)}, notValid},
		{"issuer down", []string{"Bearer down"}, auth.ErrUnavailable.Error()},
		{"own store broken", []string{"Bearer broken"}, "broken"},
	} {
		t.Run(test.name, func(t *testing.T) {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Header["Authorization"] = test.headers
			if test.headers == nil {
				delete(request.Header, "Authorization")
			}
			claims, err := r.Claims(request)
			got := ""
			var refused *Error
			switch {
			case err == nil:
				got = claims.Subject
			case errors.As(err, &refused):
				got = map[int]string{400: "400 ", 401: "401 "}[refused.Status] + refused.Challenge()
			default:
				got = err.Error()
			}
			if got != test.want {
				t.Errorf("got %s\nwant %s", got, test.want)
			}
		})
	}
}

func FuzzToken(f *testing.F) {
	f.Add("Bearer x")
	f.Fuzz(func(t *testing.T, header string) {
		token, err := Token(&http.Request{Header: http.Header{"Authorization": {header}}})
		if err == nil && (token == "" || strings.ContainsAny(token, " \t\r\n\"\\\x00")) {
			t.Fatalf("%q", token)
		}
	})
}

// marked are tokens that begin with their issuer's name.
type marked struct{ known }

func (marked) IsOwn(token string) bool { return strings.HasPrefix(token, "own_") }

// TestRevokedStaysHere has a token of this server that is not valid any more: no other issuer is asked about it.
func TestRevokedStaysHere(t *testing.T) {
	r := &Reader{Own: marked{}, Foreign: known{"own_revoked": nil, "foreign": nil}}
	for token, want := range map[string]int{"own_revoked": http.StatusUnauthorized, "foreign": 0} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+token)
		status, refused := 0, (*Error)(nil)
		if _, err = r.Claims(request); errors.As(err, &refused) {
			status = refused.Status
		}
		if status != want {
			t.Errorf("%s: %v", token, err)
		}
	}
}
