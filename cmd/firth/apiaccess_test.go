package main

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAPIAccess lets services ask for what is beside FHIR. Accounts and clients are for who has the right firth/accounts, whatever else a token gives; who has not is not told which there are.
func TestAPIAccess(t *testing.T) {
	ca := issue(t, nil, "ca")
	s := serveMutual(t, ca)
	s.run("user", "add", "amy", "--fhir-user", "Patient/amy")
	callers := map[string]string{"administration": "firth/accounts", "adapters": "firth/adapters", "everything": "system/*.cruds system/AuditEvent.rs", "gateway": "system/Observation.c", "readers": "system/Observation.rs"}
	clients, tokens := map[string]*http.Client{"nobody": s.as(nil)}, map[string]string{}
	for name, scopes := range callers {
		own := issue(t, nil, name)
		own.save(t, filepath.Join(s.dir, name+".pem"))
		s.run("client", "add", name, "--name", name, "--certificate", filepath.Join(s.dir, name+".pem"), "--scopes", scopes)
		clients[name] = s.as(own)
		status, token := s.token(clients[name], name, scopes)
		if status != http.StatusOK {
			t.Fatalf("a token for %s: %d", name, status)
		}
		tokens[name] = token
	}
	for _, tt := range []struct{ method, path, allowed string }{
		{http.MethodGet, "/auth/api/users", "administration"}, {http.MethodGet, "/auth/api/users/amy", "administration"}, {http.MethodGet, "/auth/api/users/ben", ""}, {http.MethodPost, "/auth/api/users", ""},
		{http.MethodPatch, "/auth/api/users/amy", ""}, {http.MethodPatch, "/auth/api/users/ben", ""}, {http.MethodPost, "/auth/api/users/ben/link", ""}, {http.MethodGet, "/auth/api/clients", "administration"},
		{http.MethodGet, "/auth/api/clients/gateway", "administration"}, {http.MethodGet, "/auth/api/clients/none", ""}, {http.MethodPost, "/auth/api/clients", ""}, {http.MethodDelete, "/auth/api/clients/none", ""},
		{http.MethodPost, "/auth/api/clients/none/secret", ""}, {http.MethodPost, "/auth/launch", ""}, {http.MethodGet, "/ingest", "adapters everything gateway"}, {http.MethodGet, "/fhir/Observation", "everything readers"}, {http.MethodPost, "/ingest/none", ""},
		{http.MethodPost, "/fhir/$reindex", "everything"}, {http.MethodGet, "/fhir/AuditEvent", "everything"},
	} {
		for name, client := range clients {
			var headers []string
			if name != "nobody" {
				headers = []string{"Authorization", "Bearer " + tokens[name]}
			}
			status, answer := s.send(client, tt.method, tt.path, "application/json", "", headers...)
			isAccounts := strings.HasPrefix(tt.path, "/auth/")
			switch {
			case name == "nobody" && status != http.StatusUnauthorized, strings.Contains(" "+tt.allowed+" ", " "+name+" ") && status >= 300:
				t.Errorf("%s %s by %s: %d %v", tt.method, tt.path, name, status, answer)
			case isAccounts && name != "nobody" && name != "administration" && status != http.StatusForbidden, isAccounts && name == "administration" && (status == http.StatusForbidden || status == http.StatusUnauthorized):
				t.Errorf("%s %s by %s: %d %v", tt.method, tt.path, name, status, answer)
			case tt.allowed != "" && name != "nobody" && !strings.Contains(" "+tt.allowed+" ", " "+name+" ") && status != http.StatusForbidden:
				t.Errorf("%s %s by %s: %d %v", tt.method, tt.path, name, status, answer)
			}
		}
	}
	told := func(name, path string) string {
		status, answer := s.send(clients[name], http.MethodGet, path, "", "", "Authorization", "Bearer "+tokens[name])
		text, err := json.Marshal(answer)
		if err != nil {
			t.Fatal(err)
		}
		return http.StatusText(status) + string(text)
	}
	for name := range callers {
		for there, absent := range map[string]string{"/auth/api/users/amy": "/auth/api/users/ben", "/auth/api/clients/gateway": "/auth/api/clients/none"} {
			if diff := cmp.Diff(told(name, absent), told(name, there)); diff != "" && name != "administration" {
				t.Errorf("%s learns of %s (-what is not there +what is)\n%s", name, there, diff)
			}
		}
	}
}
