package search

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestExtractOneSubject: what only --validation off stores has several subjects; the first key in order is the one that counts.
func TestExtractOneSubject(t *testing.T) {
	tests := []struct {
		name, resource string
		want           []string
	}{
		{"one", `{"resourceType":"Observation","subject":{"reference":"Patient/b"}}`, []string{"Patient/b"}},
		{"one with a version", `{"resourceType":"Observation","subject":{"reference":"Patient/b/_history/2"}}`, []string{"Patient/b", "Patient/b/_history/2"}},
		{"two with versions", `{"resourceType":"Observation","subject":[{"reference":"Patient/b/_history/2"},{"reference":"Patient/a/_history/1"}]}`, []string{"Patient/a", "Patient/a/_history/1"}},
		{"none", `{"resourceType":"Observation","status":"final"}`, nil},
		{"two", `{"resourceType":"Observation","status":"final","subject":[{"reference":"Patient/b"},{"reference":"Patient/a"}]}`, []string{"Patient/a"}},
		{"another type", `{"resourceType":"List","subject":[{"reference":"Patient/b"},{"reference":"Patient/a"}]}`, []string{"Patient/a", "Patient/b"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			keys := mustExtract(t, newTestRegistry(t), tt.resource)
			var got []string
			prefix := "subject" + Separator + "r"
			for _, key := range KeysUnder(keys, prefix) {
				got = append(got, strings.TrimPrefix(key, prefix))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
