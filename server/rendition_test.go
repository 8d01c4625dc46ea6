package server

import (
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

// TestStatementForms asks for the CapabilityStatement in all its forms twice: the second answer is the first one, and was not made again.
func TestStatementForms(t *testing.T) {
	f := newFixture(t)
	ask := func(path string, headers ...string) answer {
		t.Helper()
		got := f.do("GET", path, "", headers...)
		if got.status != 200 {
			t.Fatal(got)
		}
		return got
	}
	for _, path := range []string{"/metadata", "/metadata?_pretty=true", "/metadata?_format=xml", "/metadata?_format=xml&_pretty=true"} {
		plain := ask(path, "Accept-Encoding", "identity")
		for _, encoding := range []string{"identity", "gzip", "zstd"} {
			t.Run(path+" "+encoding, func(t *testing.T) {
				first, second := ask(path, "Accept-Encoding", encoding), ask(path, "Accept-Encoding", encoding)
				diff(t, first.body, second.body)
				for _, name := range []string{"Content-Type", "Etag", "Vary", "Last-Modified", "Content-Length", "Content-Encoding"} {
					diff(t, first.header.Get(name), second.header.Get(name))
				}
				diff(t, "Accept, Accept-Encoding", first.header.Get("Vary"))
				want := encoding
				if encoding == "identity" {
					want = ""
				}
				diff(t, want, first.header.Get("Content-Encoding"))
				diff(t, plain.body, unpacked(t, want, first.body))
			})
		}
	}
	st, err := f.server.statements.get(f.server.newStatement)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, 12, len(st.forms.made))
}

// TestCapabilitiesChanged changes what the statement is made of.
func TestCapabilitiesChanged(t *testing.T) {
	var now atomic.Int64 // seconds
	now.Store(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Unix())
	f := newFixture(t, func(c *Config) { c.Clock = func() time.Time { return time.Unix(now.Load(), 0) } })
	before := f.do("GET", "/metadata", "")
	now.Add(3600)
	f.server.capabilitiesChanged()
	same := f.do("GET", "/metadata", "")
	diff(t, []string{before.header.Get("Etag"), "Thu, 01 Jan 2026 01:00:00 GMT"}, []string{same.header.Get("Etag"), same.header.Get("Last-Modified")})
	f.server.version = "2.0.0"
	if got := f.do("GET", "/metadata", "").body; got != same.body {
		t.Error("the statement changed before it was told to")
	}
	f.server.capabilitiesChanged()
	f.run(t, []step{
		{name: "changed", method: "GET", path: "/metadata", headers: []string{"If-None-Match", before.header.Get("Etag")}, status: 200, answer: `..."version":"2.0.0"`},
		{name: "entry of a batch", method: "POST", path: "", body: `{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"metadata"}}]}`, status: 200, answer: `..."version":"2.0.0"`},
	})
}

// BenchmarkMetadata reads the CapabilityStatement as browsers do.
func BenchmarkMetadata(b *testing.B) {
	f := newFixture(b)
	handler := f.server.Handler()
	request := httptest.NewRequestWithContext(b.Context(), "GET", Mount+"/metadata", nil)
	request.Header["Accept-Encoding"] = []string{"gzip"}
	w := &discard{header: map[string][]string{}}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		if handler.ServeHTTP(w, request); w.status != 200 {
			b.Fatal(w.status)
		}
	}
}
