package server

import (
	"fmt"
	"testing"
)

// TestWritesThatChangeNothing makes a new version by every write that leaves the content as it was: who wrote when is part of the record. History shows each of them as
// the update it was, a patch too: as PUT with the resource, so that a history can be sent as a transaction (R4 http.html#history, #other-bundles).
func TestWritesThatChangeNothing(t *testing.T) {
	const patient = `{"resourceType":"Patient","id":"p","active":true}`
	patchOf := func(contentType string) []string { return []string{"Content-Type", contentType} }
	binary := `{"resourceType":"Binary","contentType":"application/json-patch+json","data":"W10="}` // []
	writes := []step{
		{name: "create", method: "PUT", path: "/Patient/p", body: patient, status: 201},
		{name: "update", method: "PUT", path: "/Patient/p", body: patient},
		{name: "conditional update", method: "PUT", path: "/Patient?_id=p", body: patient},
		{name: "empty JSON Patch", method: "PATCH", path: "/Patient/p", headers: patchOf("application/json-patch+json"), body: `[]`},
		{name: "JSON Patch that only tests", method: "PATCH", path: "/Patient/p", headers: patchOf("application/json-patch+json"), body: `[{"op":"test","path":"/active","value":true}]`},
		{name: "JSON Patch that says the same", method: "PATCH", path: "/Patient/p", headers: patchOf("application/json-patch+json"), body: `[{"op":"replace","path":"/active","value":true}]`},
		{name: "empty FHIRPath Patch", method: "PATCH", path: "/Patient/p", body: `{"resourceType":"Parameters"}`},
		{name: "empty XML Patch", method: "PATCH", path: "/Patient/p", headers: patchOf("application/xml-patch+xml"), body: `<diff/>`},
		{name: "conditional patch", method: "PATCH", path: "/Patient?_id=p", headers: patchOf("application/json-patch+json"), body: `[]`},
		{name: "update in a transaction", method: "POST", path: "", body: bundleOf("transaction", requestEntry("", patient, "PUT", "Patient/p"))},
		{name: "patch in a transaction", method: "POST", path: "", body: bundleOf("transaction", requestEntry("", binary, "PATCH", "Patient/p"))},
		{name: "update in a batch", method: "POST", path: "", body: bundleOf("batch", requestEntry("", patient, "PUT", "Patient/p"))},
		{name: "patch in a batch", method: "POST", path: "", body: bundleOf("batch", requestEntry("", binary, "PATCH", "Patient/p"))},
	}
	f := newFixture(t)
	for i, s := range writes {
		if s.status == 0 {
			s.status = 200
		}
		s.answer = "*"
		f.run(t, []step{s, {name: s.name + ", read", method: "GET", path: "/Patient/p", status: 200, want: []string{fmt.Sprintf(`ETag: W/"%d"`, i+1)}, answer: `..."active":true}`}})
	}
	b := parseBundle(t, f.do("GET", "/Patient/p/_history?_count=100", "").body)
	diff(t, len(writes), len(b.Entry))
	for i, e := range b.Entry {
		diff(t, []string{"PUT", "Patient/p", "Patient"}, []string{e.Request.Method, e.Request.URL, e.Resource.ResourceType})
		want := "200 OK"
		if i == len(b.Entry)-1 {
			want = "201 Created"
		}
		diff(t, want, e.Response.Status)
	}
}
