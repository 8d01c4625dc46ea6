package search

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func narrative(div string) string {
	return `"text":{"status":"generated","div":"<div xmlns='http://www.w3.org/1999/xhtml'>` + div + `</div>"}`
}

func TestNarrativeSearch(t *testing.T) {
	c := &corpus{typ: "Condition", resources: [][2]string{
		{"bone", narrative(`Bone <b>Metastases</b> found`)},
		{"liver", narrative(`<p class='red'>Liver&amp;bile:</p><p>metastases&#x21;</p><!-- secret > lung -->`)},
		{"lung", narrative(`lung metastases, d&eacute;j&agrave; vu`)},
		{"operators", narrative(`either or not both and all`)},
		{"empty", narrative(``)},
		{"other", `"code":{"text":"bone metastases"}`},
		{"many", narrative(manyWords(1200))},
	}}
	c.check(t, [][2]string{
		{"_text=bone", "bone"},
		{"_text=METASTASES", "bone liver lung"},
		{"_text=meta", "bone liver lung"},
		{"_text=tastases", ""},
		{"_text=bone&_contained=false", "bone"},
		{"_text=bone found", "bone"},
		{"_text=bone liver", ""},
		{"_text=bone,liver", "bone liver"},
		{"_text=bone or liver", "bone liver"},
		{"_text=(bone OR liver) and metastases", "bone liver"},
		{"_text=bone or liver and nothing", "bone"},
		{"_text=bone or lung metastases", "bone lung"},
		{"_text=metastases not bone", "liver lung"},
		{"_text=metastases and not (bone or lung)", "liver"},
		{"_text=deja vu", "lung"},
		{"_text=déjà", "lung"},
		{"_text=bile", "liver"},
		{"_text=liver&_text=bile", "liver"},
		{"_text=amp", ""},
		{"_text=red", ""},
		{"_text=secret", ""},
		{"_text=\\or \\not", "operators"},
		{"_text=word1 word999", "many"},
		{"_text=word1000", ""},
		{"_text:missing=true", "other"},
		{"_text:missing=false", "bone liver lung operators empty many"},
	})
}

func manyWords(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "word%d ", i)
	}
	return b.String()
}

func TestContentKeys(t *testing.T) {
	r, err := NewRegistry(newTestRegistry(t).defs, Options{Content: true})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := r.Extract(parseResource(t, `{"resourceType":"Patient","id":"p-1",`+narrative("Peter <i>James</i>")+`,
		"contained":[{"resourceType":"Organization","name":"Gastro Clinic"}],"active":true,"multipleBirthInteger":7,
		"name":[{"family":"Chalmers","_family":{"extension":[{"url":"http://x.example/e","valueString":"van"}]}}],
		"photo":[{"data":"c29tZSBkYXRh","title":"Portrait"}],"birthDate":"1974-12-25","new":{"element":["known","`+strings.Repeat("x", 65)+`","`+strings.Repeat("y", 64)+`"]}}`))
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, key := range keys {
		if word, found := strings.CutPrefix(key, "_content\x01w"); found {
			words = append(words, word)
		}
	}
	want := []string{"1", "12", "1974", "25", "chalmers", "clinic", "e", "example", "gastro", "generated", "http", "james", "known", "p", "peter", "portrait", "van", "x", strings.Repeat("y", 64)}
	if diff := cmp.Diff(want, words); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if !hasParam(r, "Patient", "_content") || hasParam(newTestRegistry(t), "Patient", "_content") || !hasParam(r, "Binary", "_content") || hasParam(r, "Binary", "_text") {
		t.Error("_content is declared where it is not answered, or not where it is")
	}
}

func hasParam(r *Registry, typ, code string) bool {
	for _, p := range r.Params(typ) {
		if p.Code == code {
			return true
		}
	}
	return false
}

// Words never hold what parts keys or words, and are found in what they were cut from.
func FuzzWords(f *testing.F) {
	for _, seed := range []string{"", "Heart rate (beats/min)", "déjà-vu", "心拍数", "a\x01b\x00c", "½ ﬁ Ǆ", "\xff\xfe"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		folded := fold(s)
		for word := range words([]byte(folded)) {
			if len(word) == 0 || !strings.Contains(folded, string(word)) || strings.ContainsAny(string(word), " \x00\x01,|$\\()\"") {
				t.Fatalf("word %q of %q", word, s)
			}
			for again := range words([]byte(fold(string(word)))) {
				if string(again) != string(word) {
					t.Fatalf("%q folds to %q", word, again)
				}
			}
		}
	})
}

func FuzzWordQuery(f *testing.F) {
	for _, seed := range []string{"bone", "(bone OR liver) and metastases", "not (a or not b) c", "a) (b", `"x"`, `\or`, ",,", "((("} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		plan, err := wordPlan(&index{name: "_text", prefix: "_text\x01"}, segment{raw: value})
		if (err == nil) == (plan == nil) {
			t.Fatalf("%q: plan %v, error %v", value, plan, err)
		}
	})
}
