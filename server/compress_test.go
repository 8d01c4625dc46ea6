package server

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

func TestAcceptedEncoding(t *testing.T) {
	for header, want := range map[string]encoding{
		"": identity, "gzip": gzipped, "GZIP ; q=1": gzipped, "zstd": zstandard, "gzip, zstd": zstandard, "zstd;q=0.5, gzip;q=0.8": gzipped, "br": identity,
		"gzip;q=0": identity, "gzip;q=0, zstd;q=0.1": zstandard, "*": gzipped, "identity, deflate, br;q=1.0, *;q=0.5": gzipped, "gzip;q=x": identity, ",;": identity,
	} {
		h := http.Header{}
		if header != "" {
			h.Set("Accept-Encoding", header)
		}
		if got := acceptedEncoding(h); got != want {
			t.Errorf("%q: %v, want %v", header, got, want)
		}
	}
}

func unpacked(t *testing.T, encoding, body string) string {
	t.Helper()
	var r io.Reader = strings.NewReader(body)
	switch encoding {
	case "gzip":
		z, err := gzip.NewReader(r)
		if err != nil {
			t.Fatal(err)
		}
		r = z
	case "zstd":
		z, err := zstd.NewReader(r)
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		r = z
	}
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestCompression gets answers of all kinds plain and compressed: the content is the same, HEAD has the headers of GET.
func TestCompression(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Clock, c.IDs = fixedClock, func() string { return "id" } })
	for i := range 40 {
		id := fmt.Sprintf("b%02d", i)
		body := fmt.Sprintf(`{"resourceType":"Basic","id":"%s","code":{"text":"%s"}}`, id, strings.Repeat("text ", 500))
		if got := f.do("PUT", "/Basic/"+id, body); got.status != 201 {
			t.Fatal(got)
		}
	}
	if got := f.do("PUT", "/Basic/small", `{"resourceType":"Basic","id":"small"}`); got.status != 201 {
		t.Fatal(got)
	}
	tests := []struct {
		name, path string
		large      bool
		length     bool // the length is known beforehand
	}{
		{"read", "/Basic/b01", true, true},
		{"small read", "/Basic/small", false, true},
		{"refusal", "/Basic/none", false, true},
		{"a page that fits", "/Basic?_count=2", true, true},
		{"a page that does not", "/Basic", true, false}, // net/http may find out its length
		{"pretty", "/Basic?_pretty=true", true, true},
		{"summary", "/Basic?_summary=count", false, true},
		{"history", "/_history", true, false},
		{"metadata", "/metadata", true, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			plain := f.do("GET", test.path, "", "Accept-Encoding", "identity")
			vary := "Accept"
			if test.large {
				vary = "Accept, Accept-Encoding"
			}
			diff(t, []string{"", vary}, []string{plain.header.Get("Content-Encoding"), plain.header.Get("Vary")})
			for _, encoding := range []string{"gzip", "zstd"} {
				got := f.do("GET", test.path, "", "Accept-Encoding", encoding)
				wantEncoding := ""
				if test.large {
					wantEncoding = encoding
				}
				length := got.header.Get("Content-Length")
				diff(t, []any{plain.status, wantEncoding, vary}, []any{got.status, got.header.Get("Content-Encoding"), got.header.Get("Vary")})
				diff(t, plain.body, unpacked(t, wantEncoding, got.body))
				if test.large && len(got.body) > len(plain.body)/2 || test.length && length != strconv.Itoa(len(got.body)) {
					t.Errorf("%d bytes of %d, length %q", len(got.body), len(plain.body), length)
				}
				head := f.do("HEAD", test.path, "", "Accept-Encoding", encoding)
				diff(t, []string{wantEncoding, vary, length, got.header.Get("Content-Type"), ""},
					[]string{head.header.Get("Content-Encoding"), head.header.Get("Vary"), head.header.Get("Content-Length"), head.header.Get("Content-Type"), head.body})
			}
		})
	}
}

func TestIsCompressible(t *testing.T) {
	for contentType, want := range map[string]bool{contentTypeFHIR: true, "application/fhir+xml; charset=utf-8": true, contentTypeText: true, "image/png": false, "application/pdf": false} {
		if got := isCompressible(contentType); got != want {
			t.Errorf("%s: %v", contentType, got)
		}
	}
}

// TestCompressorsAreReused shows that an encoder that comes back from the pool begins anew.
func TestCompressorsAreReused(t *testing.T) {
	var c compressors
	for _, e := range []encoding{gzipped, zstandard} {
		for _, text := range []string{"one", "", strings.Repeat("two ", 1000)} {
			var b bytes.Buffer
			if err := c.encode(e, &b, []byte(text)); err != nil {
				t.Fatal(err)
			}
			diff(t, text, unpacked(t, e.String(), b.String()))
		}
	}
}
