package soak

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firth-health/firth/internal/firthtest"
)

// service lets requests carry the access token of a service, which it renews long before it ends.
type service struct {
	http.RoundTripper
	obtain func() (string, error)

	mu    sync.Mutex
	token string
	since time.Time
}

// renewal is well within the five minutes that the token of a service lives.
const renewal = 2 * time.Minute

func (s *service) RoundTrip(r *http.Request) (*http.Response, error) {
	token, err := s.current()
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+token)
	return s.RoundTripper.RoundTrip(r)
}

func (s *service) current() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token != "" && time.Since(s.since) < renewal {
		return s.token, nil
	}
	token, err := s.obtain()
	if err == nil {
		s.token, s.since = token, time.Now()
	}
	return token, err
}

// serveGuarded starts a server with authorization and an audit trail, and registers a service that may do everything.
func serveGuarded(t *testing.T, program firthtest.Binary, store string, args ...string) (p *firthtest.Process, through func(http.RoundTripper) http.RoundTripper) {
	t.Helper()
	p = program.Launch(t, firthtest.Environment(), append([]string{"serve", "--store", store, "--keys", keysOf(store), "--listen", "127.0.0.1:0"}, args...)...)
	p.Await(t, "ready ")
	p.Base = p.Line(t, "ready ")
	es := firthtest.NewSigner(t)
	_, stderr, code := binary.Run(t, "", firthtest.Environment(), "", "client", "add", "soak", "--name", "Soak", "--type", "asymmetric", "--jwks", firthtest.JWKS(t, es), "--scopes", everything,
		"--store", store, "--keys", keysOf(store))
	if code != 0 {
		t.Fatal(stderr)
	}
	origin := strings.TrimSuffix(p.Base, "/fhir")
	obtain := func() (string, error) {
		response, err := http.PostForm(origin+"/auth/token", es.Assertion(t, origin, "soak", everything))
		if err != nil {
			return "", err
		}
		var grant struct {
			Token string `json:"access_token"`
		}
		err = errors.Join(json.NewDecoder(response.Body).Decode(&grant), response.Body.Close())
		if err == nil && grant.Token == "" {
			err = fmt.Errorf("no token: %s", response.Status)
		}
		return grant.Token, err
	}
	return p, func(next http.RoundTripper) http.RoundTripper { return &service{RoundTripper: next, obtain: obtain} }
}

const everything = "system/*.cruds system/AuditEvent.rs"

func keysOf(store string) string { return filepath.Clean(store) + ".keys" }

// checkTrail verifies the audit trail that the server left behind.
func checkTrail(t *testing.T, store string) {
	t.Helper()
	stdout, stderr, code := binary.Run(t, "", firthtest.Environment(), "", "audit", "verify", "--store", store, "--keys", keysOf(store))
	if code != 0 || !strings.HasSuffix(stdout, "intact\n") {
		t.Errorf("exit %d: %s%s", code, stdout, stderr)
	}
	t.Log(stdout)
}
