package search

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The names of the published examples of American Soundex, and words that it is not about.
func TestSoundex(t *testing.T) {
	for word, want := range map[string]string{
		"robert": "r163", "rupert": "r163", "rubin": "r150", "ashcraft": "a261", "ashcroft": "a261", "tymczak": "t522", "pfister": "p236", "honeyman": "h555",
		"jackson": "j250", "gutierrez": "g362", "vandeusen": "v532", "lee": "l000", "a": "a000", "zz": "z000", "ozawa": "o200", "sawyers": "s620", "schwarz": "s620",
		"miller": "m460", "hwang": "h520", "o'neill": "o'neill", "müller": "müller", "山田": "山田", "x1": "x1", "{": "{", "`": "`",
	} {
		if got := soundex(word); got != want {
			t.Errorf("%s: %s, want %s", word, got, want)
		}
	}
	if diff := cmp.Diff("o540 s530", strings.Join(sounds("O'Neill, Smith"), " ")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
