package server

import "testing"

func metaParameters(meta string) string {
	return `{"resourceType":"Parameters","parameter":[{"name":"meta","valueMeta":` + meta + `}]}`
}

func TestMeta(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Clock = fixedClock })
	f.put(t, "/Patient/p", `{"resourceType":"Patient","id":"p","meta":{"source":"urn:device","profile":["http://example.org/a"],"tag":[{"system":"urn:t","code":"a","display":"A"}]},"active":true}`)
	answer := func(meta string) string {
		return `{"resourceType":"Parameters","parameter":[{"name":"return","valueMeta":{` + meta + `}}]}`
	}
	stamps := func(version, second string) string {
		return `"versionId":"` + version + `","lastUpdated":"2026-01-02T03:04:` + second + `.000Z","source":"urn:device",`
	}
	const a = `{"system":"urn:t","code":"a","display":"A"}`
	f.run(t, []step{
		{name: "read", method: "GET", path: "/Patient/p/$meta", status: 200, want: []string{`ETag: W/"1"`, "Last-Modified: Fri, 02 Jan 2026 03:04:05 GMT"},
			answer: answer(stamps("1", "05") + `"profile":["http://example.org/a"],"tag":[` + a + `]`)},
		{name: "add", method: "POST", path: "/Patient/p/$meta-add", status: 200, want: []string{`ETag: W/"2"`},
			body:   metaParameters(`{"profile":["http://example.org/b","http://example.org/a"],"security":[{"system":"urn:s","code":"R"}],"tag":[{"system":"urn:t","code":"a"},{"system":"urn:u","code":"a"}]}`),
			answer: answer(stamps("2", "06") + `"profile":["http://example.org/a","http://example.org/b"],"security":[{"system":"urn:s","code":"R"}],"tag":[` + a + `,{"system":"urn:u","code":"a"}]`)},
		{name: "add what is there", method: "POST", path: "/Patient/p/$meta-add", status: 200, want: []string{`ETag: W/"2"`}, body: metaParameters(`{"tag":[{"system":"urn:t","code":"a","version":"9"}]}`), answer: "*"},
		{name: "delete", method: "POST", path: "/Patient/p/$meta-delete", status: 200, want: []string{`ETag: W/"3"`},
			body:   metaParameters(`{"profile":["http://example.org/a"],"security":[{"system":"urn:s","code":"R"}],"tag":[{"system":"urn:t","code":"a"},{"code":"none"}]}`),
			answer: answer(stamps("3", "07") + `"profile":["http://example.org/b"],"tag":[{"system":"urn:u","code":"a"}]`)},
		{name: "delete with a version", method: "POST", path: "/Patient/p/$meta-delete", headers: []string{"If-Match", `W/"2"`}, status: 412, body: metaParameters(`{"tag":[{"system":"urn:u","code":"a"}]}`), answer: "*"},
		{name: "the resource", method: "GET", path: "/Patient/p", status: 200,
			answer: `{"resourceType":"Patient","id":"p","meta":{` + stamps("3", "07") + `"profile":["http://example.org/b"],"tag":[{"system":"urn:u","code":"a"}]},"active":true}`},
		{name: "its index", method: "GET", path: "/Patient?_tag=urn:u|a&_profile=http://example.org/b", status: 200, answer: `..."total":1`},
		{name: "its old index", method: "GET", path: "/Patient?_tag=urn:t|a", status: 200, answer: `..."total":0`},
		{name: "in a batch", method: "POST", path: "", status: 200, body: `{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"POST","url":"Patient/p/$meta-add"},"resource":` + metaParameters(`{"tag":[{"code":"b"}]}`) + `}]}`,
			answer: `...,"tag":[{"system":"urn:u","code":"a"},{"code":"b"}]}}]}`},
		{name: "in a transaction", method: "POST", path: "", status: 400, body: `{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"POST","url":"Patient/p/$meta-add"},"resource":` + metaParameters(`{"tag":[{"code":"b"}]}`) + `}]}`,
			answer: outcome("not-supported", "$meta-add changes resources and cannot be part of a transaction; use a batch", "Bundle.entry[0]")},
		{name: "by GET", method: "GET", path: "/Patient/p/$meta-add", status: 405, answer: outcome("not-supported", "GET is not supported at Patient/p/$meta-add; allowed here: POST"), want: []string{"Allow: POST"}},
		{name: "without meta", method: "POST", path: "/Patient/p/$meta-add", status: 400, answer: outcome("required", "$meta-add needs the parameter meta", "http.meta")},
		{name: "a meta that is none", method: "POST", path: "/Patient/p/$meta-add", body: metaParameters(`"x"`), status: 400, answer: outcome("value", "meta must be a Meta", "Parameters.parameter[0]")},
		{name: "a tag without a code", method: "POST", path: "/Patient/p/$meta-add", body: metaParameters(`{"tag":[{"system":"urn:t"}]}`), status: 400, answer: outcome("value", "tag must be a list of Codings with a code", "Meta.tag")},
		{name: "absent", method: "GET", path: "/Patient/none/$meta", status: 404, answer: "*"},
		{name: "of a version", method: "GET", path: "/Patient/p/_history/1/$meta", status: 200, want: []string{`ETag: W/"1"`}, answer: answer(stamps("1", "05") + `"profile":["http://example.org/a"],"tag":[` + a + `]`)},
		{name: "of no version", method: "GET", path: "/Patient/p/_history/99/$meta", status: 404, answer: "*"},
		{name: "of a version in a batch", method: "POST", path: "", status: 200, body: `{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"Patient/p/_history/1/$meta"}}]}`, answer: `...` + a},
		{name: "change a version", method: "POST", path: "/Patient/p/_history/1/$meta-add", status: 404, body: metaParameters(`{"tag":[{"code":"b"}]}`),
			answer: outcome("not-supported", "versions never change; $meta-add is for the resource, at Patient/p/$meta-add")},
		{name: "add to a type", method: "POST", path: "/Patient/$meta-add", status: 404, body: metaParameters(`{"tag":[{"code":"b"}]}`), answer: "*"},
		{name: "of a type", method: "GET", path: "/Patient/$meta", status: 200, want: []string{"ETag:"}, answer: answer(`"profile":["http://example.org/b"],"tag":[{"code":"b"},{"system":"urn:u","code":"a"}]`)},
		{name: "of a type without labels", method: "GET", path: "/Device/$meta", status: 200, answer: answer("")},
		{name: "of a type that is none", method: "GET", path: "/Pazient/$meta", status: 404, answer: "*"},
		{name: "of the system, in XML", method: "GET", path: "/$meta?_format=xml", status: 200, answer: `...<valueMeta><profile value="http://example.org/b"/><tag><code value="b"/></tag>`},
		{name: "with a parameter", method: "GET", path: "/$meta?x=1", status: 400, answer: "*"},
		{name: "messages", method: "POST", path: "/$process-message", body: `{}`, status: 404, answer: `...messaging is not supported`},
		{name: "versions", method: "GET", path: "/$versions", status: 200, answer: `{"resourceType":"Parameters","parameter":[{"name":"version","valueCode":"4.0"},{"name":"default","valueCode":"4.0"}]}`},
		{name: "versions with a parameter", method: "GET", path: "/$versions?x=1", status: 400, answer: outcome("not-supported", `$versions has no parameter \"x\"; it takes none`, "http.x")},
	})
}
