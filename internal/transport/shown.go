package transport

import (
	"context"
	"crypto/x509"
	"net"
	"net/http"
	"sync"
)

// connection remembers whether the certificate that a client showed is of an authority: to find out takes signatures, and is done once for a connection.
type connection struct {
	once     sync.Once
	verified bool
}

type connectionKey struct{}

// ConnContext is for [http.Server]: with it what a client showed is verified once for each connection, instead of at each request.
func ConnContext(ctx context.Context, _ net.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, &connection{})
}

// Shown is the certificate that the client of a request showed when it connected, and whether it is of an authority of ClientCA; nil for none. That the client has the key is certain in both cases.
func (r *Reloader) Shown(request *http.Request) (certificate *x509.Certificate, verified bool) {
	state := request.TLS
	if state == nil || len(state.PeerCertificates) == 0 {
		return nil, false
	}
	certificate = state.PeerCertificates[0]
	if len(state.VerifiedChains) > 0 {
		return certificate, true
	}
	c, ok := request.Context().Value(connectionKey{}).(*connection)
	if !ok {
		return certificate, r.isVerified(state.PeerCertificates)
	}
	c.once.Do(func() { c.verified = r.isVerified(state.PeerCertificates) })
	return certificate, c.verified
}

// isVerified does what crypto/tls does when it verifies clients itself.
func (r *Reloader) isVerified(chain []*x509.Certificate) bool {
	authorities := r.config.Load().ClientCAs
	if authorities == nil {
		return false
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{Roots: authorities, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	return err == nil
}
