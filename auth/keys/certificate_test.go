package keys_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/firth-health/firth/auth/keys"
)

// newCertificate makes a certificate that its owner signed.
func newCertificate(t testing.TB) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(7), NotBefore: at, NotAfter: at.Add(24 * time.Hour),
		Subject:  pkix.Name{CommonName: "gateway, 7", Organization: []string{"Hospital"}, Country: []string{"DE"}},
		DNSNames: []string{"Gateway-7.example"}, EmailAddresses: []string{"it@example.org"}, IPAddresses: []net.IP{net.IPv4(10, 0, 0, 7)}, URIs: []*url.URL{{Scheme: "urn", Opaque: "oid:1.2.3"}},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func TestParseCertificate(t *testing.T) {
	cert := newCertificate(t)
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte{1}})
	for name, tt := range map[string]struct {
		data []byte
		ok   bool
	}{
		"PEM":                 {text, true},
		"PEM after words":     {append([]byte("subject=x\n"), text...), true},
		"DER":                 {cert.Raw, true},
		"DER with a tail":     {append(bytes.Clone(cert.Raw), 0), false},
		"two":                 {append(bytes.Clone(text), text...), false},
		"with a key":          {append(bytes.Clone(text), key...), false},
		"a key":               {key, false},
		"nothing":             {nil, false},
		"words":               {[]byte("certificate"), false},
		"more than is read":   {append(bytes.Repeat([]byte("#\n"), 40_000), text...), false},
		"PEM of another text": {pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}), false},
	} {
		got, err := keys.ParseCertificate(tt.data)
		if (err == nil) != tt.ok || !tt.ok && !errors.Is(err, keys.ErrCertificate) || tt.ok && !got.Equal(cert) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCertificateNames(t *testing.T) {
	shown := keys.Show(newCertificate(t), true)
	if got := shown.DistinguishedName(); got != `CN=gateway\, 7,O=Hospital,C=DE` {
		t.Errorf("subject %s", got)
	}
	if !keys.IsThumbprint(shown.Thumbprint) || keys.IsThumbprint(shown.Thumbprint+"A") || keys.IsThumbprint("") {
		t.Errorf("thumbprint %s", shown.Thumbprint)
	}
	for name, want := range map[string]bool{
		"dns:gateway-7.example": true, "dns:gateway-8.example": false, "email:it@example.org": true, "email:IT@example.org": false, "ip:10.0.0.7": true, "ip:10.0.0.8": false,
		"uri:urn:oid:1.2.3": true, "uri:urn:oid:1.2": false, "gateway-7.example": false, "dns:": false, "": false, "cn:gateway, 7": false,
	} {
		if got := shown.HasName(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
	for offset, want := range map[time.Duration]bool{-time.Second: false, 0: true, 24 * time.Hour: true, 24*time.Hour + time.Second: false} {
		if got := shown.IsCurrent(shown.NotBefore.Add(offset)); got != want {
			t.Errorf("%s after it begins: %v", offset, got)
		}
	}
}

// FuzzParseCertificate reads any file: what is read has a thumbprint and names, and is read again the same.
func FuzzParseCertificate(f *testing.F) {
	cert := newCertificate(f)
	f.Add(cert.Raw)
	f.Add(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := keys.ParseCertificate(data)
		if err != nil {
			if !errors.Is(err, keys.ErrCertificate) {
				t.Fatal(err)
			}
			return
		}
		shown := keys.Show(got, true)
		_ = shown.DistinguishedName()
		if again, err := keys.ParseCertificate(got.Raw); err != nil || keys.Thumbprint(again) != shown.Thumbprint || shown.HasName("") {
			t.Fatalf("read again: %v", err)
		}
	})
}
