package server

import (
	"bytes"
	"encoding/base64"
	"io"
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

// decodeBinary takes the body of a create or update of a Binary: the resource, or content that becomes one. Content that cannot be a resource goes into base64 as
// it is read.
func (s *Server) decodeBinary(w http.ResponseWriter, r *http.Request, x *exchange) error {
	contentType := first(r.Header, "Content-Type")
	m := parseMediaType(contentType)
	sent, err := checkContentType(contentType)
	if err != nil && (contentType == "" || m.isJSON() || m.isXML()) {
		return err
	}
	if name, _, err := mime.ParseMediaType(contentType); err != nil || !strings.Contains(name, "/") {
		return refuse(http.StatusUnsupportedMediaType, fhir.CodeValue, "", "Content-Type %q is not a media type", printable(contentType))
	}
	body, size, unreadable := openBody(w, r, s.limits.BodyBytes)
	if unreadable != nil {
		return unreadable
	}
	if err == nil {
		data, isResource, err := s.maybeResource(body, size, sent, strings.HasPrefix(m.name, "application/fhir+"))
		if err != nil || isResource {
			x.body, x.sent, x.from = data, sent, origin{isKnown: sent == inJSON}
			return err
		}
		body, size = bytes.NewReader(data), int64(len(data))
	}
	x.body, err = x.wrapped(body, size, contentType, first(r.Header, "X-Security-Context"))
	x.sent = inJSON
	return err
}

// maybeResource reads a body that is a Binary or content that looks like one. What claims to be a resource must be one.
func (s *Server) maybeResource(body io.Reader, size int64, sent wireFormat, claims bool) (data []byte, isResource bool, err error) {
	whole := sized{expected: size}
	if err := whole.readFrom(body); err != nil {
		return nil, false, unreadable(err)
	}
	if len(whole.bytes) == 0 {
		return nil, false, noBodySent()
	}
	resource, err := s.binaryResource(whole.bytes, sent)
	switch {
	case err != nil && claims:
		return nil, false, err
	case err == nil && resource != nil:
		return resource, true, nil
	}
	return whole.bytes, false, nil
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

// wrapped makes the resource of content of a size, -1 when that is not known.
func (x *exchange) wrapped(content io.Reader, size int64, contentType, securityContext string) ([]byte, error) {
	head := append(make([]byte, 0, 200), `{"resourceType":"Binary"`...)
	if x.key.ID != "" {
		head = fhir.AppendQuoted(append(head, `,"id":`...), x.key.ID)
	}
	head = fhir.AppendQuoted(append(head, `,"contentType":`...), contentType)
	if securityContext != "" {
		head = fhir.AppendQuoted(append(head, `,"securityContext":{"reference":`...), securityContext)
		head = append(head, '}')
	}
	head = append(head, `,"data":"`...)
	const end = `"}`
	whole := sized{bytes: head, expected: size}
	if size >= 0 {
		whole.expected = int64(len(head)+base64.StdEncoding.EncodedLen(int(size))) + int64(len(end))
	}
	encoder := base64.NewEncoder(base64.StdEncoding, &whole)
	n, err := io.Copy(encoder, content)
	switch {
	case err != nil:
		return nil, unreadable(err)
	case n == 0:
		return nil, noBodySent()
	}
	err = encoder.Close()
	return append(whole.bytes, end...), err
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
	if out.body, err = decodedContent(res.Root().Get("data")); err != nil {
		return reply{}, refuse(http.StatusNotAcceptable, fhir.CodeNotSupported, "Binary.data", "the data is not base64; ask for application/fhir+json")
	}
	out.contentType, out.isContent = contentType, true
	out.securityContext = textOf(res.Root().Path("securityContext", "reference"))
	return out, nil
}

// decodedContent is what base64 holds. It is decoded from the stored bytes unless they hold escapes or white space, which R4 datatypes.html#base64Binary allows.
func decodedContent(data fhir.Node) ([]byte, error) {
	if data.Kind() != fhir.String {
		return []byte{}, nil
	}
	encoded := data.Raw()
	encoded = encoded[1 : len(encoded)-1]
	if bytes.ContainsAny(encoded, "\\ \t") {
		encoded = []byte(strings.Join(strings.Fields(data.Text()), ""))
	}
	return base64.StdEncoding.AppendDecode(make([]byte, 0, base64.StdEncoding.DecodedLen(len(encoded))), encoded)
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
	if out.securityContext != "" {
		h["X-Security-Context"] = []string{out.securityContext}
	}
}
