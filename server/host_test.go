package server

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestHost(t *testing.T) {
	const refused = "this server runs without authorization and answers requests to this machine only (localhost, 127.0.0.1, [::1] or the host of its base URL), not to "
	tests := []struct {
		host string
		ok   bool
	}{
		{"127.0.0.1", true}, {"127.0.0.1:8080", true}, {"127.9.9.9:1", true}, {"localhost", true}, {"LOCALHOST:8080", true}, {"[::1]", true}, {"[::1]:8080", true},
		{"fhir.example", true}, {"FHIR.example:444", true},
		{"evil.example", false}, {"evil.example:8080", false}, {"localhost.evil.example", false}, {"fhir.example.evil.example", false}, {"10.0.0.1:8080", false},
		{"127.0.0.1.evil.example", false}, {"0.0.0.0:8080", false}, {"localhost@evil.example", false},
	}
	f := newFixture(t, func(c *Config) { c.BaseURL, c.OwnHostsOnly = "https://fhir.example:8443/fhir", true })
	open := newFixture(t)
	for _, tt := range tests {
		t.Run(tt.host, func(t *testing.T) {
			for _, path := range []string{"/fhir/Patient", "/metrics", "/healthz", "/ingest", "/none"} {
				status, body := askHost(t, f.url+path, tt.host)
				isRefused := status == http.StatusMisdirectedRequest && strings.HasPrefix(body, `{"resourceType":"OperationOutcome"`) && strings.Contains(body, refused)
				if isRefused == tt.ok {
					t.Errorf("%s: %d %.200s", path, status, body)
				}
			}
			if status, body := askHost(t, open.url+"/fhir/Patient", tt.host); status != http.StatusOK {
				t.Errorf("without the check: %d %.200s", status, body)
			}
		})
	}
	t.Run("preflight", func(t *testing.T) {
		r, err := http.NewRequest(http.MethodOptions, f.base+"/Patient", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = "evil.example"
		r.Header = http.Header{"Origin": {"http://evil.example"}, "Access-Control-Request-Method": {"PUT"}}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := response.Body.Close(); err != nil {
			t.Fatal(err)
		}
		if got := response.Header.Get("Access-Control-Allow-Origin"); response.StatusCode != http.StatusMisdirectedRequest || got != "" {
			t.Errorf("%d, allowed %q", response.StatusCode, got)
		}
	})
}

// askHost sends a GET with a Host of its own.
func askHost(t *testing.T, address, host string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(data)
}
