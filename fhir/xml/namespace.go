package xml

import "bytes"

const (
	fhirNamespace  = "http://hl7.org/fhir"
	xhtmlNamespace = "http://www.w3.org/1999/xhtml"
	xmlNamespace   = "http://www.w3.org/XML/1998/namespace"
	xmlnsNamespace = "http://www.w3.org/2000/xmlns/"
)

// xmlURI is what the prefix xml stands for without a declaration; it never changes.
var xmlURI = []byte(xmlNamespace)

// maxBindings bounds the namespace declarations in scope, because names are looked up by walking them.
const maxBindings = 64

// binding is one namespace declaration; an empty prefix is the default namespace, an empty uri none.
type binding struct {
	prefix, uri []byte
}

// isDeclaration reports whether the attribute is xmlns or xmlns:prefix.
func isDeclaration(n name) bool {
	return n.colon == 0 && string(n.raw) == "xmlns" || n.colon == 5 && string(n.raw[:5]) == "xmlns"
}

// declare brings the namespaces that the opening tag declares into scope. The caller takes them out again by cutting bindings.
func (s *scanner) declare() error {
	if !s.tag.declares {
		return nil
	}
	for i := range s.tag.attributes {
		a := &s.tag.attributes[i]
		if !isDeclaration(a.name) {
			continue
		}
		b := binding{uri: a.value}
		if a.colon > 0 {
			b.prefix = a.local()
		}
		if bytes.ContainsAny(a.value, "&<\t\r\n") {
			var err error
			if b.uri, err = appendAttributeText(nil, a.value, a.valueAt); err != nil {
				return err
			}
		}
		if reserved(b) || len(b.uri) == 0 && a.colon > 0 {
			return failAt(a.at, "namespace declaration %s is not allowed", quote(a.raw))
		}
		if len(s.bindings) == maxBindings {
			return failAt(a.at, "more than %d namespace declarations in scope", maxBindings)
		}
		s.bindings = append(s.bindings, b)
	}
	return nil
}

// reserved reports whether a declaration touches what Namespaces in XML 1.0, 3 reserves. Declaring xml as itself is allowed.
func reserved(b binding) bool {
	if string(b.prefix) == "xml" {
		return string(b.uri) != xmlNamespace
	}
	return string(b.prefix) == "xmlns" || string(b.uri) == xmlNamespace || string(b.uri) == xmlnsNamespace
}

// namespace returns what a prefix stands for and the index of the binding that says so; -1 when no binding in scope does. ok is
// false for an unknown prefix; without a default namespace the empty prefix stands for none.
func (s *scanner) namespace(prefix []byte) (uri []byte, index int, ok bool) {
	for i := len(s.bindings) - 1; i >= 0; i-- {
		if bytes.Equal(s.bindings[i].prefix, prefix) {
			return s.bindings[i].uri, i, true
		}
	}
	if string(prefix) == "xml" {
		return xmlURI, -1, true
	}
	return nil, -1, len(prefix) == 0
}
