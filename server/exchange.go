package server

import (
	"bufio"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/firth-health/firth/audit"
	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
)

// exchange is one interaction on its way through the pipeline: a request over HTTP, or an entry of a batch or transaction.
type exchange struct {
	ctx         context.Context
	interaction *interaction
	requestID   string
	grant       Grant
	start       time.Time

	key         fhir.Key       // what the URL names
	compartment fhir.Key       // that a search stays in; zero for none
	job         string         // in the background, that the URL names
	adapter     string         // of an ingest
	query       []search.Pair  // of the URL and, for _search, of the body; without those in format
	format      []search.Pair  // what is about the form of the answer and goes on in links: _format, _pretty, _summary, _elements
	conditions  conditions     // If-Match and its kin
	prefer      preferences    // of the Prefer header
	provenance  *fhir.Resource // of the X-Provenance header, of a create, update or patch; nil for none
	body        []byte         // nil when the interaction takes none
	bodyType    string         // Content-Type of the body, as sent
	resource    *fhir.Resource // of a batch entry, instead of a body
	sent        wireFormat     // of the body, before it became JSON
	from        origin         // of the resource that was sent
	wire        wireFormat     // of the answer
	language    patchLanguage  // of a patch
	accept      string         // of who reads a Binary
	encoding    encoding       // of the answer, when it is large enough
	pretty      bool           // indent the answer
	isEntry     bool           // of a batch or transaction
	isAtomic    bool           // of a transaction

	asked, address, agent string          // the request as sent, and where it came from
	patients              *audit.Patients // whom resources on the way are about; nil when nothing is audited
	isAudited             bool
	isNoted               bool // the event of its success is part of the commit
}

// reply is what an interaction answers, before it is HTTP or a Bundle entry. At most one of body, stream, rendition
// and outcome is set.
type reply struct {
	status          int
	version         string    // for the ETag; empty for none
	lastModified    time.Time // zero for none
	location        string    // absolute URL; empty for none
	contentLocation string    // of a request in the background; empty for none
	progress        string    // of a request in the background; empty for none
	expires         time.Time // zero for never
	contentType     string    // empty for FHIR
	isContent       bool      // body is the content of a Binary
	securityContext string    // of that Binary
	body            []byte
	stream          func(*bufio.Writer) error // writes the body
	rendition       *rendition                // the body as it is sent
	outcome         *fhir.OperationOutcome
	failed          bool   // outcome says why the interaction was refused
	retryAfter      bool   // the client should come back in a second
	allow           string // methods, for a 405
	challenge       string // how to log in, for a 401
}

// decoded returns the resource that was sent, parsed once.
func (x *exchange) decoded() (*fhir.Resource, error) {
	if x.resource == nil {
		res, err := fhir.ParseResource(x.body)
		if err != nil {
			return nil, err
		}
		x.resource = res
	}
	return x.resource, nil
}

// negotiate chooses the format of the answer.
func (x *exchange) negotiate(h http.Header) (err error) {
	format, hasFormat := lookup(x.format, "_format")
	accept := acceptOf(h)
	x.wire, err = negotiate(format, accept, hasFormat, x.sent)
	if strings.HasPrefix(accept, "text/html") { // somebody looks at it in a browser
		if _, said := lookup(x.format, "_pretty"); !said {
			x.pretty = true
		}
	}
	if x.readsBinary() && !hasFormat {
		x.accept, err = accept, nil // whether that can be had, its content says
	}
	return err
}

// parseQuery takes the parameters of the URL over.
func (x *exchange) parseQuery(raw string) error {
	if raw == "" {
		return nil
	}
	pairs, err := search.ParseQuery(raw)
	if err != nil {
		return err
	}
	return x.addQuery(pairs)
}

// addQuery takes parameters over, those about the answer's form apart.
func (x *exchange) addQuery(pairs []search.Pair) error {
	for _, pair := range pairs {
		switch pair.Name {
		case "_format":
			x.format = append(x.format, pair)
		case "_pretty":
			if pair.Value != "true" && pair.Value != "false" {
				return fhir.Invalidf(fhir.CodeValue, "http._pretty", "_pretty must be true or false")
			}
			x.pretty = pair.Value == "true"
			x.format = append(x.format, pair)
		default:
			if aboutContent(pair) {
				x.format = append(x.format, pair)
			} else {
				x.query = append(x.query, pair)
			}
		}
	}
	return nil
}

// lookup returns the last value of a parameter.
func lookup(pairs []search.Pair, name string) (value string, ok bool) {
	for _, pair := range pairs {
		if pair.Name == name {
			value, ok = pair.Value, true
		}
	}
	return value, ok
}

// without returns the parameters of other names.
func without(pairs []search.Pair, name string) []search.Pair {
	return slices.DeleteFunc(slices.Clone(pairs), func(pair search.Pair) bool { return pair.Name == name })
}
