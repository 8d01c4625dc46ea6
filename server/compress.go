package server

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// compressFrom is the size in bytes from which compression is worth the time of both sides.
const compressFrom = 2 << 10

// encoding is a content coding of an answer (RFC 9110 section 8.4.1). The zero value is none.
type encoding uint8

const (
	identity encoding = iota
	gzipped
	zstandard
	encodings // their number
)

func (e encoding) String() string {
	return [encodings]string{"identity", "gzip", "zstd"}[e]
}

// acceptedEncoding picks from Accept-Encoding what the client likes best, zstd of equals. It never refuses: what a client cannot read it does not ask for.
func acceptedEncoding(h http.Header) encoding {
	if len(h["Accept-Encoding"]) == 0 {
		return identity
	}
	best, bestQ := identity, 0.0
	for _, value := range h["Accept-Encoding"] {
		for item := range strings.SplitSeq(value, ",") {
			name, q := quality(item)
			var e encoding
			switch name {
			case "zstd":
				e = zstandard
			case "gzip", "x-gzip", "*":
				e = gzipped
			default:
				continue
			}
			if q > bestQ || q == bestQ && q > 0 && e > best {
				best, bestQ = e, q
			}
		}
	}
	return best
}

// quality reads "gzip;q=0.5".
func quality(item string) (name string, q float64) {
	name, parameters, _ := strings.Cut(item, ";")
	q = 1
	if value, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(parameters)), "q="); ok {
		parsed, err := strconv.ParseFloat(value, 64)
		if err != nil {
			parsed = 0
		}
		q = parsed
	}
	return strings.ToLower(strings.TrimSpace(name)), q
}

// isCompressible reports whether a media type is text. Images and their kin are compressed as they are.
func isCompressible(contentType string) bool {
	name, _, _ := strings.Cut(contentType, ";")
	return strings.HasPrefix(name, "text/") || strings.HasSuffix(name, "json") || strings.HasSuffix(name, "xml")
}

// compressor is a pooled encoder.
type compressor interface {
	io.WriteCloser
	Reset(io.Writer)
}

// compressors are the encoders of a server that are not in use, by encoding.
type compressors [encodings]sync.Pool

// get gives an encoder that writes to w. Speed is worth more than the last percent.
func (c *compressors) get(e encoding, w io.Writer) (compressor, error) {
	if z, ok := c[e].Get().(compressor); ok {
		z.Reset(w)
		return z, nil
	}
	if e == gzipped {
		return gzip.NewWriterLevel(w, gzip.BestSpeed)
	}
	return zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(256<<10), zstd.WithZeroFrames(true))
}

// put takes an encoder back.
func (c *compressors) put(e encoding, z compressor) {
	z.Reset(nil)
	c[e].Put(z)
}

// encode compresses a whole body.
func (c *compressors) encode(e encoding, w io.Writer, body []byte) error {
	z, err := c.get(e, w)
	if err != nil {
		return err
	}
	defer c.put(e, z)
	if _, err := z.Write(body); err != nil {
		return err
	}
	return z.Close()
}
