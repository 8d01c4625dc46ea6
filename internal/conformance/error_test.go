package conformance

import (
	"net/http"
	"strings"
	"time"
)

func errorLines() []line {
	return []line{{
		group: "errors", name: "bodies-and-headers", run: errorsAndHeaders,
		says:  "Every 4xx is an OperationOutcome in the negotiated format with severity, code and diagnostics and nothing of the inside; 405 has Allow; an unknown operation is 404; `X-Request-Id` is echoed; `Prefer: respond-async` is 202 with Content-Location.",
		notes: []note{{later, "401 with `WWW-Authenticate: Bearer` comes with authorization; until then the server runs on loopback for development only, and an Authorization header is not read."}},
	}}
}

func errorsAndHeaders(s *session) {
	s.store(patient("errors"))
	for _, accept := range []string{jsonType, xmlType} {
		s.get("/Patient/nobody-errors", "Accept", accept).refused(404, "not-found")
		s.get("/Nothing", "Accept", accept).refused(404, "not-supported")
		s.get("/Patient/errors/nonsense/deep/down", "Accept", accept).refused(404, "not-supported")
		s.get(strings.TrimSuffix(s.base, "/fhir")+"/elsewhere", "Accept", accept).refused(404, "not-supported")
		s.post("/Patient", "{", "Accept", accept).refused(400, "")
		s.get("/Patient?birthdate=x", "Accept", accept).refused(400, "")
		s.put("/Patient/errors", patient("errors"), "If-Match", `W/"99"`, "Accept", accept).refused(412, "conflict")
		s.put("/Patient/errors", "x", "Content-Type", "image/png", "Accept", accept).refused(415, "not-supported")
		for _, wrong := range []struct{ method, address, allow string }{
			{http.MethodPost, "/Patient/errors", "DELETE, GET, HEAD, PATCH, PUT"},
			{http.MethodPut, "", "GET, HEAD, POST"},
			{http.MethodDelete, "", "GET, HEAD, POST"},
			{http.MethodPut, "/Patient/errors/_history/1", "GET, HEAD"},
			{"TRACE", "/Patient/errors", "DELETE, GET, HEAD, PATCH, PUT"},
			{"NONSENSE", "/Patient", "DELETE, GET, HEAD, PATCH, POST, PUT"},
		} {
			a := s.send(wrong.method, wrong.address, "", "Accept", accept).refused(405, "not-supported")
			allowed := strings.Join(sorted(strings.Split(a.header.Get("Allow"), ", ")), ", ")
			a.check(allowed == wrong.allow, "Allow: %q, want %q", allowed, wrong.allow)
		}
		s.each("/$nonsense ; /Patient/$nonsense ; /Patient/errors/$nonsense ; /Patient/$lastn ; /Observation/$everything", func(address string) {
			s.get(address, "Accept", accept).refused(404, "not-supported").naming("$")
			s.post(address, `{"resourceType":"Parameters"}`, "Accept", accept).refused(404, "not-supported").naming("$")
		})
	}
	s.get("/Patient/errors", "X-Request-Id", "my-request.1").is(200).has("X-Request-Id", "my-request.1")
	s.get("/Patient/nobody-errors", "X-Request-Id", "my-request.2").is(404).has("X-Request-Id", "my-request.2")
	s.get("/Patient/errors").hasLike("X-Request-Id", "[-0-9A-Za-z]{8,}")
	s.get("/Patient/errors", "X-Request-Id", "with space").hasLike("X-Request-Id", "[-0-9A-Za-z]{8,}")
	s.get("/Patient/errors", "Authorization", "Bearer nonsense").is(200).lacks("WWW-Authenticate")
	asynchronously(s)
}

func asynchronously(s *session) {
	for _, accept := range []string{jsonType, xmlType} {
		started := s.get("/Patient?_id=errors", "Prefer", "respond-async", "Accept", accept).is(202).holds(accept, "OperationOutcome").hasLike("Content-Location", s.base+"/.+")
		status := started.header.Get("Content-Location")
		a := s.get(status, "Accept", accept)
		for a.status == http.StatusAccepted {
			time.Sleep(2 * time.Millisecond)
			a = s.get(status, "Accept", accept)
		}
		a.is(200).holds(accept, "Bundle").at("type", "batch-response").at("entry.response.status", "200 OK").at("entry.resource.type", "searchset").at("entry.resource.entry.resource.id", "errors")
		s.delete(status).is(202)
		s.get(status, "Accept", accept).refused(404, "not-found")
		s.delete(status, "Accept", accept).refused(404, "not-found")
		s.get("/Patient?birthdate=x", "Prefer", "respond-async", "Accept", accept).refused(400, "")
	}
	s.get("/Patient/errors", "Prefer", "respond-async").is(200) // a read is not long
}
