package path

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

// htmlChecks tells whether the input, Narrative.div, keeps the rules of R4 narrative.html (txt-1 and txt-2): one div, only elements of
// basic formatting, no scripts, and some content.
func htmlChecks(m *machine, in *invocation, mark int) error {
	s, ok, err := m.text(in, mark)
	if err != nil {
		return err
	}
	return m.yieldIf(mark, newBoolean(ok && isNarrative(s)), ok)
}

// The elements and attributes of R4 narrative.html#rules.
const (
	narrativeElements = " a abbr acronym address article aside b bdi bdo big blockquote br caption cite code col colgroup dd del details dfn div dl dt em" +
		" figcaption figure footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd li main map area mark meter nav object ol p param pre progress q rb rp rt rtc" +
		" ruby s samp section small span strike strong sub summary sup table tbody td tfoot th thead time tr tt u ul var wbr "
	narrativeAttributes = " abbr accesskey align alt axis bgcolor border cellhalign cellpadding cellspacing cellvalign char charoff charset cite class" +
		" colspan compact coords dir frame headers height href hreflang hspace id lang longdesc name nowrap rel rev rowspan rules scope shape size span" +
		" src start style summary tabindex title type usemap valign value vspace width xmlns "
)

func isNarrative(text string) bool {
	decoder := xml.NewDecoder(strings.NewReader(text))
	decoder.Entity = xml.HTMLEntity
	depth, roots, content := 0, 0, false
	for {
		t, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return depth == 0 && roots == 1 && content
		}
		if err != nil {
			return false
		}
		switch t := t.(type) {
		case xml.StartElement:
			if depth == 0 {
				roots++
			}
			if depth++; !allowedElement(t, depth) {
				return false
			}
			content = content || t.Name.Local == "img"
		case xml.EndElement:
			depth--
		case xml.CharData:
			blank := strings.TrimSpace(string(t)) == ""
			if depth == 0 && !blank {
				return false
			}
			content = content || !blank
		case xml.Directive:
			return false
		}
	}
}

func allowedElement(t xml.StartElement, depth int) bool {
	if depth == 1 && (t.Name.Local != "div" || t.Name.Space != "http://www.w3.org/1999/xhtml") {
		return false
	}
	if !strings.Contains(narrativeElements, " "+t.Name.Local+" ") {
		return false
	}
	for _, a := range t.Attr {
		if a.Name.Space == "" && !strings.Contains(narrativeAttributes, " "+a.Name.Local+" ") {
			return false
		}
	}
	return true
}
