package validate

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/xml"
)

// What narratives may hold (R4 narrative.html#xhtml): the elements and attributes that invariant txt-1 lists, and what its text allows besides: the
// rest of HTML 4.0 chapters 7 to 11 and 15 that is not deprecated, image maps, the language, and space preserved. A test compares with the invariant.
const (
	narrativeElements = " a abbr acronym b big blockquote br caption cite code col colgroup dd dfn div dl dt em h1 h2 h3 h4 h5 h6 hr i img li ol p" +
		" pre q samp small span strong sub sup table tbody td tfoot th thead tr tt ul var address area bdo kbd map "
	narrativeAttributes = " abbr accesskey align alt axis bgcolor border cellhalign cellpadding cellspacing cellvalign char charoff charset cite class" +
		" colspan compact coords dir frame headers height href hreflang hspace id lang longdesc name nowrap rel rev rowspan rules scope shape span src" +
		" start style summary tabindex title type valign value vspace width idref ismap nohref usemap xml:lang xml:space "
	// linkAttributes hold URLs.
	linkAttributes = " cite href longdesc src usemap "
)

// errNarrative says which rule a narrative breaks.
var errNarrative = errors.New("R4 narrative.html")

// div checks a narrative. Problems behind the first are not looked for.
func (w *walk) div(n fhir.Node, text []byte) {
	err := w.narrative.Check(text, checkTag)
	switch {
	case errors.Is(err, errNarrative):
		w.report(n, fhir.CodeInvariant, "%s (txt-1)", strings.TrimSuffix(err.Error(), ": "+errNarrative.Error()))
	case err != nil:
		w.report(n, fhir.CodeStructure, "a narrative must be one well-formed div of XHTML: %s", err)
	case hidesMarkup(text):
		w.report(n, fhir.CodeSecurity, "a narrative must not have CDATA sections, nor comments that begin with > or ->: HTML reads them as markup")
	}
}

func checkTag(tag xml.Tag) error {
	if !isListed(narrativeElements, tag.Name()) || !tag.IsXHTML() {
		return fmt.Errorf("element %s is not allowed in a narrative: %w", quote(string(tag.Name())), errNarrative)
	}
	for name, value := range tag.Attributes() {
		if !isListed(narrativeAttributes, name) {
			return fmt.Errorf("attribute %s is not allowed in a narrative: %w", quote(string(name)), errNarrative)
		}
		if isListed(linkAttributes, name) && isScript(value, string(name) == "src") {
			return fmt.Errorf("attribute %s must not hold a script: %w", quote(string(name)), errNarrative)
		}
	}
	return nil
}

// isListed finds a word in a list of words with spaces around each.
func isListed(list string, word []byte) bool { return strings.Contains(list, " "+string(word)+" ") }

// isScript reports whether a URL would run something. Browsers pass over white space and control characters before and in a scheme. Images may be data.
func isScript(url []byte, image bool) bool {
	before, _, found := bytes.Cut(url, []byte{':'})
	if !found {
		return false
	}
	var scheme []byte
	for _, c := range before {
		if c > ' ' {
			scheme = append(scheme, c)
		}
	}
	switch strings.ToLower(string(scheme)) {
	case "javascript", "vbscript":
		return true
	case "data":
		return !image
	}
	return false
}

// hidesMarkup finds what is no markup in XML but in HTML. In well-formed XML "<!" begins only comments and CDATA sections.
func hidesMarkup(text []byte) bool {
	for {
		i := bytes.Index(text, []byte("<!"))
		if i < 0 {
			return false
		}
		text = text[i+2:]
		if text[0] == '[' || bytes.HasPrefix(text, []byte("-->")) || bytes.HasPrefix(text, []byte("--->")) {
			return true
		}
	}
}
