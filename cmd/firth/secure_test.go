package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/internal/config"
)

// TestEndpointsDeclared: the CapabilityStatement names the endpoints that the SMART configuration names, that of registration where clients may register themselves.
func TestEndpointsDeclared(t *testing.T) {
	for _, registration := range []bool{false, true} {
		t.Run(fmt.Sprint("registration ", registration), func(t *testing.T) {
			c := config.Defaults()
			c.Store, c.Listen, c.Registration, c.LogLevel = t.TempDir(), "127.0.0.1:0", registration, slog.LevelError
			r, err := start(context.WithoutCancel(t.Context()), c, logger(c), listenExactly)
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := r.stop(); err != nil {
					t.Error(err)
				}
			}()
			var smart map[string]any
			fetch(t, r.base+"/.well-known/smart-configuration", &smart)
			want := map[string]any{}
			for member, relation := range map[string]string{"authorization_endpoint": "authorize", "token_endpoint": "token", "introspection_endpoint": "introspect", "revocation_endpoint": "revoke", "registration_endpoint": "register", "management_endpoint": "manage"} {
				if at, ok := smart[member]; ok {
					want[relation] = at
				}
			}
			var statement struct {
				Rest []struct {
					Security struct {
						Extension []struct {
							Extension []struct{ URL, ValueURI string }
						}
					}
				}
			}
			fetch(t, r.base+"/metadata", &statement)
			got := map[string]any{}
			for _, uri := range statement.Rest[0].Security.Extension[0].Extension {
				got[uri.URL] = uri.ValueURI
			}
			if _, has := got["register"]; has != registration {
				t.Errorf("register: %v", has)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-SMART configuration +CapabilityStatement):\n%s", diff)
			}
		})
	}
}

// fetch reads JSON.
func fetch(t *testing.T, url string, into any) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(response.Body)
	if err != nil || json.Unmarshal(data, into) != nil {
		t.Errorf("%s: %d %v %s", url, response.StatusCode, err, data)
	}
	if err := response.Body.Close(); err != nil {
		t.Error(err)
	}
}
