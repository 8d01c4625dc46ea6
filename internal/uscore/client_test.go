package uscore

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/firth-health/firth/fhir/spec"
	"github.com/firth-health/firth/internal/teststore"
	fhirsearch "github.com/firth-health/firth/search"
	"github.com/firth-health/firth/server"
)

// client talks to one server.
type client struct{ base string }

// newClient starts the REST API on an empty store on loopback.
func newClient(t *testing.T, validation server.Validation) *client {
	t.Helper()
	definitions, err := spec.R4()
	if err != nil {
		t.Fatal(err)
	}
	listener := httptest.NewUnstartedServer(nil)
	base := "http://" + listener.Listener.Addr().String() + "/fhir"
	registry, err := fhirsearch.NewRegistry(definitions, fhirsearch.Options{BaseURL: base, References: true})
	if err != nil {
		t.Fatal(err)
	}
	kept := teststore.Open(t, teststore.Options{})
	api, err := server.New(server.Config{Store: kept, Search: registry, Definitions: definitions, BaseURL: base, Validation: validation})
	if err != nil {
		t.Fatal(err)
	}
	listener.Config.Handler = api.Handler()
	listener.Start()
	t.Cleanup(listener.Close)
	return &client{base}
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// send sends JSON, or nothing when body is nil.
func (c *client) send(t *testing.T, method, path string, body []byte) answer {
	t.Helper()
	return c.do(t, method, path, "application/fhir+json", body)
}

// do sends a request whose unknown parameters are errors.
func (c *client) do(t *testing.T, method, path, contentType string, body []byte) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, c.base+"/"+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Prefer", "handling=strict")
	if body != nil {
		request.Header.Set("Content-Type", contentType)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(response.Body)
	if closing := response.Body.Close(); err != nil || closing != nil {
		t.Fatal(err, closing)
	}
	return answer{response.StatusCode, response.Header, data}
}

// bundle is what the tests read of a Bundle.
type bundle struct {
	Type  string
	Total *int
	Link  []struct{ Relation, URL string }
	Entry []struct {
		Search   struct{ Mode string }
		Resource struct {
			ResourceType, ID string
			Meta             struct{ VersionID string }
		}
	}
}

func (a answer) bundle(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{}
	if err := json.Unmarshal(a.body, b); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	return b
}

// form encodes parameters as a query or the body of a form.
func form(pairs [][2]string) string {
	parts := make([]string, len(pairs))
	for i, pair := range pairs {
		parts[i] = url.QueryEscape(pair[0]) + "=" + url.QueryEscape(pair[1])
	}
	return strings.Join(parts, "&")
}
