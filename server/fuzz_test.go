package server

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/xml"
)

// FuzzBundle posts whatever there is to the base: the answer is never a server's fault, and always FHIR.
func FuzzBundle(f *testing.F) {
	patient := `{"resourceType":"Patient","id":"p","identifier":[{"system":"s","value":"v"}]}`
	f.Add([]byte(bundleOf("transaction", requestEntry("urn:uuid:a", patient, "POST", "Patient", "ifNoneExist", "identifier=s|v"),
		requestEntry("", `{"resourceType":"Observation","subject":{"reference":"urn:uuid:a"},"text":{"div":"<div><a href=\"urn:uuid:a\">x</a></div>"},"performer":[{"reference":"Patient?identifier=s|v"}]}`, "POST", "Observation"),
		requestEntry("", "", "GET", "Patient?_id=p&_sort=-birthdate"), requestEntry("", patient, "PUT", "Patient/p", "ifMatch", `W/\"1\"`), requestEntry("", "", "DELETE", "Patient/p"))))
	f.Add([]byte(bundleOf("batch", requestEntry("http://a/b/Patient/1", patient, "POST", "Patient"), requestEntry("", `{"resourceType":"Basic","subject":{"reference":"Patient/1"}}`, "POST", "Basic"),
		requestEntry("", "", "GET", "Patient/p/_history?_count=1"), requestEntry("", "", "HEAD", "metadata"), requestEntry("", "", "POST", "Patient/_search?name=x"))))
	f.Add([]byte(`{"resourceType":"Bundle","type":"batch","entry":[null,1,"x",[],{}]}`))
	f.Add([]byte(`{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"GET","url":"?\u0000"}}]}`))
	fixture := newFixture(f, func(c *Config) { c.Limits.BundleEntries = 50 })
	handler := fixture.server.Handler()
	f.Fuzz(func(t *testing.T, body []byte) {
		request := httptest.NewRequestWithContext(t.Context(), "POST", Mount, strings.NewReader(string(body)))
		request.Header.Set("Content-Type", "application/fhir+json")
		recorder := httptest.NewRecorder()
		begin := time.Now()
		handler.ServeHTTP(recorder, request)
		if recorder.Code >= 500 {
			t.Fatalf("%d %s", recorder.Code, recorder.Body)
		}
		res, err := fhir.ParseResource(recorder.Body.Bytes())
		if err != nil || res.Type() != "Bundle" && res.Type() != "OperationOutcome" {
			t.Fatalf("not an answer: %v %s", err, recorder.Body)
		}
		if strings.Contains(recorder.Body.String(), `"status":"5`) {
			t.Fatalf("an entry fails by the server's fault: %s", recorder.Body)
		}
		if took := time.Since(begin); took > 5*time.Second {
			t.Fatalf("took %v", took)
		}
	})
}

// FuzzURL asks for whatever there is: an answer or a refusal that is FHIR.
func FuzzURL(f *testing.F) {
	for _, path := range []string{"", "/", "/metadata", "/Patient/p", "/Patient/p/_history/1", "/Patient/$x", "/_history", "//", "/Patient//p", "/:type/:id"} {
		f.Add(path, "")
	}
	for _, query := range []string{"name=x", "_id=a,b&_count=3", "birthdate=ge2000-01&_sort=-birthdate,_id", "identifier=s|v&_cursor=xyz", "_summary=count", "link:missing=true", "%zz", "a=;", "_format=xml", "_pretty=true"} {
		f.Add("/Patient", query)
	}
	fixture := newFixture(f)
	handler := fixture.server.Handler()
	f.Fuzz(func(t *testing.T, path, query string) {
		request := httptest.NewRequestWithContext(t.Context(), "GET", Mount, nil)
		request.URL.Path = Mount + path
		request.URL.RawQuery = query
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, request)
		if recorder.Code >= 500 {
			t.Fatalf("%d %s", recorder.Code, recorder.Body)
		}
		body := recorder.Body.Bytes()
		if recorder.Header().Get("Content-Type") == contentTypeXML {
			var err error
			if body, err = xml.Decode(body, fixture.server.definitions); err != nil {
				t.Fatalf("not XML: %v %s", err, recorder.Body)
			}
		}
		if _, err := fhir.ParseResource(body); err != nil {
			t.Fatalf("not an answer: %v %s", err, recorder.Body)
		}
	})
}
