package server

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
)

// longHistory stores n Observations of a patient, a blood pressure in every hundred, the others one of five codes in turn when codes is 5.
func longHistory(b *testing.B, n, codes int) http.Handler {
	b.Helper()
	f := newFixture(b, func(c *Config) { c.IDs, c.Authenticator = nil, newGrants(b, c.Search) })
	handler := f.server.Handler()
	const size = 2000
	for from := 0; from < n; from += size {
		var entries []string
		for i := from; i < from+size; i++ {
			value := fmt.Sprintf("%d.%d", 50+i*7919%60, i%10)
			code := []string{"8867-4", "59408-5", "8310-5", "9279-1", "29463-7"}[i%codes]
			entries = append(entries, fmt.Sprintf(`{"request":{"method":"POST","url":"Observation"},"resource":{"resourceType":"Observation","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}]}],`+
				`"code":{"coding":[{"system":"http://loinc.org","code":%q}]},"subject":{"reference":"Patient/p"},"effectiveDateTime":"2024-%02d-%02dT%02d:%02d:%02dZ","valueQuantity":{"value":%s,"unit":"beats/minute","system":"http://unitsofmeasure.org","code":"/min"}}}`,
				code, 1+i/60/60/24/28%12, 1+i/60/60/24%28, i/60/60%24, i/60%60, i%60, value))
		}
		request := httptest.NewRequestWithContext(b.Context(), "POST", Mount, strings.NewReader(`{"resourceType":"Bundle","type":"transaction","entry":[`+strings.Join(entries, ",")+`]}`))
		request.Header.Set("Content-Type", "application/fhir+json")
		w := httptest.NewRecorder()
		if handler.ServeHTTP(w, request); w.Code != 200 {
			b.Fatal(w.Code, w.Body)
		}
	}
	return handler
}

// benchGet reports besides the time the processor time of the whole process, which other work on the machine hardly disturbs.
func benchGet(b *testing.B, handler http.Handler, path, grant string) {
	b.Helper()
	b.ReportAllocs()
	start := processorTime(b)
	for b.Loop() {
		w, request := &discard{header: http.Header{}}, httptest.NewRequestWithContext(b.Context(), "GET", Mount+path, nil)
		request.Header.Set("Grant", grant)
		if handler.ServeHTTP(w, request); w.status != 200 {
			b.Fatal(w.status)
		}
	}
	b.ReportMetric(float64(processorTime(b)-start)/float64(b.N)/1e6, "cpu-ms/op")
}

func processorTime(b *testing.B) int64 {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

const history = 100_000

// BenchmarkStats100k asks for the statistics of 100,000 heart rates, and of 20,000 among 100,000 Observations.
func BenchmarkStats100k(b *testing.B) {
	const path = "/Observation/$stats?subject=Patient/p&system=http://loinc.org&code=8867-4"
	handler := longHistory(b, history, 1)
	for _, c := range []struct{ name, query string }{
		{"few", "&statistic=average,maximum,minimum,count"},
		{"quartiles", "&statistic=average,maximum,minimum,count,median,std-dev,4-lower,4-upper"},
		{"duration", "&statistic=average,maximum,minimum,count&duration=1000000"},
		{"all", "&statistic=average,maximum,minimum,count,total-count,median,std-dev,sum,variance,20-percent,80-percent,4-lower,4-upper,4-dev,5-1,5-2,5-3,5-4,skew,kurtosis,regression"},
	} {
		b.Run(c.name, func(b *testing.B) { benchGet(b, handler, path+c.query, "") })
	}
	for _, grant := range []string{"compartment", "category"} {
		b.Run("as "+grant, func(b *testing.B) { benchGet(b, handler, path+"&statistic=average,maximum,minimum,count", grant) })
	}
	handler = longHistory(b, history, 5)
	b.Run("one of five codes", func(b *testing.B) {
		benchGet(b, handler, path+"&statistic=average,maximum,minimum,count,median,std-dev,4-lower,4-upper", "")
	})
}

// BenchmarkLastn100k asks for the newest of each of five codes.
func BenchmarkLastn100k(b *testing.B) {
	benchGet(b, longHistory(b, history, 5), "/Observation/$lastn?patient=p&category=vital-signs", "")
}
