package smart_test

import (
	"strings"
	"testing"
)

// TestUnrouted: what no route is for is answered in the form of who asks.
func TestUnrouted(t *testing.T) {
	s := newSite(t, nil)
	for _, test := range []struct {
		name, method, path, accept string
		status                     int
		allow, contentType, body   string
	}{
		{"unknown to a program", "GET", "/auth/nope", "", 404, "", "application/json", `{"error":"invalid_request","error_description":"there is nothing at this address; /.well-known/smart-configuration names the endpoints"}`},
		{"unknown to a browser", "GET", "/auth/nope", "text/html,*/*;q=0.8", 404, "", "text/html; charset=utf-8", "There is no page at this address."},
		{"wrong method", "GET", "/auth/token", "*/*", 405, "OPTIONS, POST", "application/json", `{"error":"invalid_request","error_description":"GET cannot be done here; allowed: OPTIONS, POST"}`},
		{"wrong method in a browser", "GET", "/auth/logout", "text/html", 405, "POST", "text/html; charset=utf-8", "This page cannot be asked for like that."},
		{"no registration", "POST", "/auth/register", "", 404, "", "application/json", `{"error":"invalid_request","error_description":"there is nothing at this address; /.well-known/smart-configuration names the endpoints"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := s.request(test.method, test.path, "", "Accept", test.accept)
			if got.status != test.status || got.header.Get("Allow") != test.allow || got.header.Get("Content-Type") != test.contentType || !strings.Contains(got.body, test.body) {
				t.Errorf("%d %v %s", got.status, got.header, got.body)
			}
			if got.header.Get("Cache-Control") != "no-store" {
				t.Errorf("it may be kept: %v", got.header)
			}
		})
	}
}
