package conformance

import (
	"io"
	"net/http"
	"strings"
)

const (
	jsonType = "application/fhir+json"
	xmlType  = "application/fhir+xml"
	formType = "application/x-www-form-urlencoded"
	absent   = "\x00" // as a header's value: not sent, although it would be
)

// send sends a request to an address below the base, or to a whole URL. What a body is, its first character says, unless a header does.
func (s *session) send(method, address, body string, headers ...string) *answer {
	s.t.Helper()
	a := &answer{s: s, request: method + " " + address, format: formatOf(address, body, headers)}
	if !strings.HasPrefix(address, "http") {
		address = s.base + address
	}
	r, err := http.NewRequestWithContext(s.t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		s.t.Fatalf("%s: %v", a.request, err)
	}
	if body != "" {
		r.Header.Set("Content-Type", typeOf(body))
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Del(headers[i])
		if headers[i+1] != absent {
			r.Header[http.CanonicalHeaderKey(headers[i])] = []string{headers[i+1]}
		}
		a.request += " " + headers[i] + ": " + headers[i+1]
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatalf("%s: %v", a.request, err)
	}
	data, err := io.ReadAll(response.Body)
	if err := firstOf(err, response.Body.Close()); err != nil {
		s.t.Fatalf("%s: %v", a.request, err)
	}
	a.status, a.header, a.body = response.StatusCode, response.Header, string(data)
	return a
}

// formatOf is what a request wants to be answered in.
func formatOf(address, body string, headers []string) string {
	wanted := jsonType
	if body != "" && body[0] == '<' {
		wanted = xmlType
	}
	for i := 0; i+1 < len(headers); i += 2 {
		switch {
		case headers[i+1] == "application/xml-patch+xml":
			wanted = jsonType
		case headers[i] == "Accept" && strings.Contains(headers[i+1], "xml"):
			wanted = xmlType
		case headers[i] == "Accept":
			wanted = jsonType
		}
	}
	if _, format, found := strings.Cut(address, "_format="); found {
		wanted = jsonType
		if strings.Contains(format, "xml") {
			wanted = xmlType
		}
	}
	return wanted
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func typeOf(body string) string {
	switch body[0] {
	case '<':
		return xmlType
	case '[':
		return "application/json-patch+json"
	}
	return jsonType
}

func (s *session) get(address string, headers ...string) *answer {
	s.t.Helper()
	return s.send(http.MethodGet, address, "", headers...)
}

func (s *session) head(address string, headers ...string) *answer {
	s.t.Helper()
	return s.send(http.MethodHead, address, "", headers...)
}

func (s *session) post(address, body string, headers ...string) *answer {
	s.t.Helper()
	return s.send(http.MethodPost, address, body, headers...)
}

func (s *session) put(address, body string, headers ...string) *answer {
	s.t.Helper()
	return s.send(http.MethodPut, address, body, headers...)
}

func (s *session) patch(address, body string, headers ...string) *answer {
	s.t.Helper()
	return s.send(http.MethodPatch, address, body, headers...)
}

func (s *session) delete(address string, headers ...string) *answer {
	s.t.Helper()
	return s.send(http.MethodDelete, address, "", headers...)
}

// form sends a POST _search with the parameters in the body.
func (s *session) form(address, parameters string, headers ...string) *answer {
	s.t.Helper()
	return s.post(address, parameters, append([]string{"Content-Type", formType}, headers...)...)
}

// store puts a resource that the checks need; that it is stored is no check of its own.
func (s *session) store(resources ...string) {
	s.t.Helper()
	for _, resource := range resources {
		root := parseJSON(resource)
		a := s.put("/"+root.one("resourceType")+"/"+root.one("id"), resource)
		if a.status != http.StatusOK && a.status != http.StatusCreated {
			s.t.Fatalf("%s: %d %s", a.request, a.status, a.body)
		}
	}
}

// patient is a Patient with an id (empty for none) and more members, each behind a comma.
func patient(id string, more ...string) string { return resource("Patient", id, more...) }

func resource(typ, id string, more ...string) string {
	text := `{"resourceType":"` + typ + `"`
	if id != "" {
		text += `,"id":"` + id + `"`
	}
	for _, member := range more {
		text += "," + member
	}
	return text + "}"
}

// identifier is a member that tells the resources of one check from all others.
func identifier(value string) string {
	return `"identifier":[{"system":"urn:conformance","value":"` + value + `"}]`
}

// bundle is a Bundle of a type with entries as they are.
func bundle(typ string, entries ...string) string {
	return `{"resourceType":"Bundle","type":"` + typ + `","entry":[` + strings.Join(entries, ",") + `]}`
}

// entry is one entry: its request, its resource (empty for none) and more members of the request.
func entry(method, url, resource string, more ...string) string {
	text := `{`
	if resource != "" {
		text += `"resource":` + resource + `,`
	}
	text += `"request":{"method":"` + method + `","url":"` + url + `"`
	for _, member := range more {
		text += "," + member
	}
	return text + "}}"
}

// named is an entry with a fullUrl.
func named(fullURL, entry string) string { return `{"fullUrl":"` + fullURL + `",` + entry[1:] }
