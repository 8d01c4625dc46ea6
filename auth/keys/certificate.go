package keys

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"strings"
	"time"
)

// Certificate is what a client showed when its connection was made. That the client has the key is certain.
type Certificate struct {
	*x509.Certificate

	Thumbprint string // x5t#S256
	Verified   bool   // it is of an authority that the operator trusts; otherwise nothing that it says of itself counts
}

// Show returns a certificate that a client showed.
func Show(c *x509.Certificate, verified bool) *Certificate {
	return &Certificate{Certificate: c, Thumbprint: Thumbprint(c), Verified: verified}
}

// maxCertificate bounds a file with a certificate, in bytes.
const maxCertificate = 64 << 10

// ErrCertificate says that a file has not one certificate.
var ErrCertificate = errors.New("want one certificate, as PEM or DER")

// ParseCertificate reads a file with one certificate, and no private key beside it. ErrCertificate.
func ParseCertificate(data []byte) (*x509.Certificate, error) {
	if len(data) > maxCertificate {
		return nil, ErrCertificate
	}
	if block, rest := pem.Decode(data); block != nil {
		if next, _ := pem.Decode(rest); block.Type != "CERTIFICATE" || next != nil {
			return nil, ErrCertificate
		}
		data = block.Bytes
	}
	cert, err := x509.ParseCertificate(data)
	if err != nil || !bytes.Equal(cert.Raw, data) {
		return nil, ErrCertificate
	}
	return cert, nil
}

// Thumbprint is x5t#S256 of a certificate (RFC 8705 section 3.1): its SHA-256 in base64url.
func Thumbprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// IsThumbprint says whether a text has the form of a thumbprint.
func IsThumbprint(text string) bool {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return err == nil && len(raw) == sha256.Size
}

// IsCurrent says whether a certificate is good at an instant.
func (c *Certificate) IsCurrent(now time.Time) bool {
	return !now.Before(c.NotBefore) && !now.After(c.NotAfter)
}

// DistinguishedName is the subject as RFC 4514 writes it, in the order of the certificate's end: CN=gateway-7,O=Hospital,C=DE. What `openssl x509 -noout -subject -nameopt RFC2253` prints.
func (c *Certificate) DistinguishedName() string {
	var name pkix.RDNSequence
	if rest, err := asn1.Unmarshal(c.RawSubject, &name); err != nil || len(rest) > 0 {
		return ""
	}
	return name.String()
}

// HasName says whether a name is among the subject's alternative ones: dns:, uri:, ip: or email: and the name, of which that of a host may be in any case.
func (c *Certificate) HasName(name string) bool {
	kind, text, _ := strings.Cut(name, ":")
	switch kind {
	case "dns":
		for _, one := range c.DNSNames {
			if strings.EqualFold(one, text) {
				return true
			}
		}
	case "uri":
		for _, one := range c.URIs {
			if one.String() == text {
				return true
			}
		}
	case "ip":
		for _, one := range c.IPAddresses {
			if one.String() == text {
				return true
			}
		}
	case "email":
		for _, one := range c.EmailAddresses {
			if one == text {
				return true
			}
		}
	}
	return false
}
