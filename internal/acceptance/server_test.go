package acceptance

import (
	"net/http/httptest"
	"testing"

	"github.com/firth-health/firth/fhir/spec"
	"github.com/firth-health/firth/internal/teststore"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/server"
	"github.com/firth-health/firth/store"
)

// newServer starts the REST API on an empty store on loopback and returns its base URL.
func newServer(t *testing.T, adjust ...func(*server.Config)) string {
	t.Helper()
	return newServerOn(t, teststore.Open(t, teststore.Options{}), adjust...)
}

func newServerOn(t *testing.T, kept store.Store, adjust ...func(*server.Config)) string {
	t.Helper()
	definitions, err := spec.R4()
	if err != nil {
		t.Fatal(err)
	}
	listener := httptest.NewUnstartedServer(nil)
	base := "http://" + listener.Listener.Addr().String() + "/fhir"
	registry, err := search.NewRegistry(definitions, search.Options{BaseURL: base, References: true})
	if err != nil {
		t.Fatal(err)
	}
	config := server.Config{Store: kept, Search: registry, Definitions: definitions, BaseURL: base}
	for _, change := range adjust {
		change(&config)
	}
	api, err := server.New(config)
	if err != nil {
		t.Fatal(err)
	}
	listener.Config.Handler = api.Handler()
	listener.Start()
	t.Cleanup(listener.Close)
	return base
}
