package server

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// discard is a ResponseWriter that costs nothing, so that the benchmarks measure the pipeline.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(status int)      { d.status = status }

const benchObservation = `{"resourceType":"Observation","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}]}],` +
	`"code":{"coding":[{"system":"http://loinc.org","code":"8867-4"}]},"subject":{"reference":"Patient/p"},"effectiveDateTime":"2024-05-06T07:08:09Z","valueQuantity":{"value":%d,"unit":"/min","system":"http://unitsofmeasure.org","code":"/min"}}`

func BenchmarkRead(b *testing.B) {
	f := newFixture(b, func(c *Config) { c.IDs, c.Validation = nil, ValidateWrites })
	location := f.do("POST", "/Observation", fmt.Sprintf(benchObservation, 60)).header.Get("Location")
	path := strings.TrimPrefix(withoutVersion(location), f.url)
	handler := f.server.Handler()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		request := httptest.NewRequestWithContext(b.Context(), "GET", path, nil)
		w := &discard{header: http.Header{}}
		for pb.Next() {
			clear(w.header)
			handler.ServeHTTP(w, request)
			if w.status != 200 {
				b.Fatal(w.status)
			}
		}
	})
}

func BenchmarkCreate(b *testing.B) {
	benchCreate(b, newFixture(b, func(c *Config) { c.IDs, c.Validation = nil, ValidateWrites }), 32)
}

// benchCreate creates Observations, clients of each processor at a time.
func benchCreate(b *testing.B, f *fixture, clients int) {
	handler := f.server.Handler()
	body := fmt.Sprintf(benchObservation, 60)
	b.ReportAllocs()
	b.SetParallelism(clients)
	b.RunParallel(func(pb *testing.PB) {
		w := &discard{header: http.Header{}}
		for pb.Next() {
			request := httptest.NewRequestWithContext(b.Context(), "POST", Mount+"/Observation", strings.NewReader(body))
			request.Header["Content-Type"] = []string{"application/fhir+json"}
			clear(w.header)
			handler.ServeHTTP(w, request)
			if w.status != 201 {
				b.Fatal(w.status)
			}
		}
	})
}

func BenchmarkSearch(b *testing.B) {
	benchAsk(b, newFixture(b, func(c *Config) { c.IDs, c.Validation = nil, ValidateWrites }), "/Observation?patient=p&code=8867-4&_sort=-date&_count=20")
}

// benchAsk asks for one thing, among 200 Observations and Observation/o.
func benchAsk(b *testing.B, f *fixture, path string) {
	for i := range 200 {
		f.do("POST", "/Observation", fmt.Sprintf(benchObservation, i))
	}
	f.do("PUT", "/Observation/o", strings.Replace(fmt.Sprintf(benchObservation, 60), `"status"`, `"id":"o","status"`, 1))
	handler := f.server.Handler()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		request := httptest.NewRequestWithContext(b.Context(), "GET", Mount+path, nil)
		w := &discard{header: http.Header{}}
		for pb.Next() {
			clear(w.header)
			handler.ServeHTTP(w, request)
			if w.status != 200 {
				b.Fatal(w.status)
			}
		}
	})
}
