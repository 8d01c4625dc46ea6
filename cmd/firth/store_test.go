package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A store is filled, copied there and back, checked and backed up.
func TestStoreCommands(t *testing.T) {
	dir := t.TempDir()
	first, second, third, backup := filepath.Join(dir, "first"), filepath.Join(dir, "second"), filepath.Join(dir, "third"), filepath.Join(dir, "backup")
	bundle := `{"resourceType":"Bundle","type":"transaction","entry":[
		{"resource":{"resourceType":"Patient","id":"p","name":[{"family":"Ada"}]},"request":{"method":"PUT","url":"Patient/p"}},
		{"resource":{"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p"},"valueQuantity":{"value":1.50}},"request":{"method":"PUT","url":"Observation/o"}}]}`
	file := filepath.Join(dir, "bundle.json")
	if err := os.WriteFile(file, []byte(bundle), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // two versions of each
		if _, stderr, code := firth(t, "", "import", "--store", first, file); code != 0 {
			t.Fatal(stderr)
		}
	}
	want := regexp.MustCompile(`^Observation  1 resources  2 versions\nPatient      1 resources  2 versions\n4 versions, the same in both stores: sha256 sum ([0-9a-f]{64})\n$`)
	var sums []string
	for _, args := range [][]string{{first, second}, {second, third}, {first, second}} {
		stdout, stderr, code := firth(t, "", "store", "copy", args[0], args[1])
		found := want.FindStringSubmatch(stdout)
		if code != 0 || found == nil {
			t.Fatalf("copy: exit %d, %q, %q", code, stdout, stderr)
		}
		sums = append(sums, found[1])
	}
	if sums[0] != sums[1] || sums[0] != sums[2] {
		t.Errorf("checksums %v", sums)
	}
	if _, stderr, code := firth(t, "", "store", "backup", "--store", third, backup); code != 0 {
		t.Fatal(stderr)
	}
	for _, dir := range []string{first, second, third, backup} {
		if stdout, stderr, code := firth(t, "", "store", "check", "--store", dir); code != 0 || stdout != "2 resources checked, 0 findings\n" {
			t.Errorf("check: exit %d, %q, %q", code, stdout, stderr)
		}
	}
	for _, args := range [][]string{{"store", "check", "--store", filepath.Join(dir, "none")}, {"store", "copy", filepath.Join(dir, "none"), second}} {
		if _, stderr, code := firth(t, "", args...); code != exitFailed || !strings.Contains(stderr, "no store: ") {
			t.Errorf("%v: exit %d, %q", args, code, stderr)
		}
	}
	if _, stderr, code := firth(t, "", "store", "copy", first, first); code != exitUsage || !strings.Contains(stderr, "FROM and TO are the same store") {
		t.Errorf("copy onto itself: exit %d, %q", code, stderr)
	}
}
