package patch

import (
	"bytes"
	stdxml "encoding/xml"
	"errors"
	"io"
	"strings"

	"github.com/firth-health/firth/fhir"
)

// fhirNamespace is that of all elements of a resource but its narratives.
const fhirNamespace = "http://hl7.org/fhir"

// maxXMLDepth bounds the nesting of elements; JSON of the depth that fhir.Parse takes has less.
const maxXMLDepth = 256

// element is an element of an XML document, with its place in the bytes.
type element struct {
	name         stdxml.Name
	attributes   []stdxml.Attr // without declarations
	declarations []stdxml.Attr // xmlns and xmlns:prefix
	parent       *element
	children     []*element
	text         []byte // character data that is not in a child

	// The opening tag is [start, inner), the content [inner, innerEnd), the closing tag [innerEnd, end), which is empty for <a/>.
	start, inner, innerEnd, end int
}

// parseXML reads a document. It is for documents that fhir/xml reads too, or will: what it does not refuse, that does.
func parseXML(data []byte) (*element, error) {
	d := stdxml.NewDecoder(bytes.NewReader(data))
	var root, current *element
	for depth := 0; ; {
		start := int(d.InputOffset())
		token, err := d.Token()
		if errors.Is(err, io.EOF) && root != nil {
			return root, nil
		}
		if err != nil {
			return nil, problemf(fhir.CodeStructure, "invalid XML: %v", err)
		}
		end := int(d.InputOffset())
		switch token := token.(type) {
		case stdxml.StartElement:
			if depth++; depth > maxXMLDepth || current == nil && root != nil {
				return nil, problemf(fhir.CodeStructure, "invalid XML: a document has one element at its root, and at most %d levels of them", maxXMLDepth)
			}
			current = current.open(token, start, end)
			if root == nil {
				root = current
			}
		case stdxml.EndElement:
			current.innerEnd, current.end = start, end
			current = current.parent
			depth--
		case stdxml.CharData:
			if current != nil {
				current.text = append(current.text, token...)
			} else if len(bytes.TrimSpace(token)) > 0 {
				return nil, problemf(fhir.CodeStructure, "invalid XML: text outside of the root element")
			}
		case stdxml.Directive:
			return nil, problemf(fhir.CodeStructure, "document type declarations are not allowed")
		case stdxml.ProcInst:
			if token.Target != "xml" || start != 0 {
				return nil, problemf(fhir.CodeStructure, "processing instructions are not allowed")
			}
		}
	}
}

// open makes a child of e, or a root when e is nil.
func (e *element) open(token stdxml.StartElement, start, end int) *element {
	child := &element{name: token.Name, parent: e, start: start, inner: end}
	for _, a := range token.Attr {
		if a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns" {
			child.declarations = append(child.declarations, a)
		} else {
			child.attributes = append(child.attributes, a)
		}
	}
	if e != nil {
		e.children = append(e.children, child)
	}
	return child
}

// attribute returns the value of an attribute without a namespace.
func (e *element) attribute(name string) (string, bool) {
	for _, a := range e.attributes {
		if a.Name.Space == "" && a.Name.Local == name {
			return a.Value, true
		}
	}
	return "", false
}

// inScope returns the declarations that hold in e, by prefix; empty for the default namespace.
func (e *element) inScope() map[string]string {
	scope := map[string]string{"xml": "http://www.w3.org/XML/1998/namespace"}
	if e.parent != nil {
		scope = e.parent.inScope()
	}
	for _, a := range e.declarations {
		scope[declaredPrefix(a)] = a.Value
	}
	return scope
}

func declaredPrefix(a stdxml.Attr) string {
	if a.Name.Space == "" {
		return ""
	}
	return a.Name.Local
}

// tagName returns the name of an element as it stands in the document, with its prefix.
func (e *element) tagName(data []byte) []byte {
	rest := data[e.start+1 : e.inner]
	if i := bytes.IndexAny(rest, " \t\r\n/>"); i >= 0 {
		return rest[:i]
	}
	return rest
}

// attributePlace returns where an attribute stands in the opening tag: white space before it to its closing quote, and its value between the quotes.
func (e *element) attributePlace(data []byte, name string) (start, valueStart, valueEnd, end int) {
	at := e.start + 1 + len(e.tagName(data))
	for at < e.inner {
		equals := at + bytes.IndexByte(data[at:e.inner], '=')
		opening := equals + bytes.IndexAny(data[equals:e.inner], `'"`)
		if equals < at || opening < equals {
			break
		}
		closing := opening + 1 + bytes.IndexByte(data[opening+1:e.inner], data[opening])
		if strings.TrimSpace(string(data[at:equals])) == name {
			return at, opening + 1, closing, closing + 1
		}
		at = closing + 1
	}
	return e.inner, e.inner, e.inner, e.inner
}
