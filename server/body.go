package server

import (
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/klauspost/compress/gzip"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/xml"
	"github.com/firth-health/firth/search"
)

// readBody reads the whole body within the limit.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	body, size, err := openBody(w, r, limit)
	if err != nil {
		return nil, err
	}
	data := sized{expected: size}
	if err := data.readFrom(body); err != nil {
		return nil, unreadable(err)
	}
	return data.bytes, nil
}

// openBody returns the body as it was before it was packed, and its size, -1 when that is not known. Beyond the limit, which holds for what is sent and for what
// it unpacks to, reading fails with an *[http.MaxBytesError].
func openBody(w http.ResponseWriter, r *http.Request, limit int64) (body io.Reader, size int64, err error) {
	if r.ContentLength > limit {
		return nil, 0, &http.MaxBytesError{Limit: limit}
	}
	body = http.MaxBytesReader(w, r.Body, limit)
	switch encoding := strings.Join(r.Header["Content-Encoding"], ", "); strings.ToLower(encoding) {
	case "", "identity":
		return body, r.ContentLength, nil
	case "gzip", "x-gzip": // the same (RFC 9110 section 8.4.1.3)
		unpacked, err := gzip.NewReader(body)
		if err != nil {
			return nil, 0, unreadable(err)
		}
		return &bounded{unpacked, limit, limit}, -1, nil
	default:
		return nil, 0, refuse(http.StatusUnsupportedMediaType, fhir.CodeNotSupported, "", "Content-Encoding %q is not supported; send the body plain or with gzip", printable(encoding))
	}
}

// bounded fails beyond a limit.
type bounded struct {
	from        io.Reader
	left, limit int64
}

// Read implements [io.Reader].
func (b *bounded) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.from.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, &http.MaxBytesError{Limit: b.limit}
	}
	return n, err
}

// sized collects bytes whose number is expected to be known. What a Content-Length says takes memory only as bytes arrive.
type sized struct {
	bytes    []byte
	expected int64 // -1 for not known
}

// grow makes room for at least n bytes more: for all that are expected or sixteen times what has come, and else for twice as much.
func (d *sized) grow(n int) {
	const trusted = 1 << 20
	if cap(d.bytes)-len(d.bytes) >= n {
		return
	}
	room := int64(max(2*cap(d.bytes), 4<<10))
	if d.expected >= 0 {
		room = min(d.expected, max(trusted, 16*int64(cap(d.bytes))))
	}
	larger := make([]byte, len(d.bytes), max(int(room), len(d.bytes)+n))
	copy(larger, d.bytes)
	d.bytes = larger
}

// Write implements [io.Writer].
func (d *sized) Write(p []byte) (int, error) {
	d.grow(len(p))
	d.bytes = append(d.bytes, p...)
	return len(p), nil
}

// readFrom reads to the end. A body that has its length ends with it.
func (d *sized) readFrom(body io.Reader) error {
	for int64(len(d.bytes)) != d.expected {
		d.grow(1)
		n, err := body.Read(d.bytes[len(d.bytes):cap(d.bytes)])
		d.bytes = d.bytes[:len(d.bytes)+n]
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return nil
}

// unreadable says that a body could not be read, unless the reason is known better.
func unreadable(err error) error {
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return err
	}
	return fhir.Invalidf(fhir.CodeStructure, "", "the body could not be read to its end, or is not valid gzip")
}

// decode reads what the interaction needs from the request into the exchange.
func (s *Server) decode(w http.ResponseWriter, r *http.Request, x *exchange) error {
	var err error
	switch x.interaction.body {
	case fhirBody:
		if err = x.takeContentType(first(r.Header, "Content-Type")); err != nil && !x.writesBinary() {
			return err
		}
	case operationBody:
		return s.decodeOperation(w, r, x)
	case formBody:
		return s.decodeForm(w, r, x)
	case rawBody:
		x.bodyType = first(r.Header, "Content-Type")
	case noBody:
		return nil
	}
	if x.writesBinary() {
		return s.decodeBinary(w, r, x)
	}
	if x.body, err = readBody(w, r, s.limits.BodyBytes); err != nil {
		return err
	}
	if len(x.body) == 0 {
		return noBodySent()
	}
	return s.decodeXML(x)
}

// decodeXML makes JSON of a body that is XML, and keeps for refusals what was sent.
func (s *Server) decodeXML(x *exchange) (err error) {
	x.from = origin{isKnown: true}
	if x.sent == inXML {
		x.from.xml = x.body
		x.body, err = xml.Decode(x.body, s.definitions)
	}
	return err
}

func noBodySent() error { return fhir.Invalidf(fhir.CodeRequired, "", "the request has no body") }

// takeContentType refuses bodies that the interaction does not read.
func (x *exchange) takeContentType(contentType string) (err error) {
	if x.interaction.name == "patch" {
		x.language, x.sent, err = patchContentType(contentType)
	} else {
		x.sent, err = checkContentType(contentType)
	}
	return err
}

// decodeForm adds the parameters of a POST _search to those of the URL (R4 http.html#search).
func (s *Server) decodeForm(w http.ResponseWriter, r *http.Request, x *exchange) error {
	body, err := readBody(w, r, s.limits.BodyBytes)
	if err != nil || len(body) == 0 {
		return err
	}
	if m := parseMediaType(first(r.Header, "Content-Type")); m.name != contentTypeForm {
		return refuse(http.StatusUnsupportedMediaType, fhir.CodeNotSupported, "", "the body of a _search must be %s", contentTypeForm)
	}
	x.ask(string(body))
	form, err := search.ParseQuery(string(body))
	if err != nil {
		return err
	}
	return x.addQuery(form)
}
