package conformance

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/internal/firthtest"
	"github.com/firth-health/firth/internal/teststore"
)

var update = flag.Bool("update", false, "write docs/conformance/rest.md")

// binary is the program under test.
var binary firthtest.Binary

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(teststore.Main(func() int { return firthtest.Main(m, func(built firthtest.Binary) { binary = built }) }))
}

func TestResultsDependOnTheSources(t *testing.T) { firthtest.DependOnSources(t) }

// TestREST runs the checklist and compares what came out with what docs/conformance/rest.md says.
func TestREST(t *testing.T) {
	lines := checklist()
	all := startServers(t)
	results := make([]result, len(lines))
	t.Run("lines", func(t *testing.T) {
		for i, l := range lines {
			t.Run(l.id(), func(t *testing.T) {
				t.Parallel()
				s := all.session(t, l.server)
				defer func() { results[i] = result{checks: s.checks, failed: s.failed, done: !t.Skipped()} }()
				l.run(s)
			})
		}
	})
	for i := range results {
		if !results[i].done {
			t.Skipf("only part of the checklist was run: %s was not", lines[i].id())
		}
	}
	if !teststore.FerretDB() { // whose failures are no verdicts about the program
		checkDocument(t, document(lines, results))
	}
}

func checkDocument(t *testing.T, want string) {
	t.Helper()
	file := filepath.Join("..", "..", "docs", "conformance", "rest.md")
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(have)); diff != "" {
		t.Errorf("docs/conformance/rest.md is not what the run says; go test ./internal/conformance -update writes it:\n%s", diff)
	}
}
