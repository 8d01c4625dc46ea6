package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/firth-health/firth/internal/config"
)

// identity is a certificate with its key.
type identity struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// issue makes a certificate, of an authority or, with nil, of its own making.
func issue(t *testing.T, by *identity, name string) *identity {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name, Organization: []string{"Hospital"}}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: by == nil, BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	parent, signer := template, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &identity{cert, key}
}

// save writes the certificate, and its key beside it.
func (i *identity) save(t *testing.T, file string) {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(i.key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{file: {Type: "CERTIFICATE", Bytes: i.cert.Raw}, file + ".key": {Type: "PRIVATE KEY", Bytes: key}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// mutualSite is a server that asks for certificates.
type mutualSite struct {
	*testing.T
	dir, origin string
	roots       *x509.CertPool
}

func serveMutual(t *testing.T, ca *identity, files ...string) *mutualSite {
	t.Helper()
	dir := shortDir(t)
	s := &mutualSite{T: t, dir: dir, roots: x509.NewCertPool()}
	s.roots.AddCert(ca.cert)
	ca.save(t, filepath.Join(dir, "ca.pem"))
	issue(t, ca, "server").save(t, filepath.Join(dir, "server.pem"))
	c := config.Defaults()
	c.Store, c.Listen, c.LogLevel = filepath.Join(dir, "data"), "127.0.0.1:0", slog.LevelError
	c.TLSCertificate, c.TLSKey, c.ClientCA = filepath.Join(dir, "server.pem"), filepath.Join(dir, "server.pem.key"), filepath.Join(dir, "ca.pem")
	r, err := start(context.WithoutCancel(t.Context()), c, logger(c), listenExactly)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	})
	s.origin = strings.TrimSuffix(r.base, "/fhir")
	return s
}

// run runs a command against the server.
func (s *mutualSite) run(args ...string) {
	s.Helper()
	var out bytes.Buffer
	if code := execute(s.Context(), append(args, "--store", filepath.Join(s.dir, "data"), "--log-level", "error"), strings.NewReader(""), &out, &out); code != 0 {
		s.Fatal(args, code, out.String())
	}
}

// as is a client with a certificate, or with nil without.
func (s *mutualSite) as(i *identity) *http.Client {
	c := &tls.Config{RootCAs: s.roots, MinVersion: tls.VersionTLS12}
	if i != nil {
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return &tls.Certificate{Certificate: [][]byte{i.cert.Raw}, PrivateKey: i.key}, nil
		}
	}
	transport := &http.Transport{TLSClientConfig: c, ForceAttemptHTTP2: true}
	s.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: time.Minute}
}

// send returns the status and the answer.
func (s *mutualSite) send(client *http.Client, method, path, contentType, body string, headers ...string) (int, map[string]any) {
	s.Helper()
	request, err := http.NewRequestWithContext(s.Context(), method, s.origin+path, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	request.Header.Set("Content-Type", contentType)
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := client.Do(request)
	if err != nil {
		s.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		s.Fatal(err)
	}
	var answer map[string]any
	if json.Unmarshal(data, &answer) != nil {
		answer = nil
	}
	return response.StatusCode, answer
}

func (s *mutualSite) token(client *http.Client, id, scope string) (int, string) {
	s.Helper()
	status, answer := s.send(client, http.MethodPost, "/auth/token", "application/x-www-form-urlencoded", url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "scope": {scope}}.Encode())
	token, _ := answer["access_token"].(string)
	return status, token
}

// devicePayload is a payload as a device sends it.
func devicePayload(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("../../adapters/catalog/vitals/samples/spot-check.json")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestMutualTLS connects with certificates: clients authenticate by them, their tokens work with them only, and a device that is registered so sends payloads without a token, and can do nothing else.
func TestMutualTLS(t *testing.T) {
	ca, device, own, stranger := issue(t, nil, "ca"), (*identity)(nil), issue(t, nil, "own"), issue(t, nil, "stranger")
	device = issue(t, ca, "device")
	s := serveMutual(t, ca)
	own.save(t, filepath.Join(s.dir, "own.pem"))
	s.run("client", "add", "own", "--name", "Own", "--certificate", filepath.Join(s.dir, "own.pem"), "--scopes", "system/Patient.cruds system/Observation.c")
	s.run("client", "add", "device", "--name", "Device", "--certificate-subject", "CN=device,O=Hospital", "--scopes", "system/*.crs", "--ingest-without-token")
	nobody, byOwn, byDevice, byStranger := s.as(nil), s.as(own), s.as(device), s.as(stranger)

	status, token := s.token(byOwn, "own", "system/Patient.cruds")
	if status != http.StatusOK {
		t.Fatal("a certificate of one's own making: ", status)
	}
	for name, client := range map[string]*http.Client{"none": nobody, "device": byDevice, "stranger": byStranger} {
		if status, _ := s.token(client, "own", "system/Patient.cruds"); status != http.StatusUnauthorized {
			t.Errorf("a token for %s: %d", name, status)
		}
		if status, _ := s.send(client, http.MethodGet, "/fhir/Patient", "", "", "Authorization", "Bearer "+token); status != http.StatusUnauthorized {
			t.Errorf("the token, used by %s: %d", name, status)
		}
		if status, _ := s.send(client, http.MethodGet, "/auth/api/users", "", "", "Authorization", "Bearer "+token); status != http.StatusUnauthorized {
			t.Errorf("the token at the API for accounts, used by %s: %d", name, status)
		}
	}
	if status, _ := s.send(byOwn, http.MethodPut, "/fhir/Patient/p", "application/fhir+json", `{"resourceType":"Patient","id":"p"}`, "Authorization", "Bearer "+token); status != http.StatusCreated {
		t.Error("the token, used by its client: ", status)
	}
	if status, _ := s.token(byDevice, "device", "system/Observation.c"); status != http.StatusOK {
		t.Error("a certificate of the authority: ", status)
	}
	for _, tt := range []struct {
		name, method, path string
		client             *http.Client
		headers            []string
		refused            bool
	}{
		{"payload", http.MethodPost, "/ingest/vitals", byDevice, nil, false},
		{"payload without a certificate", http.MethodPost, "/ingest/vitals", nobody, nil, true},
		{"payload of a client that needs a token", http.MethodPost, "/ingest/vitals", byOwn, nil, true},
		{"payload of a stranger", http.MethodPost, "/ingest/vitals", byStranger, nil, true},
		{"payload of a web page", http.MethodPost, "/ingest/vitals", byDevice, []string{"Origin", "https://evil.example"}, true},
		{"payload with a token that is none", http.MethodPost, "/ingest/vitals", byDevice, []string{"Authorization", "Bearer none"}, true},
		{"a certificate that a header names", http.MethodPost, "/ingest/vitals", nobody, []string{"X-Forwarded-Client-Cert", "Subject=\"CN=device,O=Hospital\"", "X-SSL-Client-S-DN", "CN=device,O=Hospital"}, true},
		{"reading", http.MethodGet, "/fhir/Patient/p", byDevice, nil, true},
		{"creating", http.MethodPost, "/fhir/Observation", byDevice, nil, true},
		{"the list of adapters", http.MethodGet, "/ingest", byDevice, nil, true},
	} {
		status, answer := s.send(tt.client, tt.method, tt.path, "application/json", devicePayload(t), tt.headers...)
		if want := map[bool]int{true: http.StatusUnauthorized, false: http.StatusCreated}[tt.refused]; status != want {
			t.Errorf("%s: %d %v", tt.name, status, answer)
		}
	}
	s.run("client", "disable", "device")
	if status, _ := s.send(byDevice, http.MethodPost, "/ingest/vitals", "application/json", devicePayload(t)); status != http.StatusUnauthorized {
		t.Error("a device that was disabled: ", status)
	}
}
