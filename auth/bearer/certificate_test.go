package bearer

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"testing"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/auth/keys"
)

// bound is an issuer whose tokens are named after the certificates that they are bound to, and who knows devices by theirs.
type bound struct{ broken error }

func (bound) Lookup(_ context.Context, token string) (*auth.Claims, error) {
	if token == "free" {
		return &auth.Claims{Subject: "free"}, nil
	}
	return &auth.Claims{Subject: token, Thumbprint: token}, nil
}

func (b bound) Claims(ctx context.Context, token string) (*auth.Claims, error) {
	return b.Lookup(ctx, token)
}

func (b bound) Device(_ context.Context, c *keys.Certificate) (*auth.Claims, error) {
	switch {
	case b.broken != nil:
		return nil, b.broken
	case c.Thumbprint == "device":
		return &auth.Claims{Subject: "device by certificate"}, nil
	}
	return nil, auth.ErrToken
}

func TestCertificates(t *testing.T) {
	broken := errors.New("broken")
	certificate := func(r *http.Request) *keys.Certificate {
		if name := r.Header.Get("X-Shown"); name != "" {
			return &keys.Certificate{Certificate: &x509.Certificate{}, Thumbprint: name}
		}
		return nil
	}
	own, foreign := &Reader{Own: bound{}, Devices: bound{}, Certificate: certificate}, &Reader{Foreign: bound{}, Certificate: certificate}
	const (
		unbound = "The access token is bound to a client certificate, which this connection was not made with."
		missing = "An access token is required."
	)
	for _, tt := range []struct {
		name              string
		reader            *Reader
		method, path      string
		token, shows      string
		origin, want, why string
	}{
		{"bound, with the certificate", own, "GET", "/fhir/Patient", "a", "a", "", "a", ""},
		{"bound, without", own, "GET", "/fhir/Patient", "a", "", "", "", unbound},
		{"bound, with another", own, "GET", "/fhir/Patient", "a", "b", "", "", unbound},
		{"bound, where no certificate is asked for", &Reader{Own: bound{}}, "GET", "/fhir/Patient", "a", "a", "", "", unbound},
		{"not bound", own, "GET", "/fhir/Patient", "free", "", "", "free", ""},
		{"not bound, with a certificate", own, "GET", "/fhir/Patient", "free", "a", "", "free", ""},
		{"of another issuer, with the certificate", foreign, "GET", "/fhir/Patient", "a", "a", "", "a", ""},
		{"of another issuer, without", foreign, "GET", "/fhir/Patient", "a", "", "", "", unbound},
		{"a device", own, "POST", "/ingest/vitals", "", "device", "", "device by certificate", ""},
		{"a device with a token", own, "POST", "/ingest/vitals", "free", "device", "", "free", ""},
		{"a device that is none", own, "POST", "/ingest/vitals", "", "a", "", "", missing},
		{"a device without a certificate", own, "POST", "/ingest/vitals", "", "", "", "", missing},
		{"a device, from a page", own, "POST", "/ingest/vitals", "", "device", "https://evil.example", "", missing},
		{"a device, elsewhere", own, "POST", "/fhir/Observation", "", "device", "", "", missing},
		{"a device that asks", own, "GET", "/ingest/vitals", "", "device", "", "", missing},
		{"a device where none is known", foreign, "POST", "/ingest/vitals", "", "device", "", "", missing},
		{"a device, and the store is broken", &Reader{Own: bound{}, Devices: bound{broken}, Certificate: certificate}, "POST", "/ingest/vitals", "", "device", "", "", "broken"},
	} {
		request, err := http.NewRequestWithContext(t.Context(), tt.method, "https://firth.example"+tt.path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range map[string]string{"Authorization": tt.token, "X-Shown": tt.shows, "Origin": tt.origin} {
			if value != "" && name == "Authorization" {
				value = "Bearer " + value
			}
			if value != "" {
				request.Header.Set(name, value)
			}
		}
		claims, err := tt.reader.Claims(request)
		var got, why string
		if claims != nil {
			got = claims.Subject
		}
		if err != nil {
			why = err.Error()
		}
		if got != tt.want || why != tt.why {
			t.Errorf("%s: %q %q", tt.name, got, why)
		}
	}
}
