package conformance

import (
	"net/http"
	"strings"
	"time"
)

func readLines() []line {
	return []line{
		{
			group: "read", name: "etag-and-last-modified", run: readHeaders,
			says: "read and vread are 200 with `ETag: W/\"version\"` and `Last-Modified`, which agree with `meta`; a version is answered as it was.",
		},
		{
			group: "read", name: "unknown-or-malformed", run: readUnknown,
			says: "An unknown id is 404, a malformed one 400, an unknown type 404, each with an OperationOutcome.",
		},
		{
			group: "read", name: "deleted", run: readDeleted,
			says: "What was deleted is 410 on read and on vread of the version that deleted it; earlier versions stay readable; an unknown version is 404.",
		},
		{
			group: "read", name: "conditional", run: readConditional,
			says: "`If-None-Match` and `If-Modified-Since` are answered with 304 when nothing changed, and the first wins; names of types are case-sensitive.",
		},
	}
}

func readHeaders(s *session) {
	s.store(patient("headers", `"active":false`))
	s.store(patient("headers", `"active":true`))
	for _, accept := range []string{jsonType, xmlType} {
		current := s.get("/Patient/headers", "Accept", accept).is(200).holds(accept, "Patient").has("ETag", `W/"2"`).at("meta.versionId", "2").at("id", "headers").at("active", "true")
		updated, err := time.Parse(time.RFC3339, current.root().one("meta.lastUpdated"))
		current.check(err == nil, "meta.lastUpdated: %v", err)
		current.has("Last-Modified", updated.UTC().Format(http.TimeFormat))
		s.get("/Patient/headers/_history/2", "Accept", accept).is(200).has("ETag", `W/"2"`).has("Last-Modified", current.header.Get("Last-Modified")).at("active", "true")
		s.get("/Patient/headers/_history/1", "Accept", accept).is(200).holds(accept, "Patient").has("ETag", `W/"1"`).hasLike("Last-Modified", ".* GMT").at("meta.versionId", "1").at("active", "false")
	}
	s.get("/Patient/headers/").is(200).at("id", "headers")
}

func readUnknown(s *session) {
	s.store(patient("known"))
	for _, accept := range []string{jsonType, xmlType} {
		s.get("/Patient/nobody-knows", "Accept", accept).refused(404, "not-found").naming("nobody-knows")
		s.get("/Patient/nobody-knows/_history/1", "Accept", accept).refused(404, "not-found")
		s.get("/Patient/"+strings.Repeat("x", 64), "Accept", accept).refused(404, "not-found")
		s.get("/Patient/"+strings.Repeat("x", 65), "Accept", accept).refused(400, "value")
		s.each("a_b ; a%20b ; a%7Cb ; %C3%A4 ; a%00b ; a*b ; a,b", func(id string) {
			s.get("/Patient/"+id, "Accept", accept).refused(400, "value")
		})
		s.get("/Patient/known/_history/a_b", "Accept", accept).refused(404, "not-found")
		s.each("Patients ; Nothing ; Resource ; DomainResource ; Element ; HumanName", func(typ string) {
			s.get("/"+typ+"/known", "Accept", accept).refused(404, "not-supported").naming(typ)
		})
		s.get("/Observation/known", "Accept", accept).refused(404, "not-found")
	}
}

func readDeleted(s *session) {
	s.store(patient("deleted", `"active":true`))
	s.delete("/Patient/deleted").is(204)
	for _, accept := range []string{jsonType, xmlType} {
		s.get("/Patient/deleted", "Accept", accept).refused(410, "deleted").naming("Patient/deleted")
		s.get("/Patient/deleted/_history/2", "Accept", accept).refused(410, "deleted")
		s.get("/Patient/deleted/_history/1", "Accept", accept).is(200).at("active", "true")
		s.get("/Patient/deleted/_history/3", "Accept", accept).refused(404, "not-found")
		s.get("/Patient/deleted/_history/0", "Accept", accept).refused(404, "not-found")
		s.get("/Patient/deleted/_history/first", "Accept", accept).refused(404, "not-found")
	}
	s.head("/Patient/deleted").is(410).isEmpty()
	s.get("/Patient/deleted", "If-None-Match", `W/"2"`).refused(410, "deleted")
}

func readConditional(s *session) {
	s.store(patient("conditional"))
	s.store(patient("conditional", `"active":true`))
	modified := s.get("/Patient/conditional").is(200).header.Get("Last-Modified")
	at, err := http.ParseTime(modified)
	s.check(err == nil, "Last-Modified: %v", err)
	before, after := at.Add(-time.Minute).Format(http.TimeFormat), at.Add(time.Minute).Format(http.TimeFormat)
	s.each(`W/"2" ; "2" ; W/"1", W/"2" ; *`, func(tags string) {
		s.get("/Patient/conditional", "If-None-Match", tags).is(304).isEmpty().has("ETag", `W/"2"`)
	})
	s.each(`W/"1" ; W/"3" ; "nonsense" ; nonsense`, func(tags string) {
		s.get("/Patient/conditional", "If-None-Match", tags).is(200).at("active", "true")
	})
	s.get("/Patient/conditional", "If-Modified-Since", modified).is(304).isEmpty()
	s.get("/Patient/conditional", "If-Modified-Since", after).is(304).isEmpty()
	s.get("/Patient/conditional", "If-Modified-Since", before).is(200).at("active", "true")
	s.get("/Patient/conditional", "If-Modified-Since", "yesterday").is(200)
	s.get("/Patient/conditional", "If-None-Match", `W/"1"`, "If-Modified-Since", after).is(200)
	s.get("/Patient/conditional", "If-None-Match", `W/"2"`, "If-Modified-Since", before).is(304)
	s.get("/Patient/conditional", "If-None-Match", `W/"2"`, "Accept", xmlType).is(304).isEmpty()
	s.get("/metadata", "If-None-Match", s.get("/metadata").header.Get("ETag")).is(304).isEmpty()
	s.each("patient ; PATIENT ; pATIENT", func(typ string) {
		s.get("/"+typ+"/conditional").refused(404, "not-supported").naming(typ)
		s.get("/"+typ).refused(404, "not-supported")
		s.post("/"+typ, patient("")).refused(404, "not-supported")
	})
	s.get("/Patient/Conditional").refused(404, "not-found")
	s.post("/Patient", `{"resourceType":"patient"}`).refused(400, "")
}
