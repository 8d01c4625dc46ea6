package server

import (
	"bufio"
	"net/http"
	"strconv"
	"time"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/store"
)

// bundleWriter writes a Bundle as it goes: begin, total, links, entries, end, in that order.
type bundleWriter struct {
	w       *bufio.Writer
	links   links
	subset  *subset // of each resource
	hasLink bool
	entries int
	err     error // of the last write; the first error sticks to w
}

// raw writes JSON that stands in the program.
func (b *bundleWriter) raw(text string) { _, b.err = b.w.WriteString(text) }

// bytes writes JSON that was made or stored.
func (b *bundleWriter) bytes(data []byte) { _, b.err = b.w.Write(data) }

// quoted writes a JSON string.
func (b *bundleWriter) quoted(text string) { b.bytes(fhir.AppendQuoted(b.w.AvailableBuffer(), text)) }

func (b *bundleWriter) begin(kind, id string, now time.Time) {
	b.raw(`{"resourceType":"Bundle","id":"`)
	b.raw(id)
	b.raw(`","meta":{"lastUpdated":`)
	b.bytes(appendInstant(b.w.AvailableBuffer(), now))
	b.raw(`},"type":"`)
	b.raw(kind)
	b.raw(`"`)
}

func (b *bundleWriter) total(n int) {
	b.raw(`,"total":`)
	b.bytes(strconv.AppendInt(b.w.AvailableBuffer(), int64(n), 10))
}

func (b *bundleWriter) link(relation, address string) {
	if b.hasLink {
		b.raw(`,`)
	} else {
		b.raw(`,"link":[`)
		b.hasLink = true
	}
	b.raw(`{"relation":"`)
	b.raw(relation)
	b.raw(`","url":`)
	b.quoted(address)
	b.raw(`}`)
}

// next begins an entry. FHIR knows no empty arrays, so the array opens with the first one.
func (b *bundleWriter) next() {
	if b.entries > 0 {
		b.raw(`,`)
	} else {
		if b.hasLink {
			b.raw(`]`)
		}
		b.raw(`,"entry":[`)
	}
	b.entries++
}

// end completes the Bundle and returns what went wrong on the way.
func (b *bundleWriter) end() error {
	if b.entries > 0 || b.hasLink {
		b.raw(`]`)
	}
	b.raw(`}`)
	return b.err
}

// found writes an entry of a searchset.
func (b *bundleWriter) found(v *store.Version, mode string) {
	b.next()
	b.fullURL(v.Key)
	b.raw(`,"resource":`)
	b.bytes(b.subset.of(v.JSON))
	b.raw(`,"search":{"mode":"`)
	b.raw(mode)
	b.raw(`"}}`)
}

func (b *bundleWriter) fullURL(key fhir.Key) {
	b.raw(`{"fullUrl":"`)
	b.raw(b.links.resource(key))
	b.raw(`"`)
}

// outcome writes the entry of a searchset that tells about the search itself.
func (b *bundleWriter) outcome(o *fhir.OperationOutcome) {
	b.next()
	b.raw(`{"resource":`)
	b.bytes(o.AppendJSON(b.w.AvailableBuffer()))
	b.raw(`,"search":{"mode":"outcome"}}`)
}

// version writes an entry of a history (R4 http.html#history: a deletion has no resource, and conditional writes are shown as direct ones). So are patches: as PUT with what
// they left behind, because an entry with PATCH would have to carry the patch, and subscribers and transactions can use a resource.
func (b *bundleWriter) version(v *store.Version) {
	b.next()
	b.fullURL(v.Key)
	if !v.Deleted() {
		b.raw(`,"resource":`)
		b.bytes(b.subset.of(v.JSON))
	}
	method, address, status := http.MethodPut, v.Key.Type+"/"+v.Key.ID, "200 OK"
	switch v.Method {
	case store.Create:
		method, address, status = http.MethodPost, v.Key.Type, "201 Created"
	case store.Update:
		if v.Key.Version == "1" {
			status = "201 Created"
		}
	case store.Delete:
		method, status = http.MethodDelete, "204 No Content"
	}
	b.raw(`,"request":{"method":"`)
	b.raw(method)
	b.raw(`","url":"`)
	b.raw(address)
	b.raw(`"},"response":{"status":"`)
	b.raw(status)
	b.raw(`","etag":`)
	b.quoted(etag(v.Key.Version))
	b.raw(`,"lastModified":`)
	b.bytes(appendInstant(b.w.AvailableBuffer(), v.LastUpdated))
	b.raw(`}}`)
}

// answered writes the entry of a batch-response or transaction-response.
func (b *bundleWriter) answered(out *reply) {
	b.next()
	b.raw(`{`)
	if out.location != "" {
		b.raw(`"fullUrl":`)
		b.quoted(withoutVersion(out.location))
		b.raw(`,`)
	}
	if out.body != nil || out.stream != nil {
		b.raw(`"resource":`)
		if out.stream != nil {
			b.err = out.stream(b.w)
		} else {
			b.bytes(out.body)
		}
		b.raw(`,`)
	}
	b.raw(`"response":{"status":"`)
	b.raw(strconv.Itoa(out.status))
	b.raw(` `)
	b.raw(http.StatusText(out.status))
	b.raw(`"`)
	if out.location != "" {
		b.raw(`,"location":`)
		b.quoted(out.location)
	}
	if out.version != "" {
		b.raw(`,"etag":`)
		b.quoted(etag(out.version))
	}
	if !out.lastModified.IsZero() {
		b.raw(`,"lastModified":`)
		b.bytes(appendInstant(b.w.AvailableBuffer(), out.lastModified))
	}
	if out.outcome != nil {
		b.raw(`,"outcome":`)
		b.bytes(out.outcome.AppendJSON(b.w.AvailableBuffer()))
	}
	b.raw(`}}`)
}
