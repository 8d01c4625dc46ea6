package auth_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/spec"
	"github.com/firth-health/firth/search"
)

const base = "https://firth.example/fhir"

// engine is made once: it compiles every type.
var engine = sync.OnceValues(func() (*search.Registry, error) {
	defs, err := spec.R4()
	if err != nil {
		return nil, err
	}
	return search.NewRegistry(defs, search.Options{BaseURL: base, References: true, Content: true})
})

func registry(t testing.TB) *search.Registry {
	t.Helper()
	r, err := engine()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func definitions(t testing.TB) *spec.Definitions {
	t.Helper()
	defs, err := spec.R4()
	if err != nil {
		t.Fatal(err)
	}
	return defs
}

func newRules(t testing.TB, opts auth.Options) *auth.Rules {
	t.Helper()
	opts.Definitions, opts.Search, opts.BaseURL = definitions(t), registry(t), base
	rules, err := auth.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

func grant(t testing.TB, c auth.Claims) *auth.Grant {
	t.Helper()
	g, err := newRules(t, auth.Options{Relations: family{}}).Grant(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func resource(t testing.TB, text string) *fhir.Resource {
	t.Helper()
	res, err := fhir.ParseResource([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// family is who the people of these tests are related to.
type family struct{}

var errFamily = errors.New("the family register is closed")

func (family) PatientsOf(_ context.Context, user fhir.Key) ([]string, error) {
	switch user.ID {
	case "mother":
		return []string{"son", "daughter", "son", "not an id"}, nil
	case "broken":
		return nil, errFamily
	}
	return nil, nil
}

func TestNewNeedsDefinitions(t *testing.T) {
	if _, err := auth.New(auth.Options{Search: registry(t)}); err == nil {
		t.Error("no error without definitions")
	}
	if _, err := auth.New(auth.Options{Definitions: definitions(t)}); err == nil {
		t.Error("no error without a search registry")
	}
}
