package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firth-health/firth/audit"
	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/internal/config"
	"github.com/firth-health/firth/store/pebble"
)

func TestAuditHelp(t *testing.T) {
	for _, command := range []string{"audit", "audit verify", "audit export", "audit checkpoint", "audit prune", "audit key"} {
		t.Run(command, func(t *testing.T) {
			stdout, stderr, code := firth(t, "", append(strings.Fields(command), "--help")...)
			if code != 0 || stderr != "" || !strings.Contains(stdout, "Examples:") {
				t.Errorf("exit %d, %q", code, stderr)
			}
			golden(t, "help-"+strings.ReplaceAll(command, " ", "-")+".txt", stdout)
		})
	}
}

// trailOnDisk is a store with a trail of reads about two patients.
func trailOnDisk(t *testing.T) (dir, keys string) {
	t.Helper()
	dir, keys = filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "keys")
	if err := os.Mkdir(keys, 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := pebble.Open(dir, pebble.Options{})
	if err != nil {
		t.Fatal(err)
	}
	files := keyFiles{keys}
	key, err := files.audit()
	if err != nil {
		t.Fatal(err)
	}
	outside, err := files.checkpoints()
	if err != nil {
		t.Fatal(err)
	}
	trail, err := audit.Open(t.Context(), audit.Options{Store: s, BaseURL: "http://127.0.0.1:8080/fhir", Key: key, Checkpoints: outside})
	if err != nil {
		t.Fatal(err)
	}
	for _, patient := range []string{"p1", "p2", "p1", "<script>"} {
		e := &audit.Event{Interaction: "read", Key: fhir.Key{Type: "Observation", ID: "o-" + strings.Trim(patient, "<>")}, Patients: []string{patient}, Status: 200, Agent: "<b>app</b>"}
		if err := trail.Record(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	if err := trail.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := outside.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, keys
}

// auditing runs firth audit and wants an exit code.
func auditing(t *testing.T, dir, keys string) func(code int, args ...string) string {
	return func(code int, args ...string) string {
		t.Helper()
		stdout, stderr, got := firth(t, "", append(append([]string{"audit"}, args...), "--store", dir, "--keys", keys, "--log-level", "error")...)
		if got != code {
			t.Fatalf("%q: exit %d, want %d\n%s%s", args, got, code, stdout, stderr)
		}
		return stdout + stderr
	}
}

// TestAuditCommands does what an auditor does.
func TestAuditCommands(t *testing.T) {
	dir, keys := trailOnDisk(t)
	run := auditing(t, dir, keys)
	if out := run(0, "verify"); !strings.Contains(out, "chain 1: 6 events verified from event 1 on") || !strings.HasSuffix(out, "intact\n") {
		t.Error(out)
	}
	if out := run(0, "export", "--patient", "p1"); strings.Count(out, "\n") != 3 || strings.Count(out, `"reference":"Patient/p1"`) != 3 || !strings.Contains(out, "audit-export") {
		t.Error(out)
	}
	page := run(0, "export", "--format", "html", "--from", "2020-01-01")
	if !strings.Contains(page, "Accounting of disclosures") || !strings.Contains(page, "&lt;b&gt;app&lt;/b&gt;") || strings.Contains(page, "<b>app") || !strings.Contains(page, "Audit trail exported") {
		t.Error(page)
	}
	if out := run(0, "export", "--to", "2020-01-01"); out != "" {
		t.Error(out)
	}
	since := filepath.Join(t.TempDir(), "since.jsonl")
	if err := os.WriteFile(since, []byte(run(0, "checkpoint")), 0o600); err != nil {
		t.Fatal(err)
	}
	public := filepath.Join(t.TempDir(), "audit.pub")
	if err := os.WriteFile(public, []byte(run(0, "key")), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := run(0, "verify", "--since", since, "--key", public); !strings.Contains(out, ": 1 events verified") { // that the command ended
		t.Error(out)
	}
	if out := run(0, "prune", "--before", "2100-01-01"); out == "0 events removed\n" {
		t.Error(out)
	}
	if out := run(0, "verify"); !strings.Contains(out, "events were removed by policy") {
		t.Error(out)
	}
	run(2, "prune")
	run(2, "export", "--format", "pdf")
	run(2, "export", "--from", "yesterday")
	run(1, "verify", "--since", public)
	other, err := audit.CreateKey(filepath.Join(t.TempDir(), "other.key"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := audit.EncodePublicKey(other)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(public, text, 0o600); err != nil {
		t.Fatal(err)
	}
	run(1, "verify", "--key", public)
}

// TestAuditOfAServer does the same through a server that has the store open: what was done just before is there, every command is in the trail with the user of the machine, and nothing else can open the store.
func TestAuditOfAServer(t *testing.T) {
	dir, keys := trailOnDisk(t)
	short := shortDir(t)
	if err := os.CopyFS(filepath.Join(short, "k"), os.DirFS(keys)); err != nil {
		t.Fatal(err)
	}
	run := auditing(t, dir, filepath.Join(short, "k"))
	c := config.Defaults()
	c.Store, c.Keys, c.Listen = dir, filepath.Join(short, "k"), "127.0.0.1:0"
	c.LogLevel = slog.LevelError
	r, err := start(context.WithoutCancel(t.Context()), c, logger(c), listenExactly)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	}()
	if out := run(0, "verify"); !strings.HasSuffix(out, "intact\n") {
		t.Error(out)
	}
	since := filepath.Join(short, "since.jsonl")
	if err := os.WriteFile(since, []byte(run(0, "checkpoint")), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := run(0, "export", "--patient", "p1"); strings.Count(out, "\n") != 3 || !strings.Contains(out, `"value":"`+machineUser()+`"`) {
		t.Error(out)
	}
	if out := run(0, "verify", "--since", since); !strings.Contains(out, ": 1 events verified") {
		t.Error(out)
	}
	if page := run(0, "export", "--format", "html"); strings.Count(page, "Audit trail verified or read by command") != 3 || !strings.Contains(page, "</html>") {
		t.Error(page)
	}
	if out := run(0, "prune", "--before", "2100-01-01"); out == "0 events removed\n" {
		t.Error(out)
	}
	if out := run(0, "verify"); !strings.Contains(out, "events were removed by policy") {
		t.Error(out)
	}
	run(1, "verify", "--since", filepath.Join(short, "k", auditKeyFile))
	other := auditing(t, dir, filepath.Join(short, "other"))
	if out := other(1, "verify"); !strings.Contains(out, "in use by another process") || !strings.Contains(out, "give the --keys of the server") {
		t.Error(out)
	}
}
