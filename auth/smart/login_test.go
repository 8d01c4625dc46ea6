package smart_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/firth-health/firth/auth/smart"
	"github.com/firth-health/firth/auth/smart/events"
	"github.com/firth-health/firth/auth/smart/totp"
)

func TestLogin(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser()
	p := b.authorize(s.ask()).at(t, "/auth/login")
	for _, wrong := range [][2]string{{"doctor", "wrong"}, {"nobody", password}, {"doctor", ""}, {"", ""}, {"doctor\x00", password}, {strings.Repeat("x", 10_000), strings.Repeat("y", 10_000)}} {
		if p := b.send(p, "/auth/login", "name", wrong[0], "password", wrong[1]); p.status != http.StatusUnauthorized || !strings.Contains(p.body, "That is not right") {
			t.Errorf("%.20q: %d %s", wrong, p.status, p.body)
		}
	}
	p = b.login(p, " DOCTOR ").at(t, "/auth/patient")
	for name, want := range map[string]string{"X-Frame-Options": "DENY", "Referrer-Policy": "same-origin", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"} {
		if got := p.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if csp := p.header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") || !strings.HasSuffix(csp, "form-action 'self' https://app.example") {
		t.Errorf("policy %q", csp)
	}
	if regexp.MustCompile(`<script|style=| on[a-z]+=`).MatchString(p.body) {
		t.Errorf("something inline in\n%s", p.body)
	}
	if told := s.told(events.Login); len(told) != 1 || told[0].Login != "doctor" && strings.TrimSpace(strings.ToLower(told[0].Login)) != "doctor" || told[0].Remote != "127.0.0.1" {
		t.Errorf("events %+v", told)
	}
	if told := s.told(events.LoginFailed); len(told) != 6 || !told[0].Failed || len(told[5].Login) > 64 {
		t.Errorf("%d events", len(told))
	}
}

func TestCookies(t *testing.T) {
	for _, secure := range []bool{false, true} {
		s := newSite(t, func(o *smart.Options) {
			if secure {
				o.BaseURL = "https://ehr.example/fhir"
			}
		})
		name := "firth_session"
		if secure {
			name = "__Host-firth_session"
		}
		var browser, session *http.Cookie
		got := s.request(http.MethodGet, "/auth/login", "")
		browser = cookie(got.header, strings.Replace(name, "session", "browser", 1))
		if browser == nil {
			t.Fatalf("cookies %v", got.header.Values("Set-Cookie"))
		}
		csrf := regexp.MustCompile(`name="csrf" value="([^"]+)"`).FindStringSubmatch(got.body)[1]
		form := url.Values{"csrf": {csrf}, "name": {"doctor"}, "password": {password}}.Encode()
		client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.root+"/auth/login", strings.NewReader(form))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.AddCookie(browser)
		response, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		session = cookie(response.Header, name)
		for _, c := range []*http.Cookie{browser, session} {
			if c == nil || !c.HttpOnly || c.Secure != secure || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.MaxAge != 0 {
				t.Errorf("secure %v: cookie %+v", secure, c)
			}
		}
	}
}

func cookie(h http.Header, name string) *http.Cookie {
	for _, c := range (&http.Response{Header: h}).Cookies() {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// Who guesses is braked, whether the account exists or not; who waits gets in.
func TestLockout(t *testing.T) {
	s := newSite(t, nil)
	for _, name := range []string{"doctor", "nobody"} {
		b := s.browser()
		p := b.authorize(s.ask()).at(t, "/auth/login")
		for range 5 {
			if p := b.send(p, "/auth/login", "name", name, "password", "wrong"); p.status != http.StatusUnauthorized {
				t.Fatalf("%s: %d", name, p.status)
			}
		}
		if p := b.send(p, "/auth/login", "name", name, "password", password); p.status != http.StatusTooManyRequests || p.header.Get("Retry-After") != "30" {
			t.Fatalf("%s: %d %v", name, p.status, p.header)
		}
		s.pass(31 * time.Second)
		b.send(p, "/auth/login", "name", name, "password", "wrong")
		if p := b.send(p, "/auth/login", "name", name, "password", password); p.status != http.StatusTooManyRequests || p.header.Get("Retry-After") != "60" {
			t.Errorf("%s: after a sixth failure: %d %v", name, p.status, p.header)
		}
		s.pass(61 * time.Second)
	}
	b := s.browser()
	b.login(b.authorize(s.ask()), "doctor").at(t, "/auth/patient")
	if told := s.told(events.LoginLocked); len(told) != 4 || told[0].Login != "doctor" {
		t.Errorf("events %+v", told)
	}
}

// One address that tries many names is braked too.
func TestAddressBrake(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser()
	p := b.authorize(s.ask()).at(t, "/auth/login")
	status := 0
	for i := range 40 {
		if status = b.send(p, "/auth/login", "name", "name"+string(rune('a'+i)), "password", "wrong").status; status == http.StatusTooManyRequests {
			break
		}
	}
	if status != http.StatusTooManyRequests {
		t.Errorf("the last of 40: %d", status)
	}
	s.pass(time.Minute)
	b.login(p, "doctor").at(t, "/auth/patient")
}

// One address that begins very many authorizations is braked before they are written down.
func TestAuthorizeBrake(t *testing.T) {
	s := newSite(t, nil)
	status := 0
	for range 2000 {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/auth/authorize?"+s.ask().Encode(), nil))
		if status = w.Code; status == http.StatusTooManyRequests {
			break
		}
	}
	if status != http.StatusTooManyRequests {
		t.Errorf("the last of 2000: %d", status)
	}
	s.pass(time.Second)
	s.browser().authorize(s.ask()).at(t, "/auth/login")
}

// A form that this browser was not given does nothing.
func TestForgedForms(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser()
	p := b.login(b.authorize(s.ask()), "anna").at(t, "/auth/consent")
	form := p.form(t, "/auth/consent")
	form.Set("decision", "allow")
	for name, csrf := range map[string]string{"none": "", "wrong": "x", "of another browser": s.browser().authorize(s.ask()).form(t, "/auth/login").Get("csrf")} {
		forged := changed(url.Values{"request": form["request"], "scope": form["scope"], "decision": {"allow"}}, "csrf", csrf)
		if p := b.post("/auth/consent", forged); p.status != http.StatusForbidden || p.away != nil {
			t.Errorf("%s: %d %v", name, p.status, p.away)
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.root+"/auth/consent", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	r.Header.Set("Origin", "https://evil.example")
	if p := b.do(r); p.status != http.StatusForbidden {
		t.Errorf("from another site: %d", p.status)
	}
	if p := b.post("/auth/consent", form); p.query.Get("code") == "" {
		t.Errorf("the right one: %d %v", p.status, p.away)
	}
}

// A session ends by signing out, by a new password, after half an hour without use and after half a day.
func TestSessionEnds(t *testing.T) {
	s := newSite(t, nil)
	in := func() *browser {
		b := s.browser()
		b.login(b.get("/auth/login").at(t, "/auth/login"), "doctor").at(t, "/auth/account")
		return b
	}
	b := in()
	out := b.send(b.get("/auth/account"), "/auth/logout")
	if out.status != http.StatusOK || !strings.Contains(out.body, "Signed out") {
		t.Errorf("%d %s", out.status, out.body)
	}
	b.get("/auth/account").at(t, "/auth/login")

	b = in()
	s.pass(29 * time.Minute)
	b.get("/auth/account").at(t, "/auth/account")
	s.pass(29 * time.Minute)
	b.get("/auth/account").at(t, "/auth/account")
	s.pass(31 * time.Minute)
	b.get("/auth/account").at(t, "/auth/login")

	b = in()
	for range 24 {
		s.pass(25 * time.Minute)
		b.get("/auth/account").at(t, "/auth/account")
	}
	for range 5 {
		s.pass(25 * time.Minute)
		b.get("/auth/account")
	}
	b.get("/auth/account").at(t, "/auth/login")

	first, second := in(), in()
	p := first.get("/auth/account/password").at(t, "/auth/account/password")
	for _, bad := range [][3]string{{"wrong", "another good one", "another good one"}, {password, "another good one", "and another"}, {password, "short", "short"}, {password, "doctor doctor", "doctor doctor"}} {
		if p := first.send(p, "/auth/account/password", "current", bad[0], "password", bad[1], "again", bad[2]); p.status == http.StatusOK {
			t.Errorf("%v: %d", bad, p.status)
		}
	}
	first.send(p, "/auth/account/password", "current", password, "password", "another good one", "again", "another good one").at(t, "/auth/account")
	second.get("/auth/account").at(t, "/auth/login")
}

// wrongCode is a one-time code that is not right now, nor a step before or after.
func (s *site) wrongCode(secret string) string {
	s.t.Helper()
	right := map[string]bool{}
	for step := int64(-1); step <= 1; step++ {
		text, err := totp.Code(secret, totp.Step(s.now())+step)
		if err != nil {
			s.t.Fatal(err)
		}
		right[text] = true
	}
	wrong := "000000"
	for i := 1; right[wrong]; i++ {
		wrong = fmt.Sprintf("%06d", i)
	}
	return wrong
}

func TestOneTimeCodes(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser()
	b.login(b.get("/auth/login"), "doctor").at(t, "/auth/account")
	p := b.get("/auth/account/one-time").at(t, "/auth/account/one-time")
	secret := regexp.MustCompile(`<code>([A-Z2-7]+)</code>`).FindStringSubmatch(p.body)[1]
	code := func(step int64) string {
		text, err := totp.Code(secret, totp.Step(s.now())+step)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	if p := b.send(p, "/auth/account/one-time", "code", s.wrongCode(secret)); p.status != http.StatusBadRequest {
		t.Errorf("a wrong code: %d", p.status)
	}
	b.send(p, "/auth/account/one-time", "code", code(0))

	b = s.browser()
	p = b.login(b.authorize(s.ask()), "doctor").at(t, "/auth/code")
	b.get("/auth/account").at(t, "/auth/login") // half in is not in
	if p := b.send(p, "/auth/code", "code", code(0)); p.status != http.StatusUnauthorized {
		t.Errorf("the code that turned it on works again: %d", p.status)
	}
	s.pass(30 * time.Second)
	used := code(0)
	spaced := used[:3] + " " + used[3:]
	p = b.send(p, "/auth/code", "code", spaced).at(t, "/auth/patient")
	p = b.send(p, "/auth/patient", "patient", "anna").at(t, "/auth/consent")

	b = s.browser()
	p = b.login(b.authorize(s.ask()), "doctor").at(t, "/auth/code")
	for i := range 5 {
		if p := b.send(p, "/auth/code", "code", used); p.status != http.StatusUnauthorized {
			t.Errorf("attempt %d with a used code: %d", i, p.status)
		}
	}
	s.pass(10 * time.Second)
	if p := b.send(p, "/auth/code", "code", code(1)); p.status != http.StatusTooManyRequests {
		t.Errorf("after five wrong codes: %d", p.status)
	}
}

// The first start gives one link, once, by which the administrator sets a password.
func TestFirstLink(t *testing.T) {
	s := &site{t: t, store: openStore(t)}
	s.serve(nil)
	link, err := s.FirstLink(t.Context())
	if err != nil || !strings.HasPrefix(link, s.root+"/auth/welcome?link=firth_ln_") {
		t.Fatalf("%q %v", link, err)
	}
	second, err := s.FirstLink(t.Context()) // restarted before anybody used it
	if err != nil || second == "" || second == link {
		t.Fatalf("%q %v", second, err)
	}
	b := s.browser()
	b.get(link).at(t, "/auth/welcome")
	p := b.get(link).at(t, "/auth/welcome") // looking does not use it up
	for _, bad := range [][2]string{{"one long password", "another password"}, {"short", "short"}, {"administrator", "administrator"}, {"aaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaa"}} {
		if p := b.send(p, "/auth/welcome", "password", bad[0], "again", bad[1]); p.status != http.StatusBadRequest {
			t.Errorf("%v: %d", bad, p.status)
		}
	}
	if p = b.send(p, "/auth/welcome", "password", password, "again", password).at(t, "/auth/account"); !strings.Contains(p.body, "Administrator") {
		t.Errorf("%s", p.body)
	}
	for _, used := range []string{link, second} {
		if p := s.browser().get(used); p.status != http.StatusGone {
			t.Errorf("a link after use: %d", p.status)
		}
	}
	if again, err := s.FirstLink(t.Context()); err != nil || again != "" {
		t.Errorf("another first link: %q %v", again, err)
	}
	admin, err := s.Accounts().Find(t.Context(), "admin")
	if err != nil || !admin.Administrator || !admin.HasPassword {
		t.Fatalf("%+v %v", admin, err)
	}
	late, err := s.Accounts().NewLink(t.Context(), admin.ID)
	if err != nil {
		t.Fatal(err)
	}
	s.pass(25 * time.Hour)
	if p := s.browser().get(s.LinkURL(late)); p.status != http.StatusGone {
		t.Errorf("a link after a day: %d", p.status)
	}
}

// A person sees who has access on their behalf, and takes it away.
func TestAccountPage(t *testing.T) {
	s := newSite(t, nil)
	got := s.tokens(s.ask(), "anna", "")
	theirs := s.tokens(s.ask(), "doctor", "ben")
	b := s.browser()
	p := b.login(b.get("/auth/account").at(t, "/auth/login"), "anna").at(t, "/auth/account")
	if !strings.Contains(p.body, "Growth Charts") || strings.Count(p.body, "account/revoke") != 1 {
		t.Fatalf("%s", p.body)
	}
	form := p.form(t, "/auth/account/revoke")
	authorizations, err := s.Tokens().Of(t.Context(), "")
	if err != nil || len(authorizations) != 2 {
		t.Fatalf("%v %v", authorizations, err)
	}
	for _, a := range authorizations {
		b.post("/auth/account/revoke", changed(url.Values{"csrf": form["csrf"]}, "authorization", a.ID)) // another person's does nothing
	}
	if _, err := s.Lookup(t.Context(), got.text("access_token")); err == nil {
		t.Error("access lives")
	}
	if s.refresh(got.text("refresh_token")).status != http.StatusBadRequest {
		t.Error("the refresh token lives")
	}
	if _, err := s.Lookup(t.Context(), theirs.text("access_token")); err != nil {
		t.Errorf("another person's access: %v", err)
	}
	if told := s.told(events.TokenRevoked); len(told) != 1 || told[0].Login != "anna" {
		t.Errorf("events %+v", told)
	}
}

// Who finds a browser that is signed in cannot turn one-time codes off, or put a device in the place of the owner's, without a code.
func TestOneTimeCodesStay(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser()
	b.login(b.get("/auth/login"), "doctor").at(t, "/auth/account")
	p := b.get("/auth/account/one-time").at(t, "/auth/account/one-time")
	secret := regexp.MustCompile(`<code>([A-Z2-7]+)</code>`).FindStringSubmatch(p.body)[1]
	code := func() string {
		text, err := totp.Code(secret, totp.Step(s.now()))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	p = b.send(p, "/auth/account/one-time", "code", code())
	const off = "/auth/account/one-time-off"
	if p := b.send(p, off); p.status != http.StatusUnauthorized || !strings.Contains(p.body, "asked for after the password") {
		t.Errorf("off without a code: %d", p.status)
	}
	if p := b.send(p, off, "code", s.wrongCode(secret)); p.status != http.StatusUnauthorized {
		t.Errorf("off with a wrong code: %d", p.status)
	}
	b.get("/auth/account/one-time").at(t, "/auth/account")
	s.pass(30 * time.Second)
	if p := b.send(p, off, "code", code()); p.status != http.StatusOK || strings.Contains(p.body, "asked for after the password") {
		t.Errorf("off with the code: %d", p.status)
	}
	if list := s.told(events.LoginFailed); len(list) != 2 {
		t.Errorf("%d wrong codes were told of", len(list))
	}
}
