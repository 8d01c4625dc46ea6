package server

import (
	"encoding/base64"
	"mime"
	"net/http"
	"strings"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/xml"
)

// A Binary is written and read as a resource or as the content that it carries (R4 binary.html#rest). What is sent is the resource when it is one, and content
// otherwise, whatever its Content-Type; what is answered is the resource to those who ask for FHIR, and the content to all others.

// writesBinary reports whether the body may be the content of a Binary.
func (x *exchange) writesBinary() bool {
	return x.key.Type == "Binary" && (x.interaction.name == "create" || x.interaction.name == "update")
}

// readsBinary reports whether the answer may be the content of a Binary.
func (x *exchange) readsBinary() bool {
	return x.key.Type == "Binary" && (x.interaction.name == "read" || x.interaction.name == "vread") && !x.isEntry
}

// decodeBinary takes the body of a create or update of a Binary: the resource, or content that becomes one.
func (s *Server) decodeBinary(x *exchange, h http.Header) error {
	contentType := first(h, "Content-Type")
	sent, err := checkContentType(contentType)
	m := parseMediaType(contentType)
	if err == nil {
		whole, err := s.binaryResource(x.body, sent)
		if err == nil && whole != nil {
			x.body, x.sent = whole, sent
			return nil
		}
		if err != nil && strings.HasPrefix(m.name, "application/fhir+") {
			return err
		}
	}
	if contentType == "" || err != nil && (m.isJSON() || m.isXML()) {
		return err
	}
	if name, _, err := mime.ParseMediaType(contentType); err != nil || !strings.Contains(name, "/") {
		return refuse(http.StatusUnsupportedMediaType, fhir.CodeValue, "", "Content-Type %q is not a media type", printable(contentType))
	}
	x.body, x.sent = x.wrapped(contentType, first(h, "X-Security-Context")), inJSON
	return nil
}

// binaryResource returns the JSON of a body that is a Binary, and nil for another resource.
func (s *Server) binaryResource(body []byte, sent wireFormat) (data []byte, err error) {
	if sent == inXML {
		if body, err = xml.Decode(body, s.definitions); err != nil {
			return nil, err
		}
	}
	res, err := fhir.ParseResource(body)
	if err != nil || res.Type() != "Binary" {
		return nil, err
	}
	return body, nil
}

// wrapped makes the resource of content.
func (x *exchange) wrapped(contentType, securityContext string) []byte {
	data := make([]byte, 0, 200+base64.StdEncoding.EncodedLen(len(x.body)))
	data = append(data, `{"resourceType":"Binary"`...)
	if x.key.ID != "" {
		data = fhir.AppendQuoted(append(data, `,"id":`...), x.key.ID)
	}
	data = fhir.AppendQuoted(append(data, `,"contentType":`...), contentType)
	if securityContext != "" {
		data = fhir.AppendQuoted(append(data, `,"securityContext":{"reference":`...), securityContext)
		data = append(data, '}')
	}
	data = base64.StdEncoding.AppendEncode(append(data, `,"data":"`...), x.body)
	return append(data, `"}`...)
}

// content answers a Binary that was read in the form the client asks for.
func (s *Server) content(x *exchange, out reply) (reply, error) {
	res, err := fhir.ParseResource(out.body)
	if err != nil {
		return reply{}, err
	}
	contentType := textOf(res.Root().Get("contentType"))
	name, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		contentType, name = "application/octet-stream", "application/octet-stream"
	}
	isRaw, wire, ok := x.wantsContent(name)
	switch {
	case !ok:
		return reply{}, refuse(http.StatusNotAcceptable, fhir.CodeNotSupported, "", "Accept asks for a format this Binary does not have; there are %s, application/fhir+json and application/fhir+xml", printable(name))
	case !isRaw:
		x.wire = wire
		return out, nil
	}
	encoded := strings.Join(strings.Fields(textOf(res.Root().Get("data"))), "")
	if out.body, err = base64.StdEncoding.AppendDecode([]byte{}, []byte(encoded)); err != nil {
		return reply{}, refuse(http.StatusNotAcceptable, fhir.CodeNotSupported, "Binary.data", "the data is not base64; ask for application/fhir+json")
	}
	out.contentType, out.isContent = contentType, true
	out.securityContext = textOf(res.Root().Path("securityContext", "reference"))
	return out, nil
}

// wantsContent reports whether a client wants the content, of the given media type, and if not, which format of the resource. _format is about the resource.
func (x *exchange) wantsContent(name string) (isRaw bool, wire wireFormat, ok bool) {
	if _, hasFormat := lookup(x.format, "_format"); hasFormat {
		return false, x.wire, true
	}
	if x.accept == "" || x.accept == "*/*" {
		return true, inJSON, true
	}
	quality := 0
	for item := range strings.SplitSeq(x.accept, ",") {
		m := parseMediaType(item)
		if m.quality <= quality || !m.isR4() {
			continue
		}
		family, isFamily := strings.CutSuffix(m.name, "/*")
		isResource := false
		switch {
		case strings.HasPrefix(m.name, "application/fhir+") && (m.isJSON() || m.isXML()):
			isResource = true
		case m.name == name || m.name == "*/*" || isFamily && strings.HasPrefix(name, family+"/"):
		case m.isJSON() || m.isXML():
			isResource = true
		default:
			continue
		}
		quality, ok, isRaw, wire = m.quality, true, !isResource, inJSON
		if isResource && m.isXML() {
			wire = inXML
		}
	}
	return isRaw, wire, ok
}

// guardContent keeps browsers from running what somebody stored under the origin of the service.
func (out *reply) guardContent(h http.Header) {
	h["Content-Disposition"] = []string{"attachment"}
	h["Content-Security-Policy"] = []string{"default-src 'none'; sandbox"}
	h["Vary"] = append(h["Vary"], "Accept")
	if out.securityContext != "" {
		h["X-Security-Context"] = []string{out.securityContext}
	}
}
