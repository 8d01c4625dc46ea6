package archtest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

func TestFirth(t *testing.T) {
	violations, err := Check("../..", Firth())
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range violations {
		t.Error(v)
	}
}

func TestTableHasReasons(t *testing.T) {
	table := Firth()
	seen := map[string]bool{}
	for _, r := range table.Rows {
		if r.Why == "" || seen[r.Package] {
			t.Errorf("row %s: no reason, or a second row", r.Package)
		}
		seen[r.Package] = true
	}
	for _, f := range table.Fences {
		if f.Why == "" || seen[f.Import] {
			t.Errorf("fence %s: no reason, or a second fence", f.Import)
		}
		seen[f.Import] = true
	}
}

// TestCheck runs the check over the small modules in testdata; each archive holds its files and, as "want", the violations.
func TestCheck(t *testing.T) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	for _, name := range archives {
		t.Run(filepath.Base(name), func(t *testing.T) {
			root, want := unpack(t, name)
			violations, err := Check(root, Firth())
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, v := range violations {
				got += v.String() + "\n"
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("violations (-want +got):\n%s", diff)
			}
		})
	}
}

// unpack writes an archive to a temporary folder and returns it with the archive's "want".
func unpack(t *testing.T, name string) (root, want string) {
	t.Helper()
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	root = t.TempDir()
	for _, f := range archive.Files {
		if f.Name == "want" {
			want = string(f.Data)
			continue
		}
		path := filepath.Join(root, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root, want
}

func TestCheckReportsWhatItCannotRead(t *testing.T) {
	tests := []struct {
		name  string
		files map[string]string
	}{
		{"no go.mod", nil},
		{"no module line", map[string]string{"go.mod": "go 1.26\n"}},
		{"syntax error", map[string]string{"go.mod": "module m\n", "fhir.go": "package\n"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			for name, text := range tt.files {
				if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if got, err := Check(root, Firth()); err == nil {
				t.Errorf("Check = %v, want an error", got)
			}
		})
	}
}

func TestMatches(t *testing.T) {
	tests := []struct {
		pattern, dir string
		want         bool
	}{
		{"store", "store", true},
		{"store", "store/pebble", false},
		{"store/...", "store", true},
		{"store/...", "store/pebble", true},
		{"store/...", "storehouse", false},
		{"...", "server", true},
	}
	for _, tt := range tests {
		if got := matches(tt.pattern, tt.dir); got != tt.want {
			t.Errorf("matches(%s, %s) = %t, want %t", tt.pattern, tt.dir, got, tt.want)
		}
	}
}
