package main

import (
	"net/http"

	"github.com/firth-health/firth/auth/keys"
	"github.com/firth-health/firth/internal/config"
	"github.com/firth-health/firth/internal/transport"
)

// clientCertificates are those that clients show when they connect.
type clientCertificates struct {
	tls *transport.Reloader // nil without TLS, and before the server listens
}

// of is how the certificate of a request is found out; nil when no client is asked for one. A header in which a proxy says what it was shown is not read.
func (s *clientCertificates) of(c config.Config) func(*http.Request) *keys.Certificate {
	if c.ClientCA == "" {
		return nil
	}
	return func(r *http.Request) *keys.Certificate {
		if s.tls == nil {
			return nil
		}
		certificate, verified := s.tls.Shown(r)
		if certificate == nil {
			return nil
		}
		return keys.Show(certificate, verified)
	}
}
