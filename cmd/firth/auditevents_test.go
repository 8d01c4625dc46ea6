package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/auth/smart/events"
	"github.com/firth-health/firth/internal/config"
)

// told is what a line of an export says: subtypes, outcome, who, what, and in which words.
func told(t *testing.T, line string) string {
	t.Helper()
	var e struct {
		Subtype []struct{ Code string }
		Outcome string
		Agent   []struct {
			Requestor bool
			Who       struct {
				Reference  string
				Identifier struct{ Value string }
			}
		}
		Entity []struct {
			What        struct{ Reference string }
			Description string
			Detail      []struct{ ValueString string }
		}
	}
	if err := json.Unmarshal([]byte(line), &e); err != nil {
		t.Fatal(err)
	}
	text := e.Subtype[len(e.Subtype)-1].Code + " " + e.Outcome
	for _, a := range e.Agent {
		if a.Requestor {
			text += " by " + a.Who.Identifier.Value
		}
	}
	for _, entity := range e.Entity {
		for _, part := range append([]string{entity.What.Reference, entity.Description}, detailsOf(entity.Detail)...) {
			if part != "" && part != "#outcome" {
				text += " | " + part
			}
		}
	}
	return text
}

func detailsOf(details []struct{ ValueString string }) (list []string) {
	for _, d := range details {
		list = append(list, d.ValueString)
	}
	return list
}

// TestAdministrationIsAudited changes and lists users and apps by commands, and comes to the administration and to endpoints of the authorization server without leave: each is in the trail, with who and what.
func TestAdministrationIsAudited(t *testing.T) {
	data := filepath.Join(shortDir(t), "data")
	c := config.Defaults()
	c.Store, c.Listen, c.LogLevel = data, "127.0.0.1:0", slog.LevelError
	r, err := start(context.WithoutCancel(t.Context()), c, logger(c), listenExactly)
	if err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) string {
		t.Helper()
		stdout, stderr, code := firth(t, "", append(args, "--store", data, "--log-level", "error")...)
		if code != 0 {
			t.Fatal(args, stderr)
		}
		return stdout
	}
	run("user", "add", "amy", "--fhir-user", "Patient/amy")
	run("user", "list")
	run("user", "disable", "amy")
	run("client", "add", "web", "--name", "Web", "--type", "symmetric", "--redirect", "https://web.example/back")
	run("client", "change", "web", "--redirect", "https://web.example/new", "--scopes", "patient/Observation.rs")
	run("client", "secret", "web")
	origin := strings.TrimSuffix(r.base, "/fhir")
	for _, request := range []struct {
		path string
		form url.Values
	}{
		{"/auth/api/users", nil}, {"/auth/introspect", url.Values{"token": {"x"}, "client_id": {"web"}, "client_secret": {"wrong"}}}, {"/auth/revoke", url.Values{"token": {"x"}}},
	} {
		post(t, origin+request.path, request.form, "request-of"+strings.ReplaceAll(request.path, "/", "-"))
	}
	lines := strings.Split(strings.TrimSpace(run("audit", "export")), "\n")
	slices.Reverse(lines)
	me := machineUser()
	want := []string{
		"110120 0 by http://" + r.address() + "/fhir", "keys 0", "110131 0", "110137 0 by " + me + " | account amy: created", "110137 0 by " + me + " | account amy: link to set the password made",
		"account-read 0 by " + me + " | auth/api/users", "110137 0 by " + me + " | account amy: changed: disabled", "110137 0 by " + me + " | client web: created",
		"110137 0 by " + me + " | client web: changed: redirectUris, scopes", "110137 0 by " + me + " | client web: secret replaced",
		"110137 4 by  | refused: GET /auth/api/users", "ITI-102 4 by  | refused: POST /auth/introspect", "revoke 4 by  | refused: POST /auth/revoke", "audit-export 0 by " + me + " | AuditEvent | NDJSON by command",
	}
	rest := lines
	for _, w := range want {
		i := slices.IndexFunc(rest, func(line string) bool { return strings.HasPrefix(told(t, line), w) })
		if i < 0 {
			var all []string
			for _, line := range lines {
				all = append(all, told(t, line))
			}
			t.Fatalf("%q is not there, or not in order, in\n%s", w, strings.Join(all, "\n"))
		}
		rest = rest[i+1:]
	}
	if all := strings.Join(lines, "\n"); !strings.Contains(all, "request-of-auth-introspect") || strings.Contains(all, "wrong") {
		t.Error(all)
	}
	if err := r.stop(); err != nil {
		t.Error(err)
	}
}

// post sends a form, or without one gets a page.
func post(t *testing.T, address string, form url.Values, requestID string) {
	t.Helper()
	method := http.MethodGet
	if form != nil {
		method = http.MethodPost
	}
	request, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set(requestIDHeader, requestID)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	if got := response.Header.Get(requestIDHeader); response.StatusCode != http.StatusUnauthorized || got != requestID {
		t.Errorf("%s: %d, request %q", address, response.StatusCode, got)
	}
}

// TestAuditEventOf says of events of the authorization server what the trail makes of them.
func TestAuditEventOf(t *testing.T) {
	const issuer = "https://ehr.example"
	for _, test := range []struct {
		name        string
		event       events.Event
		interaction string
		query       string
		detail      string
		patients    []string
		claims      *auth.Claims
	}{
		{"patients to choose from", events.Event{Type: events.PatientsShown, Client: "app", Account: "1", Login: "doctor", FHIRUser: "Practitioner/d", Patients: []string{"a", "b"}, Request: "Patient?name=x"},
			"search-type", "Patient?name=x", "", []string{"a", "b"}, &auth.Claims{Issuer: issuer, Subject: "1", Client: "app", FHIRUser: "Practitioner/d"}},
		{"the name of a patient", events.Event{Type: events.PatientShown, Client: "app", Account: "1", Patient: "a"}, "read", "", "", []string{"a"}, &auth.Claims{Issuer: issuer, Subject: "1", Client: "app", Patient: "a"}},
		{"an administrator changes an account", events.Event{Type: events.Account, By: "boss", Account: "1", Login: "amy", FHIRUser: "Patient/amy", Detail: "changed"},
			"account", "", "account amy: changed", nil, &auth.Claims{Issuer: issuer, Subject: "boss"}},
		{"a token", events.Event{Type: events.TokenIssued, Client: "app", Account: "1", TokenID: "j", Scope: "user/*.rs", Request: "grant_type=x"}, "token", "auth/token?grant_type=x", "token-issued: user/*.rs", nil,
			&auth.Claims{Issuer: issuer, Subject: "1", Client: "app", TokenID: "j", Scope: "user/*.rs"}},
		{"a key", events.Event{Type: events.KeyMade, Detail: "key 2"}, "keys", "", "key-made: key 2", nil, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := auditEvent(test.event, issuer)
			if got.Interaction != test.interaction || got.Query != test.query || got.Detail != test.detail || !got.Durable || got.Status != http.StatusOK {
				t.Errorf("%+v", got)
			}
			if diff := cmp.Diff(test.patients, got.Patients) + cmp.Diff(test.claims, got.Claims); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestAdapterChanges says what becomes of adapters between one start and the next.
func TestAdapterChanges(t *testing.T) {
	got := adapterChanges(map[string]string{"a": "1", "b": "1", "c": "2"}, map[string]string{"b": "1", "c": "3", "d": "1"})
	want := []string{"adapter a withdrawn, version 1", "adapter c changed from version 2 to 3", "adapter d published, version 1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestCommandsAreAudited imports into, copies and backs up a store that has a trail: each is in it, the copy as a disclosure about each patient, and the trail stays whole. Without the key nothing is added.
func TestCommandsAreAudited(t *testing.T) {
	dir, keys := trailOnDisk(t)
	file := filepath.Join(t.TempDir(), "p.ndjson")
	if err := os.WriteFile(file, []byte(`{"resourceType":"Patient","id":"p1"}`+"\n"+`{"resourceType":"Patient","id":"p9"}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) string {
		t.Helper()
		stdout, stderr, code := firth(t, "", append(args, "--keys", keys)...)
		if code != 0 {
			t.Fatal(args, stdout, stderr)
		}
		return stdout
	}
	target := filepath.Join(t.TempDir(), "copy")
	run("import", "--store", dir, file)
	run("store", "copy", dir, target)
	for _, s := range []string{dir, target} {
		if out := run("audit", "verify", "--store", s); !strings.HasSuffix(out, "intact\n") {
			t.Error(out)
		}
	}
	run("store", "backup", "--store", dir, filepath.Join(t.TempDir(), "backup"))
	var got []string
	for _, line := range strings.Split(strings.TrimSpace(run("audit", "export", "--store", dir)), "\n") {
		if text := told(t, line); strings.Contains(text, " | firth import ") || strings.Contains(text, " | firth store ") {
			got = append(got, strings.ReplaceAll(strings.ReplaceAll(text, filepath.Dir(dir), "DIR"), "by "+machineUser(), "by ME"))
		}
	}
	slices.Reverse(got)
	if len(got) == 4 {
		slices.Sort(got[1:3]) // patients are in the order in which they were imported
	}
	if len(got) != 4 || !strings.HasPrefix(got[0], "import 0 by ME | firth import ") || !strings.HasSuffix(got[1], " | Patient/p1 | everything, history included") || !strings.Contains(got[2], "Patient/p9") || !strings.HasPrefix(got[2], "disclose 0 by ME | firth store copy DIR/data") ||
		!strings.HasPrefix(got[3], "disclose 0 by ME | firth store backup ") {
		t.Error(strings.Join(got, "\n"))
	}
	_, stderr, code := firth(t, "", "import", "--store", dir, "--keys", filepath.Join(t.TempDir(), "none"), file)
	if code != 0 {
		t.Error(stderr)
	}
	if out := run("audit", "verify", "--store", dir); !strings.HasSuffix(out, "intact\n") {
		t.Error(out)
	}
}
