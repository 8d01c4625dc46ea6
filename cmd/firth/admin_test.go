package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/internal/config"
)

// shortDir is a directory of the test whose name is short enough for that of a socket in it.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "firth-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// TestAdministration makes and changes users and clients, with no server on the store and then with one: the same commands have the same effect.
func TestAdministration(t *testing.T) {
	data := filepath.Join(shortDir(t), "data")
	run := func(args ...string) (int, string) {
		var out, errOut bytes.Buffer
		code := execute(t.Context(), append(args, "--store", data, "--listen", "127.0.0.1:0", "--log-level", "error"), strings.NewReader(""), &out, &errOut)
		text := regexp.MustCompile(`link=firth_\S+|client_secret \S+`).ReplaceAllStringFunc(out.String()+errOut.String(), func(secret string) string {
			return secret[:strings.IndexAny(secret, "= ")] + " SECRET"
		})
		return code, regexp.MustCompile(`127\.0\.0\.1:\d+`).ReplaceAllString(text, "HOST")
	}
	suite := func(name string) {
		for _, step := range []struct {
			args []string
			code int
			want string
		}{
			{[]string{"user", "add", "Amy" + name, "--fhir-user", "Patient/amy", "--name", "Amy"}, 0, "made amy" + name + "\nto set the password, once, within a day: http://HOST/auth/welcome?link SECRET\n"},
			{[]string{"user", "add", "amy" + name}, 1, "firth: an account with this name exists\n"},
			{[]string{"user", "add", "x" + name, "--fhir-user", "x"}, 1, "firth: not a valid account: the user's resource must be a Patient, Practitioner, PractitionerRole, RelatedPerson or Person, such as Practitioner/1\n"},
			{[]string{"user", "change", "amy" + name, "--patient", "a,b"}, 0, "changed amy" + name + "\n"},
			{[]string{"user", "link", "amy" + name}, 0, "http://HOST/auth/welcome?link SECRET\n"},
			{[]string{"user", "link", "nobody"}, 1, "firth: no such account\n"},
			{[]string{"user", "disable", "amy" + name}, 0, "disabled amy" + name + "\n"},
			{[]string{"client", "add", "app" + name, "--name", "App", "--redirect", "https://app.example/back"}, 0, "client_id app" + name + "\n"},
			{[]string{"client", "add", "none" + name}, 2, "firth: --name is missing: what people see when the app asks for access\nfirth: see firth --help, or --help behind a command\n"},
			{[]string{"client", "add", "none" + name, "--name", strings.Repeat("n", 2049), "--redirect", "https://app.example/back"}, 1, "firth: not a valid client: the name has 2049 bytes, which is more than 2048\n"},
			{[]string{"client", "add", "web" + name, "--name", "Web", "--type", "symmetric", "--redirect", "https://web.example/back"}, 0, "client_id web" + name + "\nclient_secret SECRET\n(it is not kept and cannot be shown again)\n"},
			{[]string{"client", "secret", "web" + name}, 0, "client_secret SECRET\n"},
			{[]string{"client", "disable", "app" + name}, 0, "disabled app" + name + "\n"},
			{[]string{"client", "delete", "web" + name}, 0, "deleted web" + name + "\n"},
			{[]string{"client", "delete", "web" + name}, 1, "firth: no such client\n"},
		} {
			code, got := run(step.args...)
			if code != step.code || got != step.want {
				t.Errorf("%s %v: %d %s", name, step.args, code, cmp.Diff(step.want, got))
			}
		}
	}
	suite("1")
	c := config.Defaults()
	c.Store, c.Listen = data, "127.0.0.1:0"
	r, err := start(context.WithoutCancel(t.Context()), c, logger(c), listenExactly)
	if err != nil {
		t.Fatal(err)
	}
	suite("2")
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	_, users := run("user", "list")
	_, clients := run("client", "list")
	want := "LOGIN  NAME  IS           PATIENTS  WHAT\namy1   Amy   Patient/amy  a,b       disabled, no password yet\namy2   Amy   Patient/amy  a,b       disabled, no password yet\n" +
		"ID    NAME  TYPE    SCOPES   WHAT\napp1  App   public  (usual)  disabled\napp2  App   public  (usual)  disabled\n"
	if diff := cmp.Diff(want, users+clients); diff != "" {
		t.Error(diff)
	}
}
