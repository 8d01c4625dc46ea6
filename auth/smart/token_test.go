package smart_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// answered is an answer of an endpoint for clients.
type answered struct {
	status int
	header http.Header
	body   string
	json   map[string]any
}

func (a answered) text(name string) string {
	value, _ := a.json[name].(string)
	return value
}

// call posts a form to an endpoint; headers come in pairs.
func (s *site) call(path string, form url.Values, headers ...string) answered {
	s.t.Helper()
	return s.post(path, "application/x-www-form-urlencoded", form.Encode(), headers...)
}

func (s *site) post(path, contentType, body string, headers ...string) answered {
	s.t.Helper()
	return s.request(http.MethodPost, path, body, append([]string{"Content-Type", contentType}, headers...)...)
}

func (s *site) request(method, path, body string, headers ...string) answered {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.root+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	a := answered{status: response.StatusCode, header: response.Header, body: string(read)}
	if strings.Contains(response.Header.Get("Content-Type"), "json") {
		if err := json.Unmarshal(read, &a.json); err != nil {
			s.t.Fatalf("%s: %v in %s", path, err, read)
		}
	}
	return a
}

func basic(id, secret string) []string {
	return []string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(secret)))}
}

// codeForm is a form that exchanges a code; changes come in pairs, an empty value removes.
func codeForm(code string, changes ...string) url.Values {
	return changed(url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {redirectURI}, "client_id": {"public"}, "code_verifier": {verifier}}, changes...)
}

func changed(form url.Values, changes ...string) url.Values {
	for i := 0; i+1 < len(changes); i += 2 {
		if form.Set(changes[i], changes[i+1]); changes[i+1] == "" {
			form.Del(changes[i])
		}
	}
	return form
}

// tokens goes the whole way and exchanges the code.
func (s *site) tokens(q url.Values, name, patient string, scopes ...string) answered {
	s.t.Helper()
	answer := s.browser().consented(q, name, patient, scopes...)
	got := s.call("/auth/token", codeForm(answer.query.Get("code"), "client_id", q.Get("client_id")))
	if got.status != http.StatusOK {
		s.t.Fatalf("token: %d %s", got.status, got.body)
	}
	return got
}

func (s *site) refresh(token string, changes ...string) answered {
	s.t.Helper()
	return s.call("/auth/token", changed(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}, "client_id": {"public"}}, changes...))
}

// From an authorization request to what the token says.
func TestStandaloneLaunch(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser()
	p := b.authorize(s.ask()).at(t, "/auth/login")
	p = b.login(p, "Doctor").at(t, "/auth/patient")
	p = b.send(p, "/auth/patient", "patient", "anna").at(t, "/auth/consent")
	if !strings.Contains(p.body, "Anna &lt;Amberg&gt;, born 1980-02-03") || !strings.Contains(p.body, "Read and search observation") {
		t.Errorf("consent page:\n%s", p.body)
	}
	p = b.send(p, "/auth/consent", "decision", "allow")
	if p.away == nil || p.away.Scheme+"://"+p.away.Host+p.away.Path != redirectURI || p.query.Get("state") != "st+te &/=ü" {
		t.Fatalf("answer to the app: %v", p.away)
	}
	got := s.call("/auth/token", codeForm(p.query.Get("code")))
	if got.status != http.StatusOK || got.text("patient") != "anna" || got.text("token_type") != "Bearer" || got.text("scope") != allScopes {
		t.Fatalf("token: %d %s", got.status, got.body)
	}
	claims, err := s.Lookup(t.Context(), got.text("access_token"))
	if err != nil {
		t.Fatal(err)
	}
	if claims.Patient != "anna" || claims.FHIRUser != "Practitioner/dora" || claims.Client != "public" || claims.Scope != allScopes || claims.Issuer != s.root {
		t.Errorf("claims %+v", claims)
	}
}
