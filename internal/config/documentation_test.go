package config

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the table of docs/operations.md")

// settingsTable is the table of all settings as docs/operations.md has it.
func settingsTable() string {
	c := Defaults()
	var b strings.Builder
	b.WriteString("| flag | variable | in the file | default | what |\n| --- | --- | --- | --- | --- |\n")
	for _, s := range c.Settings() {
		value := "none"
		if text := s.Value.String(); text != "" {
			value = "`" + text + "`"
		}
		fmt.Fprintf(&b, "| `--%s` | `%s` | `%s` | %s | %s |\n", s.Name, s.Env(), s.Key, value, s.Usage)
	}
	return b.String()
}

// The table of the manual is made from the table of the program: go test ./internal/config -update.
func TestDocumented(t *testing.T) {
	const file, begin, end = "../../docs/operations.md", "<!-- settings -->\n", "<!-- /settings -->\n"
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(data), begin)
	documented, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s has no %q … %q", file, begin, end)
	}
	if diff := cmp.Diff(settingsTable(), documented); diff == "" {
		return
	} else if !*update {
		t.Fatalf("%s (-want +got); rewrite with -update:\n%s", file, diff)
	}
	if err := os.WriteFile(file, []byte(before+begin+settingsTable()+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
