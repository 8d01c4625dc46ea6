package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/auth/smart/admin"
	"github.com/firth-health/firth/internal/config"
)

// Public keys of clients: RFC 7515 appendix A.3.1, and the same under another name.
const (
	keySet      = `{"keys":[{"kty":"EC","crv":"P-256","kid":"1","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}`
	nextKeySet  = `{"keys":[{"kty":"EC","crv":"P-256","kid":"2","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}`
	keysAddress = "https://app.example/keys"
)

// changing is a store, with a server on it or without, in which commands change clients.
type changing struct {
	*testing.T
	config config.Config
	dir    string
}

func newChanging(t *testing.T, serving bool) *changing {
	t.Helper()
	s := &changing{T: t, config: config.Defaults(), dir: shortDir(t)}
	s.config.Store, s.config.Listen, s.config.LogLevel = filepath.Join(s.dir, "data"), "127.0.0.1:0", slog.LevelError
	if !serving {
		return s
	}
	r, err := start(context.WithoutCancel(t.Context()), s.config, logger(s.config), listenExactly)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *changing) file(name, text string) string {
	s.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.Fatal(err)
	}
	return path
}

// run runs firth client and returns what it says.
func (s *changing) run(args ...string) (code int, says string) {
	s.Helper()
	var out bytes.Buffer
	code = execute(s.Context(), append(append([]string{"client"}, args...), "--store", s.config.Store, "--listen", s.config.Listen, "--log-level", "error"), strings.NewReader(""), &out, &out)
	return code, out.String()
}

// get returns a client as the API has it, but for the times.
func (s *changing) get(id string) (c admin.Client) {
	s.Helper()
	a, err := openAdmin(s.Context(), s.config)
	if err != nil {
		s.Fatal(err)
	}
	if err := a.do(s.Context(), http.MethodGet, clientPath(id), nil, &c); err != nil {
		s.Error(err)
	}
	if err := a.close(); err != nil {
		s.Error(err)
	}
	c.Created = time.Time{}
	return c
}

// TestClientChange changes all that a client is registered with: what no flag is given for stays, and what takes the place of something else takes it.
func TestClientChange(t *testing.T) {
	for name, serving := range map[string]bool{"stopped": false, "running": true} {
		t.Run(name, func(t *testing.T) { newChanging(t, serving).change() })
	}
}

func (s *changing) change() {
	ca := issue(s.T, nil, "ca")
	one, other := issue(s.T, ca, "gateway"), issue(s.T, ca, "gateway")
	one.save(s.T, filepath.Join(s.dir, "one.pem"))
	other.save(s.T, filepath.Join(s.dir, "other.pem"))
	thumb := func(file string) string {
		got, err := thumbprintOf(filepath.Join(s.dir, file))
		if err != nil {
			s.Fatal(err)
		}
		return got
	}
	keys, next := s.file("keys.json", keySet), s.file("next.json", nextKeySet)
	for _, add := range [][]string{
		{"app", "--name", "App", "--redirect", "https://app.example/back", "--website", "https://app.example", "--contact", "it@app.example"},
		{"service", "--name", "Service", "--type", "asymmetric", "--jwks", keys, "--scopes", "system/Observation.rs"},
		{"gateway", "--name", "Gateway", "--certificate", filepath.Join(s.dir, "one.pem"), "--scopes", "system/Observation.c"},
	} {
		if code, says := s.run(append([]string{"add"}, add...)...); code != 0 {
			s.Fatal(says)
		}
	}
	app := admin.Client{ID: "app", Name: "App", Type: "public", RedirectURIs: []string{"https://app.example/back"}, Website: "https://app.example", Contacts: []string{"it@app.example"}}
	service := admin.Client{ID: "service", Name: "Service", Type: "asymmetric", Scopes: "system/Observation.rs", JWKS: json.RawMessage(keySet)}
	gateway := admin.Client{ID: "gateway", Name: "Gateway", Type: "certificate", Scopes: "system/Observation.c", Certificates: []string{thumb("one.pem")}}
	for _, step := range []struct {
		of     *admin.Client
		args   string
		change func()
	}{
		{&app, "--name Other --scopes patient/Observation.rs", func() { app.Name, app.Scopes = "Other", "patient/Observation.rs" }},
		{&app, "--redirect https://app.example/new,https://app.example/back", func() { app.RedirectURIs = []string{"https://app.example/new", "https://app.example/back"} }},
		{&app, "--launch https://app.example/launch --origin https://www.app.example", func() { app.LaunchURI, app.Origins = "https://app.example/launch", []string{"https://www.app.example"} }},
		{&app, "--website= --origin= --contact= --scopes=", func() { app.Website, app.Origins, app.Contacts, app.Scopes = "", nil, nil, "" }},
		{&service, "--jwks " + next, func() { service.JWKS = json.RawMessage(nextKeySet) }},
		{&service, "--jwks-url " + keysAddress, func() { service.JWKS, service.JWKSURL = nil, keysAddress }},
		{&service, "--jwks " + keys + " --scopes system/*.rs", func() { service.JWKS, service.JWKSURL, service.Scopes = json.RawMessage(keySet), "", "system/*.rs" }},
		{&gateway, "--certificate " + s.dir + "/one.pem --certificate " + s.dir + "/other.pem", func() { gateway.Certificates = []string{thumb("one.pem"), thumb("other.pem")} }},
		{&gateway, "--certificate-name dns:gateway.example --ingest-without-token", func() {
			gateway.Certificates, gateway.CertificateName, gateway.IngestWithoutToken = nil, "dns:gateway.example", true
		}},
		{&gateway, "--certificate-subject CN=gateway --ingest-without-token=false", func() {
			gateway.CertificateName, gateway.CertificateSubject, gateway.IngestWithoutToken = "", "CN=gateway", false
		}},
		{&gateway, "--certificate " + s.dir + "/other.pem", func() { gateway.CertificateSubject, gateway.Certificates = "", []string{thumb("other.pem")} }},
	} {
		step.change()
		if code, says := s.run(append([]string{"change", step.of.ID}, strings.Fields(step.args)...)...); code != 0 || says != "changed "+step.of.ID+"\n" {
			s.Errorf("%s: %d %s", step.args, code, says)
		}
		if diff := cmp.Diff(*step.of, s.get(step.of.ID)); diff != "" {
			s.Error(step.args, diff)
		}
	}
}

// TestClientChangeRefused changes nothing, and says why.
func TestClientChangeRefused(t *testing.T) {
	s := newChanging(t, true)
	if code, says := s.run("add", "app", "--name", "App", "--redirect", "https://app.example/back"); code != 0 {
		t.Fatal(says)
	}
	before := s.get("app")
	for _, tt := range []struct {
		args string
		code int
		says string
	}{
		{"app", exitUsage, "firth: nothing is to change: say by flags what, such as --redirect or --scopes; another secret is given by firth client secret\nfirth: see firth --help, or --help behind a command\n"},
		{"nobody --name Nobody", exitFailed, "firth: no such client\n"},
		{"app --name=", exitFailed, "firth: not a valid client: it has no name; people are shown one\n"},
		{"app --redirect=", exitFailed, "firth: not a valid client: it needs a redirect URI, or system/ scopes to act for itself\n"},
		{"app --redirect http://app.example/back", exitFailed, "firth: not a valid client: redirect URI \"http://app.example/back\": http is for localhost only\n"},
		{"app --scopes system/*.rs", exitFailed, "firth: not a valid client: system/ scopes are for clients with keys (client-confidential-symmetric.html#profile-audience-and-scope)\n"},
		{"app --jwks-url " + keysAddress, exitFailed, "firth: not a valid client: keys are for asymmetric clients\n"},
		{"app --jwks " + s.dir + "/none.json", exitFailed, "firth: open " + s.dir + "/none.json: no such file or directory\n"},
	} {
		if code, says := s.run(append([]string{"change"}, strings.Fields(tt.args)...)...); code != tt.code || says != tt.says {
			t.Errorf("%s: %d %s", tt.args, code, cmp.Diff(tt.says, says))
		}
	}
	if diff := cmp.Diff(before, s.get("app")); diff != "" {
		t.Error(diff)
	}
}

func TestClientState(t *testing.T) {
	for want, c := range map[string]admin.Client{
		"-":                           {},
		"disabled":                    {Disabled: true},
		"registered itself":           {Dynamic: true},
		"registered itself, disabled": {Dynamic: true, Disabled: true},
	} {
		if got := clientState(&c); got != want {
			t.Errorf("%+v: %q, want %q", c, got, want)
		}
	}
}
