package server

import (
	"net/http"
	"strings"

	"github.com/firth-health/firth/fhir"
)

const (
	contentTypeFHIR = "application/fhir+json; charset=utf-8"
	contentTypeJSON = "application/json"
	contentTypeForm = "application/x-www-form-urlencoded"
)

// mediaType is a media type or range with the parameters that matter.
type mediaType struct {
	name        string // lower case
	fhirVersion string
	charset     string
	refused     bool // q=0
}

func parseMediaType(text string) mediaType {
	parts := strings.Split(text, ";")
	m := mediaType{name: strings.ToLower(strings.TrimSpace(parts[0]))}
	for _, part := range parts[1:] {
		name, value, _ := strings.Cut(part, "=")
		value = strings.Trim(strings.TrimSpace(value), `"`)
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "fhirversion":
			m.fhirVersion = value
		case "charset":
			m.charset = strings.ToLower(value)
		case "q":
			m.refused = value == "0" || strings.HasPrefix(value, "0.") && strings.Trim(value[2:], "0") == ""
		}
	}
	return m
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

// negotiate checks that the client takes what the server can write. _format wins over Accept (R4 http.html#parameters).
func negotiate(format, accept string, hasFormat bool) error {
	if hasFormat {
		// A '+' that was not escaped arrives as a space.
		return acceptable("_format", strings.ReplaceAll(strings.TrimSpace(format), " ", "+"))
	}
	switch accept {
	case "", "*/*", "application/fhir+json", "application/json":
		return nil
	}
	return acceptable("Accept", accept)
}

func acceptable(source, list string) error {
	sawXML, sawVersion := false, ""
	for item := range strings.SplitSeq(list, ",") {
		m := parseMediaType(item)
		switch {
		case m.refused:
		case !m.isR4():
			sawVersion = m.fhirVersion
		case m.isJSON() || m.isRange() && source == "Accept":
			return nil
		case m.isXML():
			sawXML = true
		}
	}
	switch {
	case sawXML:
		return refuse(http.StatusNotAcceptable, fhir.CodeNotSupported, "", "%s asks for XML, which this server does not write; it writes application/fhir+json", source)
	case sawVersion != "":
		return refuse(http.StatusNotAcceptable, fhir.CodeNotSupported, "", "%s asks for FHIR version %q; this server speaks 4.0 (R4)", source, sawVersion)
	}
	return refuse(http.StatusNotAcceptable, fhir.CodeNotSupported, "", "%s asks for a format this server does not write; it writes application/fhir+json", source)
}

// checkContentType refuses bodies that are not FHIR JSON in UTF-8.
func checkContentType(contentType string) error {
	switch contentType {
	case "application/fhir+json", "application/json", "application/fhir+json; charset=utf-8", "application/fhir+json;charset=utf-8":
		return nil
	case "":
		return refuse(http.StatusUnsupportedMediaType, fhir.CodeNotSupported, "", "the request has no Content-Type; send application/fhir+json")
	}
	m := parseMediaType(contentType)
	switch {
	case m.isXML():
		return refuse(http.StatusUnsupportedMediaType, fhir.CodeNotSupported, "", "Content-Type %s: XML is not read by this server; send application/fhir+json", m.name)
	case !m.isJSON() || m.name == "json":
		return refuse(http.StatusUnsupportedMediaType, fhir.CodeNotSupported, "", "Content-Type %q is not supported; send application/fhir+json", m.name)
	case !m.isR4():
		return refuse(http.StatusUnsupportedMediaType, fhir.CodeNotSupported, "", "Content-Type names FHIR version %q; this server speaks 4.0 (R4)", m.fhirVersion)
	case m.charset != "" && m.charset != "utf-8" && m.charset != "utf8":
		return refuse(http.StatusUnsupportedMediaType, fhir.CodeNotSupported, "", "charset %q is not supported; FHIR is UTF-8", m.charset)
	}
	return nil
}
