package server

import (
	"slices"
	"strings"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
)

// cursorParameter carries the store's page cursor in a next link. Clients follow links, they do not build them.
const cursorParameter = "_cursor"

// links builds the URLs of the service.
type links struct {
	base string // without final slash
}

// resource is the address of the current version, the fullUrl of entries.
func (l links) resource(key fhir.Key) string {
	return l.base + "/" + key.Type + "/" + key.ID
}

// version is the address of one version, the Location of what was written.
func (l links) version(key fhir.Key) string {
	return l.base + "/" + key.String()
}

// list is the address of a search or history with its parameters, those about the form of the answer behind them.
func (l links) list(path string, query, format []search.Pair, cursor string) string {
	pairs := slices.Concat(query, format)
	if cursor != "" {
		pairs = append(pairs, search.Pair{Name: cursorParameter, Value: cursor})
	}
	address := l.base
	if path != "" {
		address += "/" + path
	}
	if len(pairs) > 0 {
		address += "?" + search.EncodeQuery(pairs)
	}
	return address
}

// relative cuts the service base off a URL of a Bundle entry; other absolute URLs stay and match no route.
func (l links) relative(address string) string {
	if rest, ok := strings.CutPrefix(address, l.base); ok && (rest == "" || rest[0] == '/' || rest[0] == '?') {
		address = rest
	}
	return strings.TrimPrefix(address, "/")
}

// withoutVersion makes of the address of a version that of the resource.
func withoutVersion(address string) string {
	current, _, _ := strings.Cut(address, "/_history/")
	return current
}
