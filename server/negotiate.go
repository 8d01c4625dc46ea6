package server

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/firth-health/firth/fhir"
)

const (
	contentTypeFHIR = "application/fhir+json; charset=utf-8"
	contentTypeXML  = "application/fhir+xml; charset=utf-8"
	contentTypeJSON = "application/json"
	contentTypeForm = "application/x-www-form-urlencoded"
)

// wireFormat is what a resource is written in on the wire. Within the server it is JSON.
type wireFormat uint8

const (
	inJSON wireFormat = iota
	inXML
)

// mediaType is a media type or range with the parameters that matter.
type mediaType struct {
	name        string // lower case
	fhirVersion string
	charset     string
	quality     int // q in thousandths, 0 for refused
}

func parseMediaType(text string) mediaType {
	parts := strings.Split(text, ";")
	m := mediaType{name: strings.ToLower(strings.TrimSpace(parts[0])), quality: 1000}
	for _, part := range parts[1:] {
		name, value, _ := strings.Cut(part, "=")
		value = strings.Trim(strings.TrimSpace(value), `"`)
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "fhirversion":
			m.fhirVersion = value
		case "charset":
			m.charset = strings.ToLower(value)
		case "q":
			m.quality = parseQuality(value)
		}
	}
	return m
}

// parseQuality reads the weight of a media range in thousandths (RFC 9110 section 12.4.2). What is no weight counts as none given.
func parseQuality(text string) int {
	whole, fraction, _ := strings.Cut(text, ".")
	if len(fraction) > 3 {
		fraction = fraction[:3]
	}
	n, err := strconv.Atoi(whole + fraction + "000"[len(fraction):])
	if err != nil || n < 0 || n > 1000 {
		return 1000
	}
	return n
}

func (m mediaType) isJSON() bool {
	switch m.name {
	case "application/fhir+json", "application/json", "text/json", "application/json+fhir", "json":
		return true
	}
	return false
}

func (m mediaType) isXML() bool {
	switch m.name {
	case "application/fhir+xml", "application/xml", "text/xml", "application/xml+fhir", "xml":
		return true
	}
	return false
}

func (m mediaType) isRange() bool {
	return m.name == "*/*" || m.name == "application/*" || m.name == "*"
}

// isR4 accepts every name of the version (R4 http.html#version-parameter).
func (m mediaType) isR4() bool {
	return m.fhirVersion == "" || m.fhirVersion == "4.0" || m.fhirVersion == "4.0.1"
}

// negotiate chooses what the answer is written in. _format wins over Accept (R4 http.html#parameters); who names no format gets the one he
// sent, which is JSON where nothing was sent.
func negotiate(format, accept string, hasFormat bool, sent wireFormat) (wireFormat, error) {
	if hasFormat {
		name, parameters, _ := strings.Cut(format, ";")
		name = strings.ReplaceAll(strings.TrimSpace(name), " ", "+") // a '+' that was not escaped arrives as a space
		return acceptable("_format", name+";"+parameters, sent)
	}
	switch accept {
	case "", "*/*":
		return sent, nil
	case "application/fhir+json", "application/json":
		return inJSON, nil
	}
	return acceptable("Accept", accept, sent)
}

// acceptable returns the format of the greatest weight, the first of those of equal weight. A refusal is written in the format that was asked for in another version.
func acceptable(source, list string, sent wireFormat) (chosen wireFormat, err error) {
	quality, version, refusedAs := 0, "", inJSON
	isBrowser := strings.Contains(list, "text/html") && strings.Contains(list, "*/*")
	for item := range strings.SplitSeq(list, ",") {
		m, as := parseMediaType(item), sent
		switch {
		case m.quality <= quality:
			continue
		case !m.isR4():
			if version = m.fhirVersion; m.isXML() {
				refusedAs = inXML
			}
			continue
		case m.isJSON():
			as = inJSON
		case m.isXML() && isBrowser && m.name == "application/xml": // means XHTML, not FHIR
			continue
		case m.isXML():
			as = inXML
		case !m.isRange() || source != "Accept":
			continue
		}
		chosen, quality = as, m.quality
	}
	switch {
	case quality > 0:
		return chosen, nil
	case version != "":
		return refusedAs, refuse(http.StatusNotAcceptable, fhir.CodeNotSupported, "http."+source, "%s asks for FHIR version %q; this server speaks 4.0 (R4)", source, version)
	}
	return inJSON, refuse(http.StatusNotAcceptable, fhir.CodeNotSupported, "http."+source, "%s %q asks for a format this server does not write; it writes application/fhir+json and application/fhir+xml", source, printable(strings.TrimSuffix(list, ";")))
}

// checkContentType refuses bodies that are neither FHIR JSON nor FHIR XML in UTF-8.
func checkContentType(contentType string) (wireFormat, error) {
	switch contentType {
	case "application/fhir+json", "application/json", "application/fhir+json; charset=utf-8", "application/fhir+json;charset=utf-8":
		return inJSON, nil
	case "":
		return inJSON, refuse(http.StatusUnsupportedMediaType, fhir.CodeNotSupported, "", "the request has no Content-Type; send application/fhir+json or application/fhir+xml")
	}
	m, sent := parseMediaType(contentType), inJSON
	if m.isXML() {
		sent = inXML
	}
	switch {
	case !m.isJSON() && !m.isXML() || !strings.Contains(m.name, "/"):
		return inJSON, refuse(http.StatusUnsupportedMediaType, fhir.CodeNotSupported, "", "Content-Type %q is not supported; send application/fhir+json or application/fhir+xml", printable(m.name))
	case !m.isR4():
		return inJSON, refuse(http.StatusUnsupportedMediaType, fhir.CodeNotSupported, "", "Content-Type names FHIR version %q; this server speaks 4.0 (R4)", m.fhirVersion)
	case m.charset != "" && m.charset != "utf-8" && m.charset != "utf8":
		return inJSON, refuse(http.StatusUnsupportedMediaType, fhir.CodeNotSupported, "", "charset %q is not supported; FHIR is UTF-8", m.charset)
	}
	return sent, nil
}
