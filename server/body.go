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

// readBody reads the whole body within the limit, which also holds for what a compressed body unpacks to.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, &http.MaxBytesError{Limit: limit}
	}
	body := io.Reader(http.MaxBytesReader(w, r.Body, limit))
	sized := r.ContentLength
	switch encoding := strings.ToLower(first(r.Header, "Content-Encoding")); encoding {
	case "", "identity":
	case "gzip":
		unpacked, err := gzip.NewReader(body)
		if err != nil {
			return nil, unreadable(err)
		}
		body, sized = unpacked, -1
	default:
		return nil, refuse(http.StatusUnsupportedMediaType, fhir.CodeNotSupported, "", "Content-Encoding %q is not supported; send the body plain or with gzip", encoding)
	}
	data, err := readAll(body, sized, limit)
	if err != nil {
		return nil, unreadable(err)
	}
	return data, nil
}

// readAll reads at most limit bytes; size is the expected number, -1 when unknown.
func readAll(body io.Reader, size, limit int64) ([]byte, error) {
	const trusted = 1 << 20 // what a Content-Length alone may make us allocate
	if size < 0 {
		size = 4096
	}
	data := make([]byte, 0, min(size, trusted)+1)
	for {
		if len(data) == cap(data) {
			data = append(data, 0)[:len(data)]
		}
		n, err := body.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		switch {
		case int64(len(data)) > limit:
			return nil, &http.MaxBytesError{Limit: limit}
		case errors.Is(err, io.EOF):
			return data, nil
		case err != nil:
			return nil, err
		}
	}
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
	if x.body, err = readBody(w, r, s.limits.BodyBytes); err != nil {
		return err
	}
	if len(x.body) == 0 {
		return fhir.Invalidf(fhir.CodeRequired, "", "the request has no body")
	}
	if x.writesBinary() {
		return s.decodeBinary(x, r.Header)
	}
	if x.sent == inXML {
		x.body, err = xml.Decode(x.body, s.definitions)
	}
	return err
}

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
	form, err := search.ParseQuery(string(body))
	if err != nil {
		return err
	}
	return x.addQuery(form)
}
