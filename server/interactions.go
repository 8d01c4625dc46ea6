package server

import (
	"net/http"
	"strings"
)

// level says what an interaction is about (R4 http.html#3.1.0).
type level uint8

const (
	operational   level = iota // not FHIR: health, metrics, ingest
	systemLevel                // the whole service
	typeLevel                  // one resource type
	instanceLevel              // one resource
)

// bodyKind is what an interaction reads from the request.
type bodyKind uint8

const (
	noBody        bodyKind = iota
	fhirBody               // a resource
	formBody               // search parameters
	rawBody                // whatever an adapter reads
	operationBody          // Parameters or a resource, or nothing
)

// interaction is one thing clients can do: a route, what the CapabilityStatement calls it, and the function that does it.
type interaction struct {
	name   string // code of http://hl7.org/fhir/restful-interaction for those of FHIR
	level  level
	method string
	path   string // gin's pattern, below /fhir except for operational ones
	body   bodyKind
	slow   bool // runs under Limits.Timeout, as writes do; may run in the background
	open   bool // needs no authentication
	handle func(*exchange) (reply, error)
	check  func(*exchange) error // of what a transaction runs only after its commit: whether the request is sound

	operation  *operation // nil for the interactions of REST
	segments   []string   // of path
	undeclared bool       // has no code for the CapabilityStatement
}

// interactions is the table the router, the batch and the CapabilityStatement are made from.
func (s *Server) interactions() []*interaction {
	table := []*interaction{
		{name: "capabilities", level: systemLevel, method: http.MethodGet, path: "/metadata", open: true, undeclared: true, handle: s.capabilities},
		{name: "transaction", level: systemLevel, method: http.MethodPost, path: "/", body: fhirBody, slow: true, handle: s.bundle},
		{name: "batch", level: systemLevel, handle: s.bundle}, // by the type of the Bundle, at the same address
		{name: "async-status", level: systemLevel, method: http.MethodGet, path: asyncPath + ":job", undeclared: true, handle: s.jobStatus},
		{name: "async-cancel", level: systemLevel, method: http.MethodDelete, path: asyncPath + ":job", undeclared: true, handle: s.jobCancel},
		{name: "search-system", level: systemLevel, method: http.MethodGet, path: "/", slow: true, handle: s.searchSystem, check: s.checkSystemSearch},
		{name: "search-system", level: systemLevel, method: http.MethodPost, path: "/_search", body: formBody, slow: true, handle: s.searchSystem, check: s.checkSystemSearch},
		{name: "history-system", level: systemLevel, method: http.MethodGet, path: "/_history", slow: true, handle: s.history, check: s.checkHistory},
		{name: "create", level: typeLevel, method: http.MethodPost, path: "/:type", body: fhirBody, handle: s.create},
		{name: "search-type", level: typeLevel, method: http.MethodGet, path: "/:type", slow: true, handle: s.searchType, check: s.checkSearch},
		{name: "search-type", level: typeLevel, method: http.MethodPost, path: "/:type/_search", body: formBody, slow: true, handle: s.searchType, check: s.checkSearch},
		{name: "update", level: typeLevel, method: http.MethodPut, path: "/:type", body: fhirBody, slow: true, handle: s.conditionalUpdate},
		{name: "patch", level: typeLevel, method: http.MethodPatch, path: "/:type", body: fhirBody, slow: true, handle: s.patch},
		{name: "delete", level: typeLevel, method: http.MethodDelete, path: "/:type", slow: true, handle: s.conditionalDelete},
		{name: "search-type", level: typeLevel, method: http.MethodGet, path: "/:type/:id/:inner", slow: true, handle: s.searchCompartment, check: s.checkCompartmentSearch},
		{name: "search-type", level: typeLevel, method: http.MethodPost, path: "/:type/:id/:inner/_search", body: formBody, slow: true, handle: s.searchCompartment, check: s.checkCompartmentSearch},
		{name: "history-type", level: typeLevel, method: http.MethodGet, path: "/:type/_history", slow: true, handle: s.history, check: s.checkHistory},
		{name: "read", level: instanceLevel, method: http.MethodGet, path: "/:type/:id", handle: s.read, check: s.checkRead},
		{name: "update", level: instanceLevel, method: http.MethodPut, path: "/:type/:id", body: fhirBody, handle: s.update},
		{name: "patch", level: instanceLevel, method: http.MethodPatch, path: "/:type/:id", body: fhirBody, handle: s.patch},
		{name: "delete", level: instanceLevel, method: http.MethodDelete, path: "/:type/:id", handle: s.delete},
		{name: "history-instance", level: instanceLevel, method: http.MethodGet, path: "/:type/:id/_history", slow: true, handle: s.history, check: s.checkHistory},
		{name: "vread", level: instanceLevel, method: http.MethodGet, path: "/:type/:id/_history/:vid", handle: s.read, check: s.checkRead},
		{name: "ingest", method: http.MethodPost, path: "/ingest/:adapter", body: rawBody, slow: true, handle: s.ingest},
		{name: "ingest-list", method: http.MethodGet, path: "/ingest", handle: s.ingestList},
		{name: "health", method: http.MethodGet, path: "/healthz", open: true, handle: s.healthz},
		{name: "ready", method: http.MethodGet, path: "/readyz", open: true, handle: s.readyz},
	}
	for _, in := range table {
		in.segments = strings.Split(strings.Trim(in.path, "/"), "/")
	}
	return table
}

// match finds the interaction of a Bundle entry and fills in the parameters of its path. methodKnown is true when the path fits another
// method.
func match(table []*interaction, method, path string) (found *interaction, params map[string]string, allow []string) {
	segments := strings.Split(strings.Trim(path, "/"), "/")
	for _, in := range table {
		if in.level == operational || in.method == "" {
			continue
		}
		values, ok := in.fits(segments)
		if !ok {
			continue
		}
		if in.method != method {
			allow = append(allow, in.method)
			continue
		}
		// A literal segment beats a parameter: Patient/_history is not a read of "_history".
		if found == nil || len(values) < len(params) {
			found, params = in, values
		}
	}
	return found, params, allow
}

func (in *interaction) fits(segments []string) (map[string]string, bool) {
	if len(segments) != len(in.segments) {
		return nil, false
	}
	values := map[string]string{}
	for i, pattern := range in.segments {
		if name, isParam := strings.CutPrefix(pattern, ":"); isParam {
			values[name] = segments[i]
		} else if pattern != segments[i] {
			return nil, false
		}
	}
	return values, true
}

// writes reports whether the interaction may change what is stored.
func (in *interaction) writes() bool {
	switch in.name {
	case "create", "update", "patch", "delete", "transaction", "batch":
		return true
	}
	return in.operation != nil && in.operation.changes
}
