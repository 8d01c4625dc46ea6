package server

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/terminology"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

const (
	// mostDefinitions is how many stored ValueSets and CodeSystems one request may be about: value sets import value sets.
	mostDefinitions = 200

	// mostVersions is how many stored resources with one canonical URL are looked at.
	mostVersions = 100
)

// storedTerminology has the ValueSets and CodeSystems that are stored here and that the caller may see.
type storedTerminology struct {
	s     *Server
	x     *exchange
	asked int
}

var _ terminology.Source = (*storedTerminology)(nil)

// Find implements [terminology.Source]. Of several versions the active ones come before others, the highest before lower ones, and the newest resource before older ones.
func (t *storedTerminology) Find(resourceType, url, version string) (fhir.Node, error) {
	if t.asked++; t.asked > mostDefinitions {
		return fhir.Node{}, refuse(http.StatusUnprocessableEntity, fhir.CodeTooCostly, "", "more than %d stored definitions would have to be looked for", mostDefinitions)
	}
	if url == "" || t.x.grant.Allow(t.x.ctx, Access{Interaction: "search-type", Key: fhir.Key{Type: resourceType}}) != nil {
		return fhir.Node{}, nil
	}
	request, err := t.s.search.Parse(resourceType, []search.Pair{{Name: "url", Value: escaped(url)}}, t.s.parseOptions(true))
	if err != nil {
		return fhir.Node{}, nil // no resource has such a URL
	}
	request.Query.Count, request.Query.Total = mostVersions, search.NoTotal
	if err := t.x.grant.Restrict(t.x.ctx, request.Query); err != nil {
		return fhir.Node{}, err
	}
	page, err := t.s.store.Search(t.x.ctx, request.Query)
	if err != nil {
		return fhir.Node{}, err
	}
	var found []storedDefinition
	for i := range page.Matches {
		root, err := fhir.Parse(page.Matches[i].JSON)
		if err != nil {
			return fhir.Node{}, err
		}
		if root.Get("url").TextIs(url) && (version == "" || root.Get("version").TextIs(version)) {
			found = append(found, storedDefinition{root, &page.Matches[i]})
		}
	}
	if len(found) == 0 {
		return fhir.Node{}, nil
	}
	return slices.MaxFunc(found, storedDefinition.compare).root, nil
}

// storedDefinition is one of several resources with one canonical URL.
type storedDefinition struct {
	root   fhir.Node
	stored *store.Version
}

// compare is greater than 0 when d is to be used rather than o.
func (d storedDefinition) compare(o storedDefinition) int {
	rank := func(d storedDefinition) int {
		return slices.Index([]string{"retired", "draft", "active"}, d.root.Get("status").Text())
	}
	return cmp.Or(cmp.Compare(rank(d), rank(o)), compareVersions(d.root.Get("version").Text(), o.root.Get("version").Text()), d.stored.LastUpdated.Compare(o.stored.LastUpdated))
}

// compareVersions orders business versions, which R4 leaves open: number by number between the dots, and what is no number as text.
func compareVersions(a, b string) int {
	for a != "" || b != "" {
		var first, second string
		first, a, _ = strings.Cut(a, ".")
		second, b, _ = strings.Cut(b, ".")
		n, errFirst := strconv.Atoi(first)
		m, errSecond := strconv.Atoi(second)
		order := cmp.Compare(first, second)
		if errFirst == nil && errSecond == nil {
			order = cmp.Compare(n, m)
		}
		if order != 0 {
			return order
		}
	}
	return 0
}

// terminologyError is what a client is told about something that is not known. Errors of the store are handed on.
func terminologyError(err error, parameter string) error {
	problem := (*terminology.Error)(nil)
	if !errors.As(err, &problem) {
		return err
	}
	text := problem.Error()
	switch problem.Reason {
	case terminology.Unknown:
		return refuse(http.StatusNotFound, fhir.CodeNotFound, parameter, "%s", text)
	case terminology.NotWhole:
		return refuse(http.StatusUnprocessableEntity, fhir.CodeTooCostly, parameter, "the value set cannot be expanded: %s", text)
	case terminology.Unsupported:
		return refuse(http.StatusUnprocessableEntity, fhir.CodeNotSupported, parameter, "the value set cannot be expanded: %s", text)
	}
	return refuse(http.StatusUnprocessableEntity, fhir.CodeProcessing, parameter, "the value set cannot be expanded: %s", text)
}

// namedDefinition is the ValueSet or CodeSystem that an operation is about: at hand, or by its canonical URL.
type namedDefinition struct {
	root         fhir.Node
	url, version string
	parameter    string // that errors are about
}

// definitionAsked reads which ValueSet or CodeSystem an operation is about: that of the URL, the one in the parameter inline, or the one with the canonical URL in the
// parameter url, whose version may be in a parameter of its own. Exactly one of them has to be there.
func (s *Server) definitionAsked(x *exchange, in *arguments, inline, version string) (namedDefinition, error) {
	url, hasURL := in.text("url")
	given := in.node(inline)
	asked, hasVersion := in.text(version)
	typ := x.key.Type
	url, canonicalVersion, isVersioned := strings.Cut(url, "|")
	switch {
	case x.interaction.level == instanceLevel && (hasURL || given.Ok()):
		return namedDefinition{}, fhir.Invalidf(fhir.CodeInvalid, "http.url", "the URL names the %s already", typ)
	case x.interaction.level == instanceLevel:
		v, err := s.readable(x, x.key)
		if err != nil {
			return namedDefinition{}, err
		}
		root, err := fhir.Parse(v.JSON)
		return namedDefinition{root: root}, err
	case hasURL && given.Ok():
		return namedDefinition{}, fhir.Invalidf(fhir.CodeInvalid, "http."+inline, "url and %s exclude each other", inline)
	case given.Ok():
		return namedDefinition{root: given, parameter: "http." + inline}, nil
	case !hasURL:
		return namedDefinition{}, fhir.Invalidf(fhir.CodeRequired, "http.url", "$%s needs the parameter url or %s, or the id of %s in the URL", x.interaction.operation.code, inline, fhir.Indefinite(typ))
	case isVersioned && hasVersion && canonicalVersion != asked:
		return namedDefinition{}, fhir.Invalidf(fhir.CodeInvalid, "http."+version, "%s and the version in url are not the same", version)
	case isVersioned:
		asked = canonicalVersion
	}
	return namedDefinition{url: url, version: asked, parameter: "http.url"}, nil
}

// valueSetAsked finds the ValueSet that an operation is about and its codes.
func (s *Server) valueSetAsked(x *exchange, in *arguments, known *terminology.Terminology) (root fhir.Node, codes *terminology.Codes, err error) {
	asked, err := s.definitionAsked(x, in, "valueSet", "valueSetVersion")
	if err != nil {
		return root, nil, err
	}
	if root = asked.root; !root.Ok() {
		if root, err = known.Definition("ValueSet", asked.url, asked.version); err != nil {
			return root, nil, terminologyError(err, asked.parameter)
		}
	}
	if codes, err = known.Compose(root); err == nil {
		if active, _ := in.text("activeOnly"); active == "true" {
			codes, err = known.Active(codes)
		}
	}
	return root, codes, terminologyError(err, asked.parameter)
}
