package server

import (
	"net/http"
	"strings"
	"time"

	"github.com/firth-health/firth/fhir"
)

// conditions are the preconditions of a request as they were sent: headers, or elements of Bundle.entry.request.
type conditions struct {
	ifMatch         string
	ifNoneMatch     string
	ifModifiedSince string
	ifNoneExist     string
	hasIfNoneExist  bool // the header may be there and empty, which is an error
}

// unmet says in a refusal which of the preconditions does not hold, where one alone was sent.
func (c *conditions) unmet(outcome *fhir.OperationOutcome) *fhir.OperationOutcome {
	subject, _, _ := strings.Cut(outcome.Issues[0].Diagnostics, ": ")
	issue := outcome.Issues[0]
	switch {
	case c.ifMatch != "" && c.ifNoneMatch == "":
		issue.Expression, issue.Diagnostics = "http.If-Match", subject+": the current version is not "+printable(c.ifMatch)+", which If-Match asks for"
	case c.ifNoneMatch != "" && c.ifMatch == "":
		issue.Expression, issue.Diagnostics = "http.If-None-Match", subject+": exists, and If-None-Match asks that it does not"
	default:
		return outcome
	}
	return &fhir.OperationOutcome{Issues: []fhir.Issue{issue}}
}

func conditionsOf(h http.Header) conditions {
	c := conditions{
		ifMatch:         first(h, "If-Match"),
		ifNoneMatch:     first(h, "If-None-Match"),
		ifModifiedSince: first(h, "If-Modified-Since"),
	}
	if values, ok := h["If-None-Exist"]; ok {
		c.ifNoneExist, c.hasIfNoneExist = values[0], true
	}
	return c
}

// first is Header.Get for a name that is canonical already.
func first(h http.Header, name string) string {
	if values := h[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

func etag(version string) string { return `W/"` + version + `"` }

// parseETag reads W/"3" or "3" and returns the version id.
func parseETag(text string) (version string, ok bool) {
	text = strings.TrimPrefix(strings.TrimSpace(text), "W/")
	if len(text) < 3 || text[0] != '"' || text[len(text)-1] != '"' {
		return "", false
	}
	version = text[1 : len(text)-1]
	return version, fhir.IsID(version)
}

// matchVersion returns the version that If-Match demands, empty when it demands none.
func (c conditions) matchVersion() (string, error) {
	if c.ifMatch == "" {
		return "", nil
	}
	version, ok := parseETag(c.ifMatch)
	if !ok {
		return "", fhir.Invalidf(fhir.CodeValue, "", "If-Match must be the ETag of one version, such as W/\"3\"")
	}
	return version, nil
}

// createOnly reports whether If-None-Match demands that the resource must not exist.
func (c conditions) createOnly() (bool, error) {
	switch strings.TrimSpace(c.ifNoneMatch) {
	case "":
		return false, nil
	case "*":
		return true, nil
	}
	return false, fhir.Invalidf(fhir.CodeNotSupported, "", "If-None-Match of an update must be *")
}

// notModified answers a conditional read (RFC 9110 section 13: If-None-Match wins over If-Modified-Since). Dates that cannot be read are ignored, as
// the RFC demands.
func (c conditions) notModified(version string, lastUpdated time.Time) bool {
	if c.ifNoneMatch != "" {
		for item := range strings.SplitSeq(c.ifNoneMatch, ",") {
			if strings.TrimSpace(item) == "*" {
				return true
			}
			if have, ok := parseETag(item); ok && have == version {
				return true
			}
		}
		return false
	}
	if c.ifModifiedSince == "" {
		return false
	}
	since, err := http.ParseTime(c.ifModifiedSince)
	if err != nil {
		// In a Bundle it is an instant.
		instant, err := fhir.ParseDateTime(c.ifModifiedSince)
		return err == nil && !lastUpdated.After(instant.Low)
	}
	return !lastUpdated.Truncate(time.Second).After(since)
}
