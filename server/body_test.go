package server

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// packed is data compressed with gzip.
func packed(t testing.TB, data []byte) []byte { return []byte(zipped(t, string(data))) }

// send sends a body of bytes; size -1 sends it in chunks, without Content-Length.
func (f *fixture) send(method, path string, body []byte, chunked bool, headers http.Header) answer {
	f.t.Helper()
	var reader io.Reader = bytes.NewReader(body)
	if chunked {
		reader = io.MultiReader(reader) // hides the length
	}
	r, err := http.NewRequestWithContext(context.Background(), method, f.base+path, reader)
	if err != nil {
		f.t.Fatal(err)
	}
	r.Header = headers
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		f.t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, string(data)}
}

// TestBodyLimits sends bodies at the limit and above, plain and packed, with a length and without.
func TestBodyLimits(t *testing.T) {
	const limit = 100_000
	f := newFixture(t, func(c *Config) { c.Limits.BodyBytes = limit })
	patient := func(size int) []byte {
		const head, tail = `{"resourceType":"Patient","id":"p","name":[{"text":"`, `"}]}`
		return []byte(head + strings.Repeat("x", size-len(head)-len(tail)) + tail)
	}
	tooLarge := outcome("too-long", "the body is larger than the limit of 100000 bytes")
	bomb := packed(t, make([]byte, 50_000_000))
	if len(bomb) > limit {
		t.Fatalf("%d bytes are no bomb", len(bomb))
	}
	tests := []struct {
		name     string
		body     []byte
		encoding []string
		status   int
		answer   string // part of it
	}{
		{"at the limit", patient(limit), nil, 201, ""},
		{"one above", patient(limit + 1), nil, 413, tooLarge},
		{"far above", patient(50 * limit), nil, 413, tooLarge},
		{"identity", patient(200), []string{"identity"}, 200, ""},
		{"packed", packed(t, patient(limit)), []string{"gzip"}, 200, ""},
		{"packed by its old name", packed(t, patient(limit)), []string{"X-GZIP"}, 200, ""},
		{"one above, packed", packed(t, patient(limit+1)), []string{"gzip"}, 413, tooLarge},
		{"bomb", bomb, []string{"gzip"}, 413, tooLarge},
		{"cut", packed(t, patient(limit))[:100], []string{"gzip"}, 400, "the body could not be read to its end, or is not valid gzip"},
		{"not packed", patient(200), []string{"gzip"}, 400, "the body could not be read to its end, or is not valid gzip"},
		{"unknown", patient(200), []string{"br"}, 415, `Content-Encoding \"br\" is not supported; send the body plain or with gzip`},
		{"twice", packed(t, packed(t, patient(200))), []string{"gzip, gzip"}, 415, `Content-Encoding \"gzip, gzip\" is not supported`},
		{"twice, in two lines", packed(t, packed(t, patient(200))), []string{"gzip", "gzip"}, 415, `Content-Encoding \"gzip, gzip\" is not supported`},
	}
	for _, tt := range tests {
		for _, chunked := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, chunked %v", tt.name, chunked), func(t *testing.T) {
				got := f.send("PUT", "/Patient/p", tt.body, chunked, http.Header{"Content-Type": {"application/fhir+json"}, "Content-Encoding": tt.encoding})
				if tt.status == 201 && chunked {
					tt.status = 200
				}
				if got.status != tt.status || !strings.Contains(got.body, tt.answer) {
					t.Errorf("%d %.300s", got.status, got.body)
				}
			})
		}
	}
}

// TestBinaryBodies sends content of all lengths around those of base64's groups, plain and packed, and reads it again.
func TestBinaryBodies(t *testing.T) {
	const limit = 200_000
	f := newFixture(t, func(c *Config) { c.Limits.BodyBytes = limit })
	for _, size := range []int{1, 2, 3, 4, 1000, 4095, 65_537, limit} {
		content := noise(size)
		for _, isPacked := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d bytes, packed %v", size, isPacked), func(t *testing.T) {
				headers, body := http.Header{"Content-Type": {"image/x-test"}, "X-Security-Context": {"Patient/p"}}, content
				if isPacked {
					if body = packed(t, content); len(body) > limit {
						body = packed(t, make([]byte, size))
						content = make([]byte, size)
					}
					headers["Content-Encoding"] = []string{"gzip"}
				}
				if got := f.send("PUT", "/Binary/b", body, isPacked, headers); got.status/100 != 2 {
					t.Fatal(got)
				}
				got := f.do("GET", "/Binary/b", "", "Accept", "image/*")
				if got.status != 200 || got.body != string(content) || got.header.Get("Content-Type") != "image/x-test" || got.header.Get("X-Security-Context") != "Patient/p" {
					t.Errorf("%d, %d bytes, %v", got.status, len(got.body), got.header)
				}
			})
		}
	}
	for _, body := range [][]byte{noise(limit + 1), packed(t, make([]byte, limit+1))} {
		headers := http.Header{"Content-Type": {"image/x-test"}}
		if len(body) < limit {
			headers["Content-Encoding"] = []string{"gzip"}
		}
		if got := f.send("POST", "/Binary", body, false, headers); got.status != 413 {
			t.Errorf("%d bytes: %d %s", len(body), got.status, got.body)
		}
	}
	if got := f.send("POST", "/Binary", nil, false, http.Header{"Content-Type": {"image/x-test"}}); got.status != 400 || !strings.Contains(got.body, "the request has no body") {
		t.Error(got)
	}
}

// noise is random bytes, the same each time.
func noise(size int) []byte {
	data := make([]byte, size)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range data {
		data[i] = byte(random.Uint32())
	}
	return data
}

// BenchmarkReadBody reads a body of 16 MiB; B/op says how many times it was held.
func BenchmarkReadBody(b *testing.B) {
	const size = 16 << 20
	plain := noise(size)
	for _, bench := range []struct {
		name   string
		body   []byte
		length int64
		header http.Header
	}{
		{"length", plain, size, http.Header{}},
		{"chunked", plain, -1, http.Header{}},
		{"gzip", packed(b, plain), -1, http.Header{"Content-Encoding": {"gzip"}}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(size)
			for b.Loop() {
				r := httptest.NewRequestWithContext(b.Context(), "POST", "/", bytes.NewReader(bench.body))
				r.Header, r.ContentLength = bench.header, bench.length
				if data, err := readBody(httptest.NewRecorder(), r, 64<<20); err != nil || len(data) != size {
					b.Fatal(len(data), err)
				}
			}
		})
	}
}

// BenchmarkBinary writes and reads content of 4 MiB.
func BenchmarkBinary(b *testing.B) {
	const size = 4 << 20
	f := newFixture(b, func(c *Config) { c.Validation = ValidateWrites })
	content := noise(size)
	handler := f.server.Handler()
	run := func(method string) func(*testing.B) {
		return func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(size)
			w := &discard{header: http.Header{}}
			for b.Loop() {
				r := httptest.NewRequestWithContext(b.Context(), method, Mount+"/Binary/b", bytes.NewReader(content))
				r.Header["Content-Type"] = []string{"image/png"}
				clear(w.header)
				if handler.ServeHTTP(w, r); w.status/100 != 2 {
					b.Fatal(w.status)
				}
			}
		}
	}
	b.Run("in", run("PUT"))
	b.Run("out", run("GET"))
}
