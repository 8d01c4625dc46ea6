package search

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAmong(t *testing.T) {
	p := Among([]string{"k\x01c", "k\x01a", "k\x01c"})
	if diff := cmp.Diff([]string{"k\x01a", "k\x01c"}, p.Among.Keys); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for key, want := range map[string]bool{"k\x01a": true, "k\x01b": false, "k\x01c": true, "k\x01c\x00": false, "k\x01": false, "k\x01d": false} {
		if p.Accepts(key) != want {
			t.Errorf("%q: %v", key, !want)
		}
		if Match(p, "", []string{"a", key, "z"}, nil) != want {
			t.Errorf("%q: a resource with it matches: %v", key, !want)
		}
	}
	if _, exact := p.Exact(); exact || !p.Filtered() {
		t.Error("it passes for a range, or a single key")
	}
	if Match(Among(nil), "", []string{"", "a"}, nil) {
		t.Error("no keys match something")
	}
	if Among([]string{"a", "b"}).Among.Digest == Among([]string{"a\x01b"}).Among.Digest || p.Among.Digest != Among([]string{"k\x01a", "k\x01c"}).Among.Digest {
		t.Error("digests do not tell sets apart")
	}
	if got := Explain(p); got != "keys [k␁a, k␁c␀) among 2\n" {
		t.Errorf("explained as %q", got)
	}
}
