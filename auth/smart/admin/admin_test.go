package admin_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/auth/smart/accounts"
	"github.com/firth-health/firth/auth/smart/admin"
	"github.com/firth-health/firth/auth/smart/clients"
	"github.com/firth-health/firth/auth/smart/events"
	"github.com/firth-health/firth/auth/smart/passwords"
	"github.com/firth-health/firth/auth/smart/sealed"
	"github.com/firth-health/firth/auth/smart/totp"
	"github.com/firth-health/firth/store"
	"github.com/firth-health/firth/store/pebble"
)

// site is the API on a store of its own.
type site struct {
	*testing.T
	url      string
	accounts *accounts.Accounts
	clients  *clients.Clients
	told     []string
}

func newSite(t *testing.T) *site {
	t.Helper()
	embedded, err := pebble.Open("", pebble.Options{InMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := embedded.Close(); err != nil {
			t.Error(err)
		}
	})
	box, err := sealed.NewBox(make([]byte, sealed.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	s := &site{T: t}
	state := store.Unwrap(embedded).(store.State)
	clock := func() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) }
	tell := func(_ context.Context, e events.Event) {
		s.told = append(s.told, strings.Join([]string{e.By, string(e.Type), e.Login + e.Client, e.Detail}, " "))
	}
	s.accounts = accounts.New(accounts.Options{State: state, Box: box, Hasher: passwords.NewHasher(passwords.Options{}), Clock: clock, Events: tell})
	s.clients = clients.New(clients.Options{State: state, Clock: clock, Events: tell})
	handler := admin.New(admin.Options{Accounts: s.accounts, Clients: s.clients, LinkURL: func(secret string) string { return "https://h/" + secret }, Actor: func(r *http.Request) (string, error) {
		if r.Header.Get("X-Who") == "" {
			return "", &admin.Error{Status: http.StatusForbidden, Why: "who are you?"}
		}
		return r.Header.Get("X-Who"), nil
	}})
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// do sends a request and returns the answer, without what changes from run to run.
func (s *site) do(who, method, path, body string) (int, map[string]any) {
	s.Helper()
	request, err := http.NewRequestWithContext(s.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	request.Header.Set("X-Who", who)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		s.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		s.Fatal(err)
	}
	var answer any
	if len(data) > 0 {
		if err := json.Unmarshal(data, &answer); err != nil {
			s.Fatal(err, string(data))
		}
	}
	all, ok := answer.(map[string]any)
	if !ok {
		all = map[string]any{"list": answer}
	}
	for _, name := range []string{"secret", "link"} {
		if text, has := all[name].(string); has && len(text) > 20 {
			all[name] = "given"
		}
	}
	if _, isUser := all["login"]; isUser {
		delete(all, "id")
	}
	return response.StatusCode, all
}

type object = map[string]any

func TestAPI(t *testing.T) {
	s := newSite(t)
	const at = "2026-11-21T12:00:00Z"
	for _, step := range []struct {
		name, method, path, body string
		status                   int
		want                     object
	}{
		{"no users", "GET", "/users", "", 200, object{"list": []any{}}},
		{"a user", "POST", "/users", `{"login":"Dr.No","name":"Dr. No","fhirUser":"Practitioner/no"}`, 201, object{"login": "dr.no", "name": "Dr. No", "fhirUser": "Practitioner/no", "created": at, "link": "given"}},
		{"again", "POST", "/users", `{"login":"dr.no"}`, 409, object{"error": "an account with this name exists"}},
		{"not a user", "POST", "/users", `{"login":"x","fhirUser":"Observation/1"}`, 400, object{"error": "not a valid account: the user's resource must be a Patient, Practitioner, PractitionerRole, RelatedPerson or Person, such as Practitioner/1"}},
		{"unknown member", "POST", "/users", `{"login":"x","password":"secret"}`, 400, object{"error": `the body: json: unknown field "password"`}},
		{"no JSON", "POST", "/users", `login=x`, 400, object{"error": "the body: invalid character 'l' looking for beginning of value"}},
		{"two values", "POST", "/users", `{"login":"x"}{}`, 400, object{"error": "the body: more than one JSON value"}},
		{"one", "GET", "/users/dr.no", "", 200, object{"login": "dr.no", "name": "Dr. No", "fhirUser": "Practitioner/no", "created": at}},
		{"change", "PATCH", "/users/dr.no", `{"name":"No","patients":["p1"],"disabled":true}`, 200, object{"login": "dr.no", "name": "No", "fhirUser": "Practitioner/no", "patients": []any{"p1"}, "disabled": true, "created": at}},
		{"one-time codes on", "PATCH", "/users/dr.no", `{"hasOneTimeCodes":true}`, 400, object{"error": "one-time codes are turned on by the person who has the device"}},
		{"change of another", "PATCH", "/users/x", `{}`, 404, object{"error": "no such account"}},
		{"emergency access", "PATCH", "/users/dr.no", `{"breakGlass":true}`, 200, object{"login": "dr.no", "name": "No", "fhirUser": "Practitioner/no", "patients": []any{"p1"}, "disabled": true, "breakGlass": true, "created": at}},
		{"emergency access of a patient", "PATCH", "/users/dr.no", `{"fhirUser":"Patient/no"}`, 400, object{"error": "not a valid account: emergency access is for those who treat, not for a Patient or RelatedPerson"}},
		{"a device", "POST", "/clients", `{"id":"dev","name":"Dev","type":"certificate","certificates":["bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg0"],"ingestWithoutToken":true,"scopes":"system/Observation.c"}`, 201,
			object{"id": "dev", "name": "Dev", "type": "certificate", "scopes": "system/Observation.c", "certificates": []any{"bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg0"}, "ingestWithoutToken": true, "created": at}},
		{"a device with a file that is none", "POST", "/clients", `{"id":"dev2","name":"Dev","type":"certificate","certificates":["x"]}`, 400, object{"error": "certificates: want one certificate, as PEM or DER, or its thumbprint"}},
		{"another certificate", "PATCH", "/clients/dev", `{"certificates":[],"certificateName":"dns:dev.example","ingestWithoutToken":false}`, 200,
			object{"id": "dev", "name": "Dev", "type": "certificate", "scopes": "system/Observation.c", "certificateName": "dns:dev.example", "created": at}},
		{"link", "POST", "/users/dr.no/link", "", 201, object{"link": "given"}},
		{"an app", "POST", "/clients", `{"id":"app","name":"App","type":"public","redirectUris":["https://app.example/back"]}`, 201, object{"id": "app", "name": "App", "type": "public", "redirectUris": []any{"https://app.example/back"}, "created": at}},
		{"a confidential one", "POST", "/clients", `{"id":"web","name":"Web","type":"symmetric","redirectUris":["https://web.example/back"]}`, 201,
			object{"id": "web", "name": "Web", "type": "symmetric", "redirectUris": []any{"https://web.example/back"}, "created": at, "secret": "given"}},
		{"another secret", "POST", "/clients/web/secret", "", 201, object{"secret": "given"}},
		{"no secret", "POST", "/clients/app/secret", "", 400, object{"error": "not a valid client: only symmetric clients have a secret"}},
		{"again", "POST", "/clients", `{"id":"app","name":"App","type":"public","redirectUris":["https://app.example/back"]}`, 409, object{"error": "a client with this id exists"}},
		{"change", "PATCH", "/clients/app", `{"name":"Other"}`, 200, object{"id": "app", "name": "Other", "type": "public", "redirectUris": []any{"https://app.example/back"}, "created": at}},
		{"delete", "DELETE", "/clients/web", "", 204, object{"list": nil}},
		{"gone", "GET", "/clients/web", "", 404, object{"error": "no such client"}},
		{"no such list", "GET", "/groups", "", 404, object{"error": "there is nothing at this address of the API"}},
		{"accounts are not deleted", "DELETE", "/users/dr.no", "", 405, object{"error": "DELETE cannot be done here; allowed: GET, HEAD, PATCH"}},
	} {
		status, got := s.do("cli", step.method, step.path, step.body)
		if status != step.status {
			t.Errorf("%s: status %d", step.name, status)
		}
		if diff := cmp.Diff(step.want, got); diff != "" {
			t.Errorf("%s: %s", step.name, diff)
		}
	}
	if status, got := s.do("", "GET", "/users", ""); status != 403 || got["error"] != "who are you?" {
		t.Error(status, got)
	}
	want := []string{"cli account dr.no created", "cli account dr.no link to set the password made", "cli account dr.no changed: disabled, name, patients", "cli account dr.no changed: breakGlass", "cli client dev created", "cli client dev changed: certificateName, certificates, ingestWithoutToken", "cli account dr.no link to set the password made",
		"cli client app created", "cli client web created", "cli client web secret replaced", "cli client app changed: name", "cli client web deleted"}
	if diff := cmp.Diff(want, s.told); diff != "" {
		t.Error(diff)
	}
}

// TestLostDevice turns off the one-time codes of somebody who cannot show one any more.
func TestLostDevice(t *testing.T) {
	s := newSite(t)
	account, err := s.accounts.Create(t.Context(), accounts.Account{Login: "dr.no"})
	if err != nil {
		t.Fatal(err)
	}
	secret, err := s.accounts.BeginTOTP(t.Context(), account.ID)
	if err != nil {
		t.Fatal(err)
	}
	code, err := totp.Code(secret, totp.Step(time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.accounts.ConfirmTOTP(t.Context(), account.ID, code); err != nil {
		t.Fatal(err)
	}
	if status, got := s.do("cli", "PATCH", "/users/dr.no", `{"hasOneTimeCodes":false}`); status != http.StatusOK || got["hasOneTimeCodes"] != nil {
		t.Errorf("%d %v", status, got)
	}
	if got := s.told[len(s.told)-2]; got != "cli account dr.no one-time codes turned off" {
		t.Error(got)
	}
}
