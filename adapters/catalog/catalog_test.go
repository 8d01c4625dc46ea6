package catalog_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/adapters"
	"github.com/firth-health/firth/adapters/catalog"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var received = time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)

// registry is loaded once: an adapter does not change.
var registry = sync.OnceValues(catalog.Adapters)

func load(t testing.TB) *adapters.Registry {
	t.Helper()
	registry, err := registry()
	if err != nil {
		t.Fatal(err)
	}
	return registry
}

// TestGolden maps every sample of every adapter and compares the resources and the report with expected/.
func TestGolden(t *testing.T) {
	for _, adapter := range load(t).All() {
		samples, err := catalog.Samples(adapter.ID())
		if err != nil || len(samples) == 0 {
			t.Fatalf("%s has no samples: %v", adapter.ID(), err)
		}
		for _, sample := range samples {
			t.Run(adapter.ID()+"/"+sample.Name, func(t *testing.T) {
				mapping, err := adapter.Map(context.Background(), adapters.Input{Payload: sample.Payload, Now: received})
				if err != nil {
					t.Fatal(err)
				}
				got := golden(t, mapping)
				file := filepath.Join(adapter.ID(), "expected", strings.TrimSuffix(sample.Name, filepath.Ext(sample.Name))+".json")
				if *update {
					if err := os.WriteFile(file, got, 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), string(got)); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			})
		}
	}
}

// golden is one JSON document: the resources in order and the report of the preview.
func golden(t testing.TB, m *adapters.Mapping) []byte {
	t.Helper()
	out := []byte(`{"resources":[`)
	add := func(d *adapters.Draft) {
		if out[len(out)-1] != '[' {
			out = append(out, ',')
		}
		out = append(out, d.JSON...)
	}
	for _, identity := range m.Identities {
		add(&identity.Draft)
	}
	for i := range m.Drafts {
		add(&m.Drafts[i])
	}
	out = append(out, `],"report":`...)
	out = append(m.Preview().AppendJSON(out), '}')
	var indented bytes.Buffer
	if err := json.Indent(&indented, out, "", " "); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	indented.WriteByte('\n')
	return indented.Bytes()
}
