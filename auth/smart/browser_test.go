package smart_test

import (
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// browser follows redirects of the site, keeps cookies and stops where an app would take over.
type browser struct {
	t      *testing.T
	s      *site
	client *http.Client
}

// shown is what a browser has before it.
type shown struct {
	status int
	header http.Header
	body   string
	path   string     // of the page
	away   *url.URL   // where an app took over
	query  url.Values // of away
}

func (s *site) browser() *browser {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	client := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	s.t.Cleanup(client.CloseIdleConnections)
	return &browser{t: s.t, s: s, client: client}
}

// do sends a request and follows redirects within the site.
func (b *browser) do(r *http.Request) shown {
	b.t.Helper()
	for {
		response, err := b.client.Do(r)
		if err != nil {
			b.t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		if err != nil {
			b.t.Fatal(err)
		}
		if err := response.Body.Close(); err != nil {
			b.t.Fatal(err)
		}
		target, err := response.Location()
		if err != nil {
			return shown{status: response.StatusCode, header: response.Header, body: string(body), path: r.URL.Path}
		}
		if target.Scheme+"://"+target.Host != b.s.root {
			return shown{status: response.StatusCode, header: response.Header, away: target, query: target.Query()}
		}
		if r, err = http.NewRequestWithContext(b.t.Context(), http.MethodGet, target.String(), nil); err != nil {
			b.t.Fatal(err)
		}
	}
}

func (b *browser) get(target string) shown {
	b.t.Helper()
	if strings.HasPrefix(target, "/") {
		target = b.s.root + target
	}
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, target, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.do(r)
}

func (b *browser) post(path string, form url.Values) shown {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.s.root+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.do(r)
}

var (
	formPattern  = regexp.MustCompile(`(?s)<form method="post" action="([^"]+)">(.*?)</form>`)
	inputPattern = regexp.MustCompile(`<input type="(hidden|checkbox)" name="([^"]+)" value="([^"]*)"`)
)

// form returns what a form of the page would send if only a button was pressed.
func (p shown) form(t *testing.T, action string) url.Values {
	t.Helper()
	for _, form := range formPattern.FindAllStringSubmatch(p.body, -1) {
		if form[1] != action {
			continue
		}
		values := url.Values{}
		for _, input := range inputPattern.FindAllStringSubmatch(form[2], -1) {
			values.Add(input[2], html.UnescapeString(input[3]))
		}
		return values
	}
	t.Fatalf("no form for %s on %s (%d):\n%s", action, p.path, p.status, p.body)
	return nil
}

// send fills in a form of a page and sends it.
func (b *browser) send(p shown, action string, fields ...string) shown {
	b.t.Helper()
	form := p.form(b.t, action)
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return b.post(action, form)
}

// at fails the test unless a page is shown.
func (p shown) at(t *testing.T, path string) shown {
	t.Helper()
	if p.path != path || p.status != http.StatusOK {
		t.Fatalf("at %s with %d (away %v), want %s:\n%s", p.path, p.status, p.away, path, p.body)
	}
	return p
}

const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"

// challenge is that of verifier (RFC 7636 appendix B).
const challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

// ask are the parameters of an authorization request that is in order; changes come in pairs, an empty value removes.
func (s *site) ask(changes ...string) url.Values {
	q := url.Values{
		"response_type": {"code"}, "client_id": {"public"}, "redirect_uri": {redirectURI}, "scope": {allScopes}, "state": {"st+te &/=ü"}, "aud": {s.base},
		"code_challenge": {challenge}, "code_challenge_method": {"S256"}, "nonce": {"n-0S6_WzA2Mj"},
	}
	for i := 0; i+1 < len(changes); i += 2 {
		if q.Set(changes[i], changes[i+1]); changes[i+1] == "" {
			q.Del(changes[i])
		}
	}
	return q
}

func (b *browser) authorize(q url.Values) shown {
	b.t.Helper()
	return b.get("/auth/authorize?" + q.Encode())
}

func (b *browser) login(p shown, name string) shown {
	b.t.Helper()
	return b.send(p, "/auth/login", "name", name, "password", password)
}

// consented goes the whole way as somebody and returns the answer to the app: patient is chosen if asked for, and without scopes all stay checked.
func (b *browser) consented(q url.Values, name, patient string, scopes ...string) shown {
	b.t.Helper()
	p := b.authorize(q)
	if p.path == "/auth/login" {
		p = b.login(p, name)
	}
	if p.path == "/auth/patient" {
		p = b.send(p, "/auth/patient", "patient", patient)
	}
	p.at(b.t, "/auth/consent")
	form := p.form(b.t, "/auth/consent")
	form.Set("decision", "allow")
	if len(scopes) > 0 {
		form["scope"] = slices.Clone(scopes)
	}
	answer := b.post("/auth/consent", form)
	if answer.away == nil || answer.query.Get("code") == "" {
		b.t.Fatalf("no code: %d %v %s", answer.status, answer.away, answer.body)
	}
	return answer
}
