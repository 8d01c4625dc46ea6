package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/internal/config"
	"github.com/firth-health/firth/server"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// firth runs a command line in this process.
func firth(t *testing.T, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errOut bytes.Buffer
	code = execute(t.Context(), args, strings.NewReader(stdin), &out, &errOut)
	return out.String(), errOut.String(), code
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got); rewrite with -update:\n%s", file, diff)
	}
}

// What people read first is reviewed like code.
func TestHelp(t *testing.T) {
	for _, command := range []string{"", "serve", "demo", "import", "explain", "fhirpath", "version", "bench", "bench start", "bench scale", "bench guard", "store", "store copy", "store check", "store backup", "user", "user add", "client", "client add", "client change", "health"} {
		t.Run("firth "+command, func(t *testing.T) {
			stdout, stderr, code := firth(t, "", append(strings.Fields(command), "--help")...)
			if code != 0 || stderr != "" {
				t.Errorf("exit %d, %q", code, stderr)
			}
			if command != "" && !strings.Contains(stdout, "Examples:") {
				t.Error("no examples")
			}
			golden(t, strings.TrimSuffix("help-"+strings.ReplaceAll(command, " ", "-"), "-")+".txt", strings.ReplaceAll(stdout, parallelDefault(), "default N"))
		})
	}
}

// parallelDefault is the part of the help that depends on the machine.
func parallelDefault() string {
	flag := importCommand().Flag("parallel")
	return "default " + flag.DefValue
}

// Every setting is documented by all of its three names where it can be used.
func TestHelpNamesEverySetting(t *testing.T) {
	var all strings.Builder
	for _, command := range []string{"serve", "import"} {
		stdout, _, _ := firth(t, "", command, "--help")
		all.WriteString(stdout)
	}
	c := config.Defaults()
	for _, s := range c.Settings() {
		for _, name := range []string{"--" + s.Name, s.Env(), s.Key + ":"} {
			if !strings.Contains(all.String(), name) {
				t.Errorf("the help does not mention %s", name)
			}
		}
	}
}

func TestWrongUsage(t *testing.T) {
	tests := []struct {
		name string
		args []string
		says string
	}{
		{"no such command", []string{"sereve"}, `unknown command "sereve" for "firth"`},
		{"every origin without authorization", []string{"serve", "--dev", "--origins", "loopback,*"}, "with --origins * a page of any site open in a browser here could read and write everything"},
		{"import nothing", []string{"import"}, "requires at least 1 arg(s)"},
		{"import with nobody", []string{"import", "--parallel", "0", "x"}, "--parallel must be at least 1"},
		{"explain nothing", []string{"explain"}, "accepts 1 arg(s)"},
		{"explain no type", []string{"explain", "patient?name=x"}, `"patient" is not a resource type of FHIR R4`},
		{"bench nothing", []string{"bench", "all", "--clients", "0"}, "--clients, --duration and --resources must be above zero"},
		{"version of what", []string{"version", "x"}, `unknown command "x" for "firth version"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			stdout, stderr, code := firth(t, "", tt.args...)
			if code != exitUsage || !strings.Contains(stderr, tt.says) || stdout != "" {
				t.Errorf("exit %d saying %q, printing %q; want %q", code, stderr, stdout, tt.says)
			}
		})
	}
}

func TestOrigins(t *testing.T) {
	tests := []struct {
		name  string
		given []string
		want  []string
	}{
		{"default", config.Defaults().Origins, []string{server.LoopbackOrigins}},
		{"named", []string{"https://app.example", config.LoopbackOrigins}, []string{"https://app.example", server.LoopbackOrigins}},
		{"all", []string{"https://app.example", config.AllOrigins}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, origins(config.Config{Origins: tt.given})); diff != "" {
				t.Errorf("origins (-want +got):\n%s", diff)
			}
		})
	}
}

func TestVersion(t *testing.T) {
	stdout, _, code := firth(t, "", "version")
	if code != 0 || !strings.HasPrefix(stdout, "firth ") || !strings.HasSuffix(stdout, "\n") {
		t.Errorf("exit %d, %q", code, stdout)
	}
}

func TestFHIRPath(t *testing.T) {
	const patient = `{"resourceType":"Patient","name":[{"given":["Ada","Augusta"],
		"family":"Example"}],"birthDate":"1970-01-02","_gender":{"extension":[{"url":"urn:x","valueCode":"a"}]},"active":true}`
	tests := []struct {
		expression, want string
		code             int
	}{
		{"name.given", "FHIR.string\t\"Ada\"\nFHIR.string\t\"Augusta\"\n", 0},
		{"name", "FHIR.HumanName\t{\"given\":[\"Ada\",\"Augusta\"],\"family\":\"Example\"}\n", 0},
		{"birthDate | active | gender", "FHIR.date\t\"1970-01-02\"\nFHIR.boolean\ttrue\nFHIR.code\t{\"extension\":[{\"url\":\"urn:x\",\"valueCode\":\"a\"}]}\n", 0},
		{"name.given.count() | 1.50 | 'x'", "System.Integer\t2\nSystem.Decimal\t1.50\nSystem.String\tx\n", 0},
		{"name.prefix", "", 0},
		{"name.", "", 1},
	}
	for _, tt := range tests {
		t.Run(tt.expression, func(t *testing.T) {
			stdout, stderr, code := firth(t, patient, "fhirpath", tt.expression)
			if code != tt.code || stdout != tt.want || (code != 0) != strings.Contains(stderr, "firth: ") {
				t.Errorf("exit %d\n%s\nwant\n%s\n%s", code, stdout, tt.want, stderr)
			}
		})
	}
	file := filepath.Join(t.TempDir(), "patient.json")
	if err := os.WriteFile(file, []byte(patient), 0o600); err != nil {
		t.Fatal(err)
	}
	if stdout, _, code := firth(t, "", "fhirpath", "active", file); code != 0 || stdout != "FHIR.boolean\ttrue\n" {
		t.Errorf("from a file: exit %d, %q", code, stdout)
	}
}

func TestExplain(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "patients.ndjson")
	lines := `{"resourceType":"Patient","id":"a","name":[{"family":"Peters"}]}
{"resourceType":"Patient","id":"b","name":[{"family":"Müller"}]}`
	if err := os.WriteFile(file, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	store := filepath.Join(dir, "store")
	if _, stderr, code := firth(t, "", "explain", "--store", store, "Patient?name=pet"); code != exitFailed || !strings.Contains(stderr, "there is no store to search") {
		t.Errorf("without a store: exit %d, %q", code, stderr)
	}
	if _, stderr, code := firth(t, "", "import", "--store", store, file); code != 0 {
		t.Fatalf("import: exit %d, %q", code, stderr)
	}
	stdout, stderr, code := firth(t, "", "explain", "--store", store, "Patient?name=pet&nonsense=1&_sort=-birthdate")
	if code != 0 {
		t.Errorf("exit %d", code)
	}
	for _, part := range []string{"query    Patient?name=pet&_sort=-birthdate\n", "ignored  ", "nonsense", "\nplan     keys ", "pet", "\nsort     birthdate descending by birthdate␁",
		"\ncount    50\n", "\nstrategy ", "\nscanned  ", "\nfound    1 on this page of 1\n"} {
		if !strings.Contains(stdout, part) {
			t.Errorf("no %q in\n%s%s", part, stdout, stderr)
		}
	}
	if _, stderr, code = firth(t, "", "explain", "--store", store, "Patient?birthdate=abc"); code != exitFailed || !strings.Contains(stderr, "birthdate") {
		t.Errorf("malformed value: exit %d, %q", code, stderr)
	}
}
