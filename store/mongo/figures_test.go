package mongo_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/store"
	"github.com/firth-health/firth/store/mongo"
)

// The names are a promise to dashboards and alerts; internal/deploy reads the list.
func TestFigures(t *testing.T) {
	s := open(t, mongo.Options{})
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	op := writeOp(t, store.Create, "Patient", "p1", "en")
	if _, err := s.Apply(t.Context(), []store.Op{op}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Read(t.Context(), op.Key); err != nil {
		t.Fatal(err)
	}
	var names []string
	figures := s.Figures()
	for name := range figures {
		names = append(names, name)
	}
	commands := map[string]float64{}
	for _, f := range s.LabelledFigures() {
		names = append(names, fmt.Sprintf("%s{%s}", f.Name, f.Label))
		if f.Name == "commands_total" {
			commands[f.Of] = f.Value
		}
	}
	slices.Sort(names)
	got := strings.Join(slices.Compact(names), "\n") + "\n"
	file := filepath.Join("testdata", "figures.txt")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("names of figures (-want +got); rewrite with -update:\n%s", diff)
	}
	if commands["insert"] != 1 || commands["find"] < 1 || commands["createIndexes"] < 1 {
		t.Errorf("commands: %v", commands)
	}
	if figures["writable_servers"] != 1 || figures["connections"] < 1 || figures["connections_in_use"] != 0 || figures["connection_uses_total"] < 3 {
		t.Errorf("figures: %v", figures)
	}
}
