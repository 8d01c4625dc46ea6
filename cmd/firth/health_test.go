package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestHealth(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/readyz" {
			http.Error(w, "shutting down", http.StatusServiceUnavailable)
		}
	}))
	address := strings.TrimPrefix(server.URL, "http://")
	_, port, _ := strings.Cut(address, ":")
	tests := []struct {
		name string
		args []string
		code int
		want string // on the standard error
	}{
		{name: "well", args: []string{"health", "--listen", address}},
		{name: "on every interface", args: []string{"health", "--listen", "0.0.0.0:" + port}},
		{name: "on every interface by no name", args: []string{"health", "--listen", ":" + port}},
		{name: "not ready", args: []string{"health", "--ready", "--listen", address}, code: exitFailed,
			want: "firth: http://" + address + "/readyz answers 503 Service Unavailable: shutting down\n"},
		{name: "address", args: []string{"health", "--listen", "nowhere"}, code: exitUsage,
			want: "firth: --listen: \"nowhere\" is not HOST:PORT\nfirth: see firth --help, or --help behind a command\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			stdout, stderr, code := firth(t, "", tt.args...)
			if code != tt.code || stdout != "" || stderr != tt.want {
				t.Errorf("exit %d, %q, %q; want %d, %q", code, stdout, stderr, tt.code, tt.want)
			}
		})
	}
	server.Close()
	if _, stderr, code := firth(t, "", "health", "--listen", address); code != exitFailed || !strings.Contains(stderr, "refused") {
		t.Errorf("nobody listens: exit %d, %q", code, stderr)
	}
}

func TestReachable(t *testing.T) {
	for address, want := range map[string]string{"127.0.0.1:1": "127.0.0.1:1", "[::]:1": "[::1]:1", "localhost:1": "localhost:1", ":1": "127.0.0.1:1", "0.0.0.0:1": "127.0.0.1:1", "10.0.0.1:1": "10.0.0.1:1"} {
		if got := reachable(address); got != want {
			t.Errorf("reachable(%q) = %q, want %q", address, got, want)
		}
	}
}
