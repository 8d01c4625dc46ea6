package smart_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firth-health/firth/auth/smart"
	"github.com/firth-health/firth/auth/smart/accounts"
	"github.com/firth-health/firth/auth/smart/clients"
)

// FuzzAuthorize sends any parameters by both methods: no answer leaves for an address that is not registered, none is the server's own failure, and state comes back as it was.
func FuzzAuthorize(f *testing.F) {
	s := fuzzSite(f)
	f.Add(s.ask().Encode())
	for _, changes := range [][]string{{"redirect_uri", "https://evil.example"}, {"state", "\x00\xff"}, {"scope", "patient/*.?x=%"}, {"launch", "x"}, {"max_age", "-1"}, {"aud", s.base + "/"}, {"client_id", "a b"}} {
		f.Add(s.ask(changes...).Encode())
	}
	f.Add("client_id=public&client_id=other")
	f.Add("%zz")
	f.Fuzz(func(t *testing.T, query string) {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			r := httptest.NewRequestWithContext(t.Context(), method, "/auth/authorize", strings.NewReader(query))
			if method == http.MethodGet {
				r.URL.RawQuery = query
			} else {
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			}
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			if w.Code >= 500 {
				t.Fatalf("%s %q: %d %s", method, query, w.Code, w.Body)
			}
			target := w.Header().Get("Location")
			if target == "" || strings.HasPrefix(target, "/auth/continue?request=") {
				continue
			}
			asked, err := url.ParseQuery(query)
			if err != nil || !strings.HasPrefix(target, redirectURI+"?") && !strings.HasPrefix(target, "https://app.example/other?x=1&") && !strings.HasPrefix(target, "https://other.example/cb?") {
				t.Fatalf("%s %q leads to %q (%v)", method, query, target, err)
			}
			u, err := url.Parse(target)
			if err != nil || u.Query().Get("error") == "" || u.Query().Has("code") || u.Query().Get("state") != asked.Get("state") {
				t.Fatalf("%s %q leads to %q (%v)", method, query, target, err)
			}
		}
	})
}

// FuzzToken sends any form: nothing gives a token, nothing is the server's own failure, and every answer is an OAuth error that nobody keeps.
func FuzzToken(f *testing.F) {
	s := fuzzSite(f)
	f.Add(codeForm("firth_ac_"+strings.Repeat("A", 48)).Encode(), "")
	f.Add(serviceForm("a.b.c").Encode(), "")
	f.Add("grant_type=refresh_token&client_id=public&refresh_token=firth_rt_"+strings.Repeat("A", 48)+"&scope=x", "")
	f.Add("grant_type=authorization_code", "Basic Y29uZmlkZW50aWFsOng=")
	f.Add("grant_type=client_credentials", "Bearer x")
	f.Add("%zz=%", "Basic !")
	f.Fuzz(func(t *testing.T, form, authorization string) {
		for _, path := range []string{"/auth/token", "/auth/introspect", "/auth/revoke"} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(form))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header["Authorization"] = []string{authorization}
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			body := w.Body.String()
			if w.Code >= 500 || strings.Contains(body, "access_token\"") || strings.Contains(body, `"active":true`) || w.Header().Get("Cache-Control") != "no-store" {
				t.Fatalf("%s %q %q: %d %v %s", path, form, authorization, w.Code, w.Header(), body)
			}
			if w.Code == http.StatusOK && path == "/auth/token" || w.Code != http.StatusOK && !strings.HasPrefix(body, `{"error":"`) {
				t.Fatalf("%s %q %q: %d %s", path, form, authorization, w.Code, body)
			}
		}
	})
}

// fuzzSite is a site without a listener.
func fuzzSite(f *testing.F) *site {
	f.Helper()
	t := &testing.T{}
	s := &site{t: t, base: "https://ehr.example/fhir", root: "https://ehr.example", time: time.Now()}
	memory, err := openMemory()
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		if err := memory.Close(); err != nil {
			f.Error(err)
		}
	})
	s.store = memory
	server, err := s.make(f.Context(), func(o *smart.Options) {
		var asks atomic.Int64
		o.Remote = func(*http.Request) string { return strconv.FormatInt(asks.Add(1), 10) } // no brake on one address
	})
	if err != nil {
		f.Fatal(err)
	}
	s.Server = server
	if _, err := s.Accounts().Create(f.Context(), accounts.Account{Login: "doctor"}); err != nil {
		f.Fatal(err)
	}
	for _, c := range []clients.Client{
		{ID: "public", Name: "x", Type: clients.Public, RedirectURIs: []string{redirectURI, "https://app.example/other?x=1"}}, {ID: "other", Name: "x", Type: clients.Public, RedirectURIs: []string{"https://other.example/cb"}},
		{ID: "confidential", Name: "x", Type: clients.Symmetric, RedirectURIs: []string{redirectURI}},
	} {
		if _, _, err := s.Clients().Create(f.Context(), c); err != nil {
			f.Fatal(err)
		}
	}
	return s
}
