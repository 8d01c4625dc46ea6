package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/firth-health/firth/internal/firthtest"
)

// secrets are what must not be written down, by what it is, and what of patients must not be logged.
type secrets struct {
	given map[string]string
	about map[string]string
}

func (s *secrets) keep(t *testing.T, what, value string) string {
	t.Helper()
	if len(value) < 6 {
		t.Fatalf("%s %q", what, value)
	}
	s.given[what] = value
	return value
}

// TestSecrecy has people, apps, services, gateways and administrators do with a server, which logs all it can, whatever there is to do, well and badly. Then nothing that lets anybody in is in the log or in the audit trail, in
// whatever form; nothing about patients is in the log; and the trail has events of every kind.
func TestSecrecy(t *testing.T) {
	dir, store := t.TempDir(), place(t)
	g := serveGuarded(t, store, filepath.Join(dir, "k"), "--log-level", "debug", "--log-format", "json", "--registration", "--private-clients")
	s := &secrets{given: map[string]string{}, about: map[string]string{"name": "Quillfeather", "identifier": "MRN-7719-4432", "born": "1931-07-29"}}
	rs, _ := firthtest.NewSigners(t)
	service := s.services(g, rs)
	s.data(g, service)
	admin := s.administrator(g)
	token := s.app(g, admin)
	s.mistakes(g, token, service, rs)
	exported := g.admin("audit", "export")
	page := g.admin("audit", "export", "--format", "html", "--patient", "p")
	g.admin("audit", "verify")
	if code := g.Stop(t); code != 0 {
		t.Error("exit ", code)
	}
	printed := slices.DeleteFunc(g.Output(), func(line string) bool { return strings.HasPrefix(line, "administrator ") }) // which is for whoever starts the server
	log := strings.Join(printed, "\n") + g.Stderr.String()
	if strings.Count(log, `"level":"DEBUG"`) < 25 {
		t.Errorf("the server logged too little to prove anything: %d bytes", len(log))
	}
	trail := exported + page + decodedQueries(t, exported)
	for what, value := range s.given {
		if len(value) == 6 && strings.Contains(what, "one-time code") { // six digits are in many numbers of the trail
			if logged(log, value) {
				t.Errorf("%s is in the log", what)
			}
			continue
		}
		for _, form := range formsOf(value) {
			if strings.Contains(log, form) {
				t.Errorf("%s is in the log", what)
			}
			if strings.Contains(trail, form) {
				t.Errorf("%s is in the trail", what)
			}
		}
	}
	for what, value := range s.about {
		for _, form := range formsOf(value) {
			if strings.Contains(log, form) {
				t.Errorf("%s of a patient is in the log", what)
			}
		}
	}
	s.kinds(t, exported)
}

// formsOf are the forms in which a text may hide.
func formsOf(value string) []string {
	return []string{value, url.QueryEscape(value), base64.StdEncoding.EncodeToString([]byte(value)), base64.RawURLEncoding.EncodeToString([]byte(value))}
}

// figures are what is in every line of a log, and may happen to have the digits of a one-time code.
var figures = regexp.MustCompile(`"time":"[^"]*"|"duration":\d+|"request_id":"[-0-9a-f]*"`)

// logged reports whether a log has a one-time code: not as a part of a longer number, nor in a figure.
func logged(log, code string) bool {
	return regexp.MustCompile(`(^|\D)` + code + `(\D|$)`).MatchString(figures.ReplaceAllString(log, ""))
}

// TestLogged: a code is found wherever it is logged, and not in figures.
func TestLogged(t *testing.T) {
	const line = `{"time":"2026-11-22T03:56:14.232437Z","msg":"form","duration":938827,"request_id":"01a20165-bc17-7000-8f0e-123456789012","bytes":12638251008,"body":"%s"}` + "\n"
	for code, want := range map[string]bool{"232437": false, "938827": false, "123456": false, "638251": false, "777888": true} {
		for _, body := range []string{"777888", "name=admin&code=777888", "a code of 777888 was sent"} {
			if got := logged(fmt.Sprintf(line, "x")+fmt.Sprintf(line, body), code); got != want {
				t.Errorf("%s in %q: %t", code, body, got)
			}
		}
	}
}

// services registers a gateway, and gives it a token.
func (s *secrets) services(g *guarded, rs firthtest.Signer) (token string) {
	g.Helper()
	jwks := firthtest.JWKS(g.T, rs)
	const scope = "system/*.cruds firth/introspection firth/accounts"
	g.admin("client", "add", "gateway", "--name", "Ward 7", "--type", "asymmetric", "--jwks", jwks, "--scopes", scope)
	form := rs.Assertion(g.T, g.origin, "gateway", scope)
	s.keep(g.T, "a client assertion", form.Get("client_assertion"))
	status, answer := g.post("/auth/token", form)
	token, _ = answer["access_token"].(string)
	if status != 200 {
		g.Fatal(status, answer)
	}
	return s.keep(g.T, "access token of a service", token)
}

// data does what there is to do with resources, with a patient who has a name.
func (s *secrets) data(g *guarded, token string) {
	g.Helper()
	patient := `{"resourceType":"Patient","id":"p","name":[{"family":"` + s.about["name"] + `"}],"identifier":[{"system":"urn:mrn","value":"` + s.about["identifier"] + `"}],"birthDate":"` + s.about["born"] + `"}`
	observation := `{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p"}}`
	bundle := func(kind string) string {
		return `{"resourceType":"Bundle","type":"` + kind + `","entry":[{"resource":` + patient + `,"request":{"method":"PUT","url":"Patient/p"}},{"request":{"method":"GET","url":"Patient?name=` + s.about["name"] + `"}}]}`
	}
	for _, step := range []struct {
		method, path, body string
		status             int
	}{
		{"PUT", "/Patient/p", patient, 201}, {"POST", "/Observation", observation, 201}, {"GET", "/Patient/p", "", 200}, {"GET", "/Patient/p/_history/1", "", 200}, {"GET", "/Patient/p/_history", "", 200},
		{"GET", "/Patient/_history", "", 200}, {"GET", "/_history", "", 200}, {"GET", "/Patient?name=" + s.about["name"], "", 200}, {"GET", "/Patient?identifier=urn:mrn|" + s.about["identifier"], "", 200},
		{"GET", "/?_type=Patient&birthdate=" + s.about["born"], "", 200}, {"GET", "/Patient/p/$everything", "", 200}, {"POST", "/", bundle("batch"), 200}, {"POST", "/", bundle("transaction"), 200},
		{"PUT", "/Patient/p", strings.Replace(patient, `"birthDate":"`, `"birthDate":"x`, 1), 400}, {"PUT", "/Patient/p", strings.Replace(patient, "Patient", "Patent", 1), 400}, {"PUT", "/Patient/p", patient[:60], 400},
		{"GET", "/Patient?nonsense=" + s.about["name"], "", 200}, {"GET", "/Patient/" + s.about["identifier"] + "?x", "", 404}, {"GET", "/Patient?access_token=" + token, "", 200},
		{"POST", "/Patient/$validate", patient, 200}, {"DELETE", "/Observation/none", "", 204},
	} {
		status, _, body, err := request(step.method, g.base+step.path, step.body, "Authorization", "Bearer "+token)
		if err != nil || status != step.status && !(step.status == 204 && status == 200) {
			g.Errorf("%s %s: %d %v %.300s", step.method, step.path, status, err, body)
		}
	}
	payload := `{"device":{"serial":"` + s.about["identifier"] + `"},"patient":"` + s.about["name"] + `"}`
	if status, _, _, err := request("POST", strings.TrimSuffix(g.base, "/fhir")+"/ingest/vitals", payload, "Authorization", "Bearer "+token, "Content-Type", "application/json"); err != nil || status == 401 || status >= 500 {
		g.Error("ingest: ", status, err)
	}
}

// administrator follows the link of the first start, sets a password and turns on one-time codes.
func (s *secrets) administrator(g *guarded) *person {
	g.Helper()
	link := g.Line(g.T, "administrator ")
	u, err := url.Parse(link)
	if err != nil {
		g.Fatal(err)
	}
	s.keep(g.T, "link of the administrator", u.Query().Get("link"))
	password := s.keep(g.T, "password", "correct horse battery staple")
	p := g.person()
	p.send(p.get(link), "/auth/welcome", "password", password, "again", password)
	enrol := p.get("/auth/account/one-time")
	found := regexp.MustCompile(`<code>([A-Z2-7]+)</code>`).FindStringSubmatch(enrol.body)
	if found == nil {
		g.Fatal(enrol.status, enrol.body)
	}
	secret := s.keep(g.T, "secret of one-time codes", found[1])
	code := oneTimeCode(g.T, secret, 0)
	p.send(enrol, "/auth/account/one-time", "code", s.keep(g.T, "one-time code", code))
	p.send(p.get("/auth/account"), "/auth/logout")
	s.browser(p)

	other := g.person() // fails, then gets in
	wrong := s.keep(g.T, "wrong password", "incorrect horse battery staple")
	failed := other.send(other.get("/auth/login"), "/auth/login", "name", "admin", "password", wrong)
	asked := other.send(failed, "/auth/login", "name", "admin", "password", password)
	other.send(asked, "/auth/code", "code", s.keep(g.T, "next one-time code", oneTimeCode(g.T, secret, 1)))
	if page := other.get("/auth/account"); page.status != 200 || !strings.Contains(page.body, "/auth/logout") {
		g.Fatal("the administrator did not get in: ", page.status, page.body)
	}
	return other
}

// browser keeps what a browser was given: session cookies, fields against forged forms.
func (s *secrets) browser(p *person) {
	for what, value := range p.told {
		if len(value) >= 16 {
			s.given["of a browser: "+what] = value
		}
	}
}

const (
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // RFC 7636 appendix B
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	returnsTo = "https://app.example/back"
)

// app has a person let an app in, by a launch of its own, and uses tokens up to their end.
func (s *secrets) app(g *guarded, p *person) (token string) {
	g.Helper()
	out := g.admin("client", "add", "web", "--name", "Web", "--type", "symmetric", "--redirect", returnsTo)
	s.keep(g.T, "client secret", regexp.MustCompile(`client_secret (\S+)`).FindStringSubmatch(out)[1])
	s.keep(g.T, "code verifier", verifier)
	g.admin("user", "change", "admin", "--fhir-user", "Practitioner/d")
	scope := "launch/patient patient/Patient.rs patient/Observation.rs openid fhirUser offline_access"
	page := p.get("/auth/authorize?" + url.Values{"response_type": {"code"}, "client_id": {"web"}, "redirect_uri": {returnsTo}, "scope": {scope}, "state": {"a-state-of-the-app"}, "aud": {g.base},
		"code_challenge": {challenge}, "code_challenge_method": {"S256"}, "nonce": {"n"}}.Encode())
	found := p.get("/auth/patient?" + url.Values{"q": {s.about["name"]}, "request": {hiddenField(g.T, page, "request")}}.Encode())
	consent := p.send(found, "/auth/patient", "patient", "p")
	away := p.send(consent, "/auth/consent", "decision", "allow").away
	if away == nil {
		g.Fatal("no code: ", consent.status, consent.body)
	}
	s.browser(p)
	code := s.keep(g.T, "authorization code", away.Query().Get("code"))
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {returnsTo}, "code_verifier": {verifier}}
	first := s.tokens(g, "first", form)
	if got := g.status(first["access_token"], "GET", "/Patient/p", ""); got != 200 {
		g.Error("the app does not get in: ", got)
	}
	again := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {first["refresh_token"]}}
	second := s.tokens(g, "second", again)
	s.as(g, "web", "/auth/introspect", url.Values{"token": {second["access_token"]}})
	s.as(g, "web", "/auth/revoke", url.Values{"token": {second["access_token"]}})
	s.as(g, "web", "/auth/token", form) // the code, again
	s.as(g, "web", "/auth/token", again)
	return second["access_token"]
}

// hiddenField is the value of a hidden field of a page.
func hiddenField(t *testing.T, page sees, name string) string {
	t.Helper()
	for _, field := range fieldsOf.FindAllStringSubmatch(page.body, -1) {
		if field[2] == name {
			return field[3]
		}
	}
	t.Fatalf("no field %s (%d):\n%s", name, page.status, page.body)
	return ""
}

// as sends a form as a client with the secret.
func (s *secrets) as(g *guarded, client, path string, form url.Values) (int, map[string]any) {
	g.Helper()
	basic := s.keep(g.T, "credentials of a client", base64.StdEncoding.EncodeToString([]byte(client+":"+s.given["client secret"])))
	status, _, body, err := request(http.MethodPost, g.origin+path, form.Encode(), "Content-Type", "application/x-www-form-urlencoded", "Authorization", "Basic "+basic)
	if err != nil {
		g.Fatal(err)
	}
	var answer map[string]any
	if len(body) > 0 && json.Unmarshal(body, &answer) != nil {
		answer = nil
	}
	return status, answer
}

// tokens asks for tokens and keeps them.
func (s *secrets) tokens(g *guarded, which string, form url.Values) map[string]string {
	g.Helper()
	status, answer := s.as(g, "web", "/auth/token", form)
	if status != 200 {
		g.Fatal(which, status, answer)
	}
	tokens := map[string]string{}
	for _, name := range []string{"access_token", "refresh_token", "id_token"} {
		if text, ok := answer[name].(string); ok {
			tokens[name] = s.keep(g.T, which+" "+name, text)
		}
	}
	return tokens
}

// mistakes sends secrets to where they do not belong.
func (s *secrets) mistakes(g *guarded, ended, service string, rs firthtest.Signer) {
	g.Helper()
	lost := s.keep(g.T, "token sent to a wrong place", "firth_misplaced-token-of-somebody")
	for _, path := range []string{"/Patient?access_token=" + lost, "/Patient/p?token=" + lost + "&_pretty=true", "/Observation?client_secret=" + lost, "/nothing/of/that?password=" + lost} {
		g.status(lost, "GET", path, "")
		g.status(service, "GET", path, "")
	}
	g.status(ended, "GET", "/Patient/p", "")
	forged := rs.Assertion(g.T, g.origin, "nobody", "system/*.rs")
	s.keep(g.T, "assertion of nobody", forged.Get("client_assertion"))
	g.post("/auth/token", forged)
	g.post("/auth/token", url.Values{"grant_type": {"password"}, "username": {"admin"}, "password": {s.given["password"]}})
	g.post("/auth/introspect", url.Values{"token": {service}, "client_id": {"web"}, "client_secret": {s.keep(g.T, "wrong client secret", "not-the-secret-of-web")}})
	for _, ask := range []struct{ method, path, body string }{
		{"GET", "/auth/api/users", ""}, {"POST", "/auth/launch", `{"client_id":"web","patient":"p"}`}, {"POST", "/auth/register", `{"redirect_uris":["https://other.example/back"]}`},
		{"GET", "/auth/welcome?link=" + s.given["link of the administrator"], ""}, {"GET", "/auth/authorize?code=" + lost + "&client_id=web", ""},
	} {
		_, _, body, err := request(ask.method, g.origin+ask.path, ask.body, "Authorization", "Bearer "+service, "Content-Type", "application/json")
		if err != nil {
			g.Fatal(err)
		}
		var answer struct {
			Launch string `json:"launch"`
			Secret string `json:"client_secret"`
		}
		if json.Unmarshal(body, &answer) == nil {
			for what, value := range map[string]string{"launch": answer.Launch, "secret of a registered client": answer.Secret} {
				if value != "" {
					s.keep(g.T, what, value)
				}
			}
		}
	}
	out := g.admin("user", "add", "amy", "--fhir-user", "Patient/p")
	s.keep(g.T, "link of a user", regexp.MustCompile(`link=(\S+)`).FindStringSubmatch(out)[1])
	g.admin("user", "list")
	if status, _, _, err := request(http.MethodGet, g.base+"/AuditEvent?_count=50", "", "Authorization", "Bearer "+service); err != nil || status != 200 && status != 403 {
		g.Error("AuditEvents: ", status, err)
	}
}

// decodedQueries are the requests in events, as they were sent.
func decodedQueries(t *testing.T, ndjson string) string {
	t.Helper()
	var all strings.Builder
	for _, found := range regexp.MustCompile(`"query":"([^"]+)"`).FindAllStringSubmatch(ndjson, -1) {
		raw, err := base64.StdEncoding.DecodeString(found[1])
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString(string(raw) + "\n")
		if plain, err := url.QueryUnescape(string(raw)); err == nil {
			all.WriteString(plain + "\n")
		}
	}
	return all.String()
}

// kinds checks that the trail has one of each that could happen.
func (s *secrets) kinds(t *testing.T, exported string) {
	t.Helper()
	for _, code := range strings.Fields(`110120 110122 110123 110137 110131 110101 keys account-read audit-export consent ITI-71 ITI-102 revoke launch ingest
		create read vread update delete search-type search-system history-instance history-type history-system operation batch transaction`) {
		if !strings.Contains(exported, `"code":"`+code+`"`) {
			t.Errorf("no event of kind %s", code)
		}
	}
	if !strings.Contains(exported, "Patient?name="+s.about["name"]) { // the picker's, and that of a search
		t.Error("who was searched for is not in the trail")
	}
}
