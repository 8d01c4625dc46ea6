package server

import (
	"bufio"
	"bytes"
	"errors"
	"net/http"
	"strings"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/xml"
)

// writeXML turns the body of a reply, whatever it is made of, into FHIR XML (R4 xml.html). What XML cannot carry, such as an element that R4 does not know, is
// never dropped: a read is refused with 406, and the answer to a write that was done has an OperationOutcome in place of the resource.
func (s *Server) writeXML(x *exchange, out *reply) {
	if out.contentType != "" || out.body == nil && out.stream == nil && out.outcome == nil {
		return
	}
	body, err := s.encodeXML(out)
	if err != nil && x.interaction.writes() {
		body, err = s.encodeWritten(out)
	}
	if err != nil {
		*out = s.failure(x, unwritable(err))
		if body, err = s.encodeXML(out); err != nil {
			s.log.ErrorContext(x.ctx, "outcome not written as XML", "request_id", x.requestID, "error", err)
			return // as JSON
		}
	}
	if x.pretty {
		body = indentedXML(body)
	}
	out.body, out.outcome, out.stream, out.contentType = body, nil, nil, contentTypeXML
}

// unwritable makes a 406 of what the encoder says; other errors stay what they are.
func unwritable(err error) error {
	var outcome *fhir.OperationOutcome
	if !errors.As(err, &outcome) || len(outcome.Issues) == 0 {
		return err
	}
	issue := outcome.Issues[0]
	return refuse(http.StatusNotAcceptable, fhir.CodeNotSupported, issue.Expression, "%s; ask for application/fhir+json", issue.Diagnostics)
}

// encodeXML writes the body of a reply.
func (s *Server) encodeXML(out *reply) ([]byte, error) {
	data, err := out.json()
	if err != nil {
		return nil, err
	}
	root, err := fhir.Parse(data)
	if err != nil {
		return nil, err
	}
	return xml.Encode(make([]byte, 0, len(data)+len(data)/4), root, s.definitions)
}

// encodeWritten writes the answer to something that was done and holds resources XML cannot carry: outcomes stand for them.
func (s *Server) encodeWritten(out *reply) ([]byte, error) {
	data, err := out.json()
	if err != nil {
		return nil, err
	}
	root, err := fhir.Parse(data)
	if err != nil {
		return nil, err
	}
	if out.stream == nil {
		_, err := xml.Encode(nil, root, s.definitions)
		out.body, out.outcome = nil, notShown(err)
		return s.encodeXML(out)
	}
	var splices []fhir.Splice
	for entry := range root.Get("entry").Children() {
		resource := entry.Get("resource")
		if !resource.Ok() {
			continue
		}
		if _, err := xml.Encode(nil, resource, s.definitions); err != nil {
			splices = append(splices, fhir.Replace(resource, notShown(err).AppendJSON(nil)))
		}
	}
	return s.encodeXML(&reply{body: fhir.ApplySplices(data, 0, splices)})
}

// notShown says why a resource is not in the answer.
func notShown(err error) *fhir.OperationOutcome {
	why := fhir.Issue{Severity: fhir.Warning, Code: fhir.CodeNotSupported, Diagnostics: "XML cannot carry the resource; read it as application/fhir+json"}
	var outcome *fhir.OperationOutcome
	if errors.As(err, &outcome) && len(outcome.Issues) > 0 {
		why.Expression, why.Diagnostics = outcome.Issues[0].Expression, outcome.Issues[0].Diagnostics+"; read it as application/fhir+json"
	}
	return &fhir.OperationOutcome{Issues: []fhir.Issue{why}}
}

// json is the body in one piece.
func (out *reply) json() ([]byte, error) {
	switch {
	case out.outcome != nil:
		return printableOutcome(out.outcome).AppendJSON(nil), nil
	case out.stream == nil:
		return out.body, nil
	}
	var whole bytes.Buffer
	buffer := bufio.NewWriter(&whole)
	err := errors.Join(out.stream(buffer), buffer.Flush())
	return whole.Bytes(), err
}

// printableOutcome is the outcome without control characters, which texts quoted from a request may have and XML cannot carry.
func printableOutcome(o *fhir.OperationOutcome) *fhir.OperationOutcome {
	clean := func(r rune) rune {
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
			return 0xFFFD
		}
		return r
	}
	plain := &fhir.OperationOutcome{Issues: make([]fhir.Issue, len(o.Issues))}
	for i, issue := range o.Issues {
		issue.Diagnostics, issue.Expression = strings.Map(clean, issue.Diagnostics), strings.Map(clean, issue.Expression)
		plain.Issues[i] = issue
	}
	return plain
}

// indentedXML lays XML as the encoder writes it out for people: a line an element. Narratives keep their bytes.
func indentedXML(data []byte) []byte {
	out := make([]byte, 0, 2*len(data))
	depth := 0
	for len(data) > 0 {
		n := tagLength(data)
		isEnd, isNarrative := bytes.HasPrefix(data, []byte("</")), bytes.HasPrefix(data, []byte("<div "))
		if isEnd {
			depth--
		} else if isNarrative {
			n = narrativeLength(data)
		}
		for range depth {
			out = append(out, "  "...)
		}
		out = append(append(out, data[:n]...), '\n')
		if !isEnd && !isNarrative && !bytes.HasPrefix(data, []byte("<?")) && !bytes.HasSuffix(data[:n], []byte("/>")) {
			depth++
		}
		data = data[n:]
	}
	return out
}

// tagLength is how long the tag is that data begins with. An attribute may hold '>'.
func tagLength(data []byte) int {
	quoted := false
	for i, c := range data {
		switch {
		case c == '"':
			quoted = !quoted
		case c == '>' && !quoted:
			return i + 1
		}
	}
	return len(data)
}

// narrativeLength is how long the div is that data begins with: to the tag that ends the text, which cannot stand in XHTML.
func narrativeLength(data []byte) int {
	if i := bytes.Index(data, []byte("</text>")); i > 0 {
		return i
	}
	return len(data)
}
