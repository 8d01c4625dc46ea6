package server

import (
	"context"
	"strings"
	"testing"
)

func TestCORS(t *testing.T) {
	const app = "https://app.example"
	from := []string{"Origin", app}
	preflight := []string{"Origin", app, "Access-Control-Request-Method", "PUT", "Access-Control-Request-Headers", "authorization,if-match"}
	allowed := []string{"Access-Control-Allow-Methods: " + corsMethods, "Access-Control-Allow-Headers: " + corsRequest, "Access-Control-Max-Age: 7200",
		"Access-Control-Allow-Credentials:", "Content-Type:"}
	t.Run("any origin", func(t *testing.T) {
		f := newFixture(t)
		f.run(t, []step{
			{name: "preflight", method: "OPTIONS", path: "/Patient/p", headers: preflight, status: 204, want: append([]string{"Access-Control-Allow-Origin: *"}, allowed...)},
			{name: "preflight of the base", method: "OPTIONS", path: "", headers: preflight, status: 204, want: []string{"Access-Control-Allow-Origin: *"}},
			{name: "create", method: "POST", path: "/Patient", headers: from, body: `{"resourceType":"Patient"}`, status: 201, answer: "*",
				want: []string{"Access-Control-Allow-Origin: *", "Access-Control-Expose-Headers: " + corsExposed, "Access-Control-Allow-Methods:"}},
			{name: "refusal", method: "GET", path: "/Patient/none", headers: from, status: 404, answer: "*", want: []string{"Access-Control-Allow-Origin: *"}},
			{name: "metadata", method: "GET", path: "/metadata", headers: from, status: 200, answer: "*", want: []string{"Access-Control-Allow-Origin: *"}},
			{name: "without an origin", method: "GET", path: "/Patient/none", status: 404, answer: "*", want: []string{"Access-Control-Allow-Origin:", "Vary: Accept"}},
			{name: "OPTIONS that is no preflight", method: "OPTIONS", path: "/Patient/p", headers: from, status: 405, answer: "*"},
			{name: "elsewhere", method: "GET", path: f.url + "/healthz", headers: from, status: 200, answer: "ok\n", want: []string{"Access-Control-Allow-Origin:"}},
			{name: "elsewhere with the same beginning", method: "GET", path: f.url + "/fhirs", headers: from, status: 404, answer: "*", want: []string{"Access-Control-Allow-Origin:"}},
		})
	})
	t.Run("listed origins", func(t *testing.T) {
		f := newFixture(t, func(c *Config) { c.Origins = []string{app} })
		foreign := []string{"Origin", "https://evil.example"}
		f.run(t, []step{
			{name: "preflight", method: "OPTIONS", path: "/Patient/p", headers: preflight, status: 204, want: append([]string{"Access-Control-Allow-Origin: " + app, "Vary: Origin"}, allowed...)},
			{name: "search", method: "GET", path: "/Patient", headers: from, status: 200, answer: "*", want: []string{"Access-Control-Allow-Origin: " + app, "Vary: Origin, Accept"}},
			{name: "foreign preflight", method: "OPTIONS", path: "/Patient/p", headers: append([]string{"Access-Control-Request-Method", "PUT"}, foreign...), status: 204,
				want: []string{"Access-Control-Allow-Origin:", "Access-Control-Allow-Methods:", "Vary: Origin"}},
			{name: "foreign search", method: "GET", path: "/Patient", headers: foreign, status: 200, answer: "*", want: []string{"Access-Control-Allow-Origin:", "Vary: Origin, Accept"}},
			{name: "metadata is for all", method: "GET", path: "/metadata", headers: foreign, status: 200, answer: "*", want: []string{"Access-Control-Allow-Origin: *"}},
		})
	})
	t.Run("origins of clients", func(t *testing.T) {
		f := newFixture(t, func(c *Config) {
			c.ClientOrigins = func(_ context.Context, origin string) bool { return origin == app }
		})
		f.run(t, []step{
			{name: "preflight", method: "OPTIONS", path: "/Patient/p", headers: preflight, status: 204, want: append([]string{"Access-Control-Allow-Origin: " + app, "Vary: Origin"}, allowed...)},
			{name: "foreign search", method: "GET", path: "/Patient", headers: []string{"Origin", "https://evil.example"}, status: 200, answer: "*", want: []string{"Access-Control-Allow-Origin:", "Vary: Origin, Accept"}},
		})
	})
	t.Run("loopback origins", func(t *testing.T) {
		f := newFixture(t, func(c *Config) { c.Origins = []string{LoopbackOrigins} })
		var steps []step
		for origin, answer := range map[string]string{
			"http://localhost:3000": "http://localhost:3000", "http://127.0.0.1": "http://127.0.0.1", "http://[::1]:8080": "http://[::1]:8080",
			"https://localhost.evil.example": "", "http://127.0.0.1.evil.example": "", "null": "", "https://app.example": "", "http://%zz": "",
		} {
			steps = append(steps, step{name: origin, method: "GET", path: "/Patient", headers: []string{"Origin", origin}, status: 200, answer: "*",
				want: []string{strings.TrimSpace("Access-Control-Allow-Origin: " + answer)}})
		}
		f.run(t, steps)
	})
}
