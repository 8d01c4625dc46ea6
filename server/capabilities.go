package server

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/spec"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// statement is the CapabilityStatement as it is sent.
type statement struct {
	json    []byte
	version string // for the ETag: of the content, so that it survives a restart
	made    time.Time
	forms   renditions
}

// statements keep the statement until the capabilities change.
type statements struct {
	mu      sync.Mutex
	current *statement // nil: to be made
}

// get gives the statement, made when there is none.
func (c *statements) get(make func() (*statement, error)) (*statement, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current == nil {
		made, err := make()
		if err != nil {
			return nil, err
		}
		c.current = made
	}
	return c.current, nil
}

// capabilitiesChanged makes the next request for the CapabilityStatement see what is registered now, such as a search parameter that was added while the
// server runs. The ETag is another one when the statement is.
func (s *Server) capabilitiesChanged() {
	s.statements.mu.Lock()
	defer s.statements.mu.Unlock()
	s.statements.current = nil
}

// capabilities answers the CapabilityStatement (R4 http.html#capabilities), which lists exactly what is registered.
func (s *Server) capabilities(x *exchange) (reply, error) {
	switch mode, _ := lookup(x.query, "mode"); mode {
	case "", "full", "normative": // all that is declared is in normative elements but for a few, which servers may keep
	case "terminology":
		return s.terminology()
	default:
		return reply{}, fhir.Invalidf(fhir.CodeValue, "http.mode", "%q is not a mode; full, normative and terminology are", printable(mode))
	}
	st, err := s.statements.get(s.newStatement)
	if err != nil {
		return reply{}, err
	}
	out := reply{status: http.StatusOK, version: st.version, lastModified: st.made}
	switch {
	case x.conditions.notModified(st.version, st.made):
		out.status = http.StatusNotModified
	case x.isEntry:
		out.body = st.json
	default:
		out.rendition, err = st.forms.of(s, x, st.json)
	}
	return out, err
}

// The parts of CapabilityStatement (R4 capabilitystatement.html) that Firth fills in, in the order of the specification.
type (
	capabilityStatement struct {
		ResourceType   string         `json:"resourceType"`
		ID             string         `json:"id"`
		URL            string         `json:"url"`
		Version        string         `json:"version"`
		Name           string         `json:"name"`
		Title          string         `json:"title"`
		Status         string         `json:"status"`
		Date           string         `json:"date"`
		Description    string         `json:"description"`
		Kind           string         `json:"kind"`
		Software       software       `json:"software"`
		Implementation implementation `json:"implementation"`
		FHIRVersion    string         `json:"fhirVersion"`
		Format         []string       `json:"format"`
		PatchFormat    []string       `json:"patchFormat"`
		Rest           []rest         `json:"rest"`
	}
	software struct {
		Name    string `json:"name"`
		Version string `json:"version"`
	}
	implementation struct {
		Description string `json:"description"`
		URL         string `json:"url"`
	}
	rest struct {
		Mode          string             `json:"mode"`
		Documentation string             `json:"documentation"`
		Security      security           `json:"security"`
		Resource      []resource         `json:"resource"`
		Interaction   []interactionCode  `json:"interaction"`
		SearchParam   []searchParamEntry `json:"searchParam,omitempty"`
		Operation     []operationEntry   `json:"operation,omitempty"`
		Compartment   []string           `json:"compartment"`
	}
	security struct {
		Extension   []oauthURIs `json:"extension,omitempty"`
		CORS        bool        `json:"cors"`
		Service     []concept   `json:"service,omitempty"`
		Description string      `json:"description,omitempty"`
	}
	oauthURIs struct {
		Extension []oauthURI `json:"extension"`
		URL       string     `json:"url"`
	}
	oauthURI struct {
		URL      string `json:"url"`
		ValueURI string `json:"valueUri"`
	}
	concept struct {
		Coding []conceptCoding `json:"coding"`
	}
	conceptCoding struct {
		System string `json:"system"`
		Code   string `json:"code"`
	}
	interactionCode struct {
		Code string `json:"code"`
	}
	resource struct {
		Type              string             `json:"type"`
		Profile           string             `json:"profile"`
		Documentation     string             `json:"documentation,omitempty"`
		Interaction       []interactionCode  `json:"interaction"`
		Versioning        string             `json:"versioning"`
		ReadHistory       bool               `json:"readHistory"`
		UpdateCreate      bool               `json:"updateCreate"`
		ConditionalCreate bool               `json:"conditionalCreate"`
		ConditionalRead   string             `json:"conditionalRead"`
		ConditionalUpdate bool               `json:"conditionalUpdate"`
		ConditionalDelete string             `json:"conditionalDelete"`
		ReferencePolicy   []string           `json:"referencePolicy"`
		SearchInclude     []string           `json:"searchInclude,omitempty"`
		SearchRevInclude  []string           `json:"searchRevInclude,omitempty"`
		SearchParam       []searchParamEntry `json:"searchParam,omitempty"`
		Operation         []operationEntry   `json:"operation,omitempty"`
	}
	searchParamEntry struct {
		Name       string `json:"name"`
		Definition string `json:"definition,omitempty"`
		Type       string `json:"type"`
	}
)

// restDocumentation says what a CapabilityStatement has no element for, the bounds among it.
func restDocumentation(l Limits) string {
	return "Search results can be sorted by any parameter (_sort), paged (_count and the links), counted (_summary=count, _total). " +
		"References can be followed in criteria (subject:Patient.name, _has) and in answers (_include, _revinclude, with :iterate and *). " +
		"Resources can be asked for in part (_summary, _elements). What can be long runs in the background under Prefer: respond-async. " +
		"Unknown search parameters are ignored and reported in an entry of mode outcome, or refused under Prefer: handling=strict. " +
		"Contained resources are not searched (_contained), there are no named queries (_query) and matches are not ranked (_score). " +
		fmt.Sprintf("A batch or transaction has %d entries at most, a page %d matches and %d included resources, a criterion follows %d references, and a conditional delete takes %d.",
			l.BundleEntries, l.MaxCount, store.MaxIncluded, search.MaxChain, l.DeleteMatches)
}

// definitionDocumentation is about the types of which the server brings definitions along.
const definitionDocumentation = "The definitions that this statement names are read by type and id besides the stored resources. A search in this type by _id, url, name or code finds them too; other searches, " +
	"conditions of writes, and searches in all types find stored resources only. What is stored under the id of a definition stands for it."

// OAuth are the endpoints of the authorization server, for the CapabilityStatement. Empty ones are left out.
type OAuth struct{ Authorize, Token, Introspect, Revoke, Register, Manage string }

// security says how to be let in: SMART App Launch's extension, which clients of its first version look for.
func (o *OAuth) security() security {
	if o == nil {
		return security{CORS: true}
	}
	uris := oauthURIs{URL: "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"}
	for _, one := range []oauthURI{{"authorize", o.Authorize}, {"token", o.Token}, {"introspect", o.Introspect}, {"revoke", o.Revoke}, {"register", o.Register}, {"manage", o.Manage}} {
		if one.ValueURI != "" {
			uris.Extension = append(uris.Extension, one)
		}
	}
	return security{
		Extension: []oauthURIs{uris}, CORS: true, Service: []concept{{[]conceptCoding{{"http://terminology.hl7.org/CodeSystem/restful-security-service", "SMART-on-FHIR"}}}},
		Description: "SMART App Launch 2.2: an access token is required; see /.well-known/smart-configuration.",
	}
}

func (s *Server) newStatement() (*statement, error) {
	made := s.clock().UTC().Truncate(time.Second)
	st := capabilityStatement{
		ResourceType: "CapabilityStatement", ID: "firth", URL: s.links.base + "/metadata", Version: s.version, Name: "Firth", Title: "Firth FHIR R4 server",
		Status: "active", Kind: "instance",
		Description:    "Takes what medical devices say, turns it into FHIR resources, keeps and serves them.",
		Software:       software{"Firth", s.version},
		Implementation: implementation{"Firth at " + s.links.base + s.parameters.caution(), s.links.base},
		FHIRVersion:    spec.Version, Format: []string{"application/fhir+json", "application/fhir+xml", "json", "xml"}, PatchFormat: patchFormats(),
		Rest: []rest{{Mode: "server", Documentation: restDocumentation(s.limits), Security: s.oauth.security(), Interaction: s.declared(systemLevel), Operation: s.declaredOperations("")}},
	}
	if !s.transactions {
		st.Rest[0].Interaction = slices.DeleteFunc(st.Rest[0].Interaction, func(c interactionCode) bool { return c.Code == "transaction" })
	}
	ofType := s.declared(instanceLevel)
	for _, code := range s.declared(typeLevel) {
		if !slices.Contains(ofType, code) { // conditional ones are of both levels
			ofType = append(ofType, code)
		}
	}
	conditionalDelete := "single"
	if s.limits.DeleteMatches > 1 {
		conditionalDelete = "multiple"
	}
	for _, code := range s.definitions.Compartments() {
		st.Rest[0].Compartment = append(st.Rest[0].Compartment, s.definitions.Compartment(code).URL)
	}
	for _, typ := range s.definitions.ResourceTypes() {
		r := resource{
			Type: typ, Interaction: ofType,
			Versioning: "versioned", ReadHistory: true, UpdateCreate: true, ConditionalCreate: true, ConditionalRead: "full-support",
			ConditionalUpdate: true, ConditionalDelete: conditionalDelete,
			ReferencePolicy: []string{"literal", "logical"}, // neither resolved nor enforced
		}
		if !s.transactions {
			r.ConditionalCreate, r.ConditionalUpdate, r.ConditionalDelete = false, false, "single"
		}
		if store.IsAppendOnly(s.store, typ) {
			r.appendOnly()
		}
		if t := s.definitions.Type(typ); t != nil {
			r.Profile = t.URL
		}
		if hasDefinitions(typ) {
			r.Documentation = definitionDocumentation
		}
		r.SearchInclude, r.SearchRevInclude = orAll(s.search.Includes(typ)), orAll(s.search.RevIncludes(typ))
		for _, p := range s.search.Params(typ) {
			r.SearchParam = append(r.SearchParam, searchParamEntry{Name: p.Code, Definition: p.URL, Type: p.Type})
		}
		r.Operation = s.declaredOperations(typ)
		st.Rest[0].Resource = append(st.Rest[0].Resource, r)
	}
	st.Rest[0].SearchParam = systemSearchParams(st.Rest[0].Resource)
	undated, err := json.Marshal(st)
	if err != nil {
		return nil, err
	}
	st.Date = made.Format("2006-01-02T15:04:05Z")
	dated, err := json.Marshal(st)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(undated)
	return &statement{json: dated, version: hex.EncodeToString(digest[:8]), made: made}, nil
}

// orAll puts the include of everything before the includes there are.
func orAll(includes []string) []string {
	if len(includes) == 0 {
		return nil
	}
	return append([]string{"*"}, includes...)
}

// systemSearchParams are the parameters of searches in all types: those that every type has, _text, which finds nothing in the three types without a
// narrative, and _type.
func systemSearchParams(types []resource) []searchParamEntry {
	holders := map[searchParamEntry]int{}
	for _, r := range types {
		for _, p := range r.SearchParam {
			holders[p]++
		}
	}
	common := []searchParamEntry{{Name: "_type", Type: "special"}}
	for p, n := range holders {
		if n == len(types) || p.Name == "_text" {
			common = append(common, p)
		}
	}
	slices.SortFunc(common, func(a, b searchParamEntry) int { return strings.Compare(a.Name, b.Name) })
	return common
}

// declared lists the FHIR interactions of a level once each, without those that have no code.
func (s *Server) declared(l level) []interactionCode {
	var codes []interactionCode
	for _, in := range s.table {
		code := interactionCode{in.name}
		if in.level == l && in.operation == nil && !in.undeclared && !slices.Contains(codes, code) {
			codes = append(codes, code)
		}
	}
	return codes
}

// appendOnly takes back what cannot be done to resources that are never changed.
func (r *resource) appendOnly() {
	r.Interaction = slices.DeleteFunc(slices.Clone(r.Interaction), func(c interactionCode) bool { return c.Code == "update" || c.Code == "patch" || c.Code == "delete" })
	r.UpdateCreate, r.ConditionalCreate, r.ConditionalUpdate, r.ConditionalDelete = false, false, false, "not-supported"
}
