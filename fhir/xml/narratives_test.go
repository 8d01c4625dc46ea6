package xml_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir/xml"
)

func TestNarratives(t *testing.T) {
	const div = `<div xmlns="` + xhtml + `"`
	tests := []struct {
		name    string
		text    string
		want    []string // opening tags: XHTML or not, name, attributes
		wantErr string
	}{
		{"tags and attributes", " " + div + ` id='a'><p class="b c">x</p><br/></div>` + "\n", []string{"true div id=a", "true p class=b c", "true br"}, ""},
		{"prefixes", `<h:div xmlns:h="` + xhtml + `" xml:lang="de"><h:b/></h:div>`, []string{"true div xml:lang=de", "true b"}, ""},
		{"references", div + `><a href="&#106;ava&amp;x" title="a` + "\n" + `b"/></div>`, []string{"true div", "true a href=java&x title=a b"}, ""},
		{"another namespace", div + `><svg xmlns="http://www.w3.org/2000/svg"/></div>`, []string{"true div", "false svg"}, ""},
		{"not closed", div + `><p></div>`, []string{"true div", "true p"}, `element "p" is closed as "div"`},
		{"no div", `<p xmlns="` + xhtml + `"/>`, nil, "a narrative must be one div element"},
		{"no namespace", `<div/>`, nil, "a narrative must be in the namespace http://www.w3.org/1999/xhtml"},
		{"entity", div + `>a&nbsp;b</div>`, []string{"true div"}, "'&' must begin a character reference or one of &amp; &lt; &gt; &quot; &apos;"},
		{"something behind", div + `/>x`, []string{"true div"}, "nothing may follow the narrative's element"},
		{"empty", "", nil, "a narrative must be one div element"},
	}
	var narratives xml.Narratives
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			err := narratives.Check([]byte(test.text), func(tag xml.Tag) error {
				line := fmt.Sprintf("%v %s", tag.IsXHTML(), tag.Name())
				for name, value := range tag.Attributes() {
					line += fmt.Sprintf(" %s=%s", name, value)
				}
				got = append(got, line)
				return nil
			})
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if text := fmt.Sprint(err); text != test.wantErr && (err != nil || test.wantErr != "") {
				t.Errorf("error %q, want %q", text, test.wantErr)
			}
			narratives.Reset()
		})
	}
	stop := errors.New("stop")
	if err := narratives.Check([]byte(div+`><p/></div>`), func(xml.Tag) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("error of visit: %v", err)
	}
}
