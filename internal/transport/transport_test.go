package transport_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/internal/transport"
)

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	a := &authority{}
	a.cert, a.key = a.issue(t, name, true)
	return a
}

func (a *authority) issue(t *testing.T, name string, isCA bool) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: isCA, BasicConstraintsValid: true,
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

func certPEM(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}

func keyPEM(t *testing.T, key *ecdsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func write(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(time.Duration(len(data)) * time.Hour) // another time than before, whatever the resolution of the file system
	if err := os.Chtimes(name, later, later); err != nil {
		t.Fatal(err)
	}
}

// site is an https server on files.
type site struct {
	files    transport.Files
	reloader *transport.Reloader
	address  string
	log      *bytes.Buffer
}

func newSite(t *testing.T, ca *authority, clients *authority, required bool) *site {
	t.Helper()
	dir := t.TempDir()
	s := &site{files: transport.Files{Certificate: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem"), ClientsRequired: required}, log: &bytes.Buffer{}}
	s.use(t, ca, "first")
	if clients != nil {
		s.files.ClientCA = filepath.Join(dir, "clients.pem")
		write(t, s.files.ClientCA, certPEM(clients.cert))
	}
	var err error
	if s.reloader, err = transport.Load(s.files, slog.New(slog.NewTextHandler(s.log, nil))); err != nil {
		t.Fatal(err)
	}
	s.reloader.Close() // tests look at the files themselves: a look of its own, on a slow machine, may find one of two files exchanged
	listener, err := tls.Listen("tcp", "127.0.0.1:0", s.reloader.Config())
	if err != nil {
		t.Fatal(err)
	}
	s.address = listener.Addr().String()
	server := &http.Server{ConnContext: transport.ConnContext, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		certificate, verified := s.reloader.Shown(r)
		if again, same := s.reloader.Shown(r); again != certificate || same != verified {
			_, _ = io.WriteString(w, "not the same when asked again")
		}
		if certificate != nil {
			_, _ = io.WriteString(w, certificate.Subject.CommonName+map[bool]string{true: " verified"}[verified])
		}
	})}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return s
}

// use puts a new certificate into the files.
func (s *site) use(t *testing.T, ca *authority, name string) {
	t.Helper()
	cert, key := ca.issue(t, name, false)
	write(t, s.files.Certificate, certPEM(cert))
	write(t, s.files.Key, keyPEM(t, key))
}

// get asks once, over a connection of its own, and returns the name in the server's certificate and the body.
func (s *site) get(t *testing.T, ca *authority, config *tls.Config) (server, body string, err error) {
	t.Helper()
	config.RootCAs = x509.NewCertPool()
	config.RootCAs.AddCert(ca.cert)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}, Timeout: time.Minute}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+s.address, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		return "", "", err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	return response.TLS.PeerCertificates[0].Subject.CommonName, string(data), err
}

// TestReload exchanges the files under a server that runs: for good ones, which it takes, and for broken ones, which it does not.
func TestReload(t *testing.T) {
	ca := newAuthority(t, "ca")
	s := newSite(t, ca, nil, false)
	step := func(what, want, logged string) {
		t.Helper()
		s.log.Reset()
		s.reloader.Check()
		if got, _, err := s.get(t, ca, &tls.Config{}); err != nil || got != want {
			t.Errorf("%s: got %q %v, want %q", what, got, err, want)
		}
		if got := s.log.String(); logged == "" && got != "" || !strings.Contains(got, logged) {
			t.Errorf("%s: logged %q, want %q", what, got, logged)
		}
	}
	step("at first", "first", "")
	s.use(t, ca, "second")
	step("others", "second", "are in use")
	step("no change", "second", "")
	write(t, s.files.Key, []byte("broken"))
	step("broken", "second", "the former ones stay in use")
	if err := os.Remove(s.files.Key); err != nil {
		t.Fatal(err)
	}
	step("gone", "second", "the former ones stay in use")
	s.use(t, ca, "third")
	step("good again", "third", "are in use")
}

func TestClientCertificates(t *testing.T) {
	ca, clients, strangers := newAuthority(t, "ca"), newAuthority(t, "clients"), newAuthority(t, "strangers")
	of := func(a *authority, name string) *tls.Config {
		if a == nil {
			return &tls.Config{}
		}
		cert, key := a.issue(t, name, false)
		return &tls.Config{GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return &tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}, nil
		}}
	}
	for _, required := range []bool{false, true} {
		s := newSite(t, ca, clients, required)
		for _, test := range []struct {
			name string
			from *authority
			body string
			ok   bool
		}{{"none", nil, "", !required}, {"ours", clients, "gateway verified", true}, {"of strangers", strangers, "gateway", !required}} {
			if !test.ok {
				test.body = ""
			}
			_, body, err := s.get(t, ca, of(test.from, "gateway"))
			if (err == nil) != test.ok || body != test.body {
				t.Errorf("required %t, %s: %q %v", required, test.name, body, err)
			}
		}
	}
}

func TestOldVersions(t *testing.T) {
	ca := newAuthority(t, "ca")
	s := newSite(t, ca, nil, false)
	for version, ok := range map[uint16]bool{tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		if _, _, err := s.get(t, ca, &tls.Config{MinVersion: version, MaxVersion: version}); (err == nil) != ok { //nolint:gosec // that the server refuses it is the point
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
	}
}

func TestLoadErrors(t *testing.T) {
	ca := newAuthority(t, "ca")
	s := newSite(t, ca, nil, false)
	bad := s.files
	bad.ClientCA = s.files.Key
	if _, err := transport.Load(bad, slog.New(slog.DiscardHandler)); err == nil || !strings.HasSuffix(err.Error(), "no certificate in it") {
		t.Error(err)
	}
	bad.ClientCA, bad.Key = "", s.files.Certificate
	if _, err := transport.Load(bad, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a certificate for a key")
	}
}

func TestHeaders(t *testing.T) {
	for _, overTLS := range []bool{false, true} {
		w := httptest.NewRecorder()
		transport.Headers(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Security-Policy", "mine") }), overTLS).
			ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
		want := http.Header{"X-Content-Type-Options": {"nosniff"}, "X-Frame-Options": {"DENY"}, "Content-Security-Policy": {"mine"}, "Referrer-Policy": {"no-referrer"}, "Cross-Origin-Resource-Policy": {"cross-origin"}, "Cache-Control": {"no-store"}}
		if overTLS {
			want["Strict-Transport-Security"] = []string{"max-age=31536000"}
		}
		if diff := cmp.Diff(want, w.Header()); diff != "" {
			t.Error(diff)
		}
	}
}

func TestFromProxies(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	for _, test := range []struct {
		name, peer string
		forwarded  []string
		want       string
	}{
		{"no proxy", "203.0.113.5:4711", nil, "203.0.113.5:4711"},
		{"a stranger who says so", "203.0.113.5:4711", []string{"198.51.100.1"}, "203.0.113.5:4711"},
		{"a proxy", "10.1.2.3:80", []string{"198.51.100.1"}, "198.51.100.1:0"},
		{"a proxy without the header", "10.1.2.3:80", nil, "10.1.2.3:80"},
		{"what a client made up comes first", "10.1.2.3:80", []string{"192.0.2.9, 198.51.100.1"}, "198.51.100.1:0"},
		{"two proxies, two headers", "[::1]:80", []string{"198.51.100.1", "10.9.9.9"}, "198.51.100.1:0"},
		{"IPv6", "10.1.2.3:80", []string{"2001:db8::7"}, "[2001:db8::7]:0"},
		{"mapped peer", "[::ffff:10.1.2.3]:80", []string{"198.51.100.1"}, "198.51.100.1:0"},
		{"garbage", "10.1.2.3:80", []string{"198.51.100.1, unknown"}, "10.1.2.3:0"},
		{"proxies only", "10.1.2.3:80", []string{"10.0.0.7"}, "10.0.0.7:0"},
	} {
		var got, header string
		var shown int
		handler := transport.FromProxies(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			got, header, shown = r.RemoteAddr, r.Header.Get("X-Forwarded-For"), len(r.TLS.PeerCertificates)
		}), trusted)
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		request.RemoteAddr = test.peer
		if test.forwarded != nil {
			request.Header["X-Forwarded-For"] = test.forwarded
		}
		request.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{}}}
		handler.ServeHTTP(httptest.NewRecorder(), request)
		if isProxy := !strings.HasPrefix(test.peer, "203."); got != test.want || header != "" || (shown == 0) != isProxy || len(request.TLS.PeerCertificates) != 1 {
			t.Errorf("%s: %s %q, want %s; %d certificates", test.name, got, header, test.want, shown)
		}
	}
}
