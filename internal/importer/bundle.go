package importer

import (
	"context"
	"fmt"
	"strings"

	"github.com/firth-health/firth/fhir"
)

// bundle imports one Bundle: a batch or transaction as it is, the resources of a collection or search result one by one, or as one
// transaction where they refer to each other by urn:uuid.
func (r *fileReader) bundle(ctx context.Context, b *fhir.Resource, line int) {
	if r.late && !isList(b) {
		return
	}
	place := Failure{File: r.name, Line: line, Entry: -1}
	switch typ := b.Root().Get("type").Text(); {
	case typ == "batch" || typ == "transaction":
		r.im.sendBundle(ctx, place, b)
	case !isList(b):
		place.Reason = fmt.Sprintf("a Bundle of type %q is not imported; batch, transaction, collection and searchset are", typ)
		r.im.failed(place)
	case linked(b):
		if r.late {
			return
		}
		converted, err := fhir.ParseResource(transactionOf(b))
		if err != nil {
			place.Reason = err.Error()
			r.im.failed(place)
			return
		}
		r.im.sendBundle(ctx, place, converted)
	default:
		r.entries(ctx, b, line)
	}
}

func isList(b *fhir.Resource) bool {
	typ := b.Root().Get("type")
	return typ.TextIs("collection") || typ.TextIs("searchset")
}

// linked reports whether the entries can only be stored together: one is named by urn: or has no id of its own.
func linked(b *fhir.Resource) bool {
	for entry := range b.Root().Get("entry").Children() {
		if strings.HasPrefix(entry.Get("fullUrl").Text(), "urn:") || !entry.Path("resource", "id").Ok() {
			return true
		}
	}
	return false
}

func (r *fileReader) entries(ctx context.Context, b *fhir.Resource, line int) {
	index := -1
	for entry := range b.Root().Get("entry").Children() {
		index++
		if entry.Path("search", "mode").TextIs("outcome") {
			continue
		}
		resource, err := fhir.NewResource(entry.Get("resource"))
		if err == nil {
			r.single(ctx, resource, line, index)
		} else if !r.late {
			r.im.failed(Failure{File: r.name, Line: line, Entry: index, Reason: err.Error()})
		}
	}
}

// transactionOf makes a transaction of a collection: resources with an id keep it, the others get one, and fullUrl stays so that references between entries hold.
func transactionOf(b *fhir.Resource) []byte {
	out := beginTransaction(make([]byte, 0, len(b.Bytes())+1024))
	for entry := range b.Root().Get("entry").Children() {
		resource := entry.Get("resource")
		key := fhir.Key{Type: resource.Get("resourceType").Text(), ID: resource.Get("id").Text()}
		out = appendEntry(out, entry.Get("fullUrl").Raw(), resource.Raw(), key)
	}
	return endTransaction(out)
}

func beginTransaction(out []byte) []byte {
	return append(out, `{"resourceType":"Bundle","type":"transaction","entry":[`...)
}

// appendEntry adds a PUT to the key, or a POST where it has no id. fullURL is JSON text and may be empty.
func appendEntry(out, fullURL, resource []byte, key fhir.Key) []byte {
	if out[len(out)-1] != '[' {
		out = append(out, ',')
	}
	out = append(out, '{')
	if len(fullURL) > 0 {
		out = append(append(append(out, `"fullUrl":`...), fullURL...), ',')
	}
	if len(resource) == 0 {
		resource = []byte("null") // the server names the entry
	}
	out = append(append(out, `"resource":`...), resource...)
	method, url := `POST`, key.Type
	if key.ID != "" {
		method, url = `PUT`, key.String()
	}
	out = append(out, `,"request":{"method":"`+method+`","url":`...)
	return append(fhir.AppendQuoted(out, url), `}}`...)
}

func endTransaction(out []byte) []byte { return append(out, `]}`...) }
