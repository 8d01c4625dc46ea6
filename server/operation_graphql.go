package server

import (
	"context"
	"errors"
	"net/http"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/server/graphql"
	"github.com/firth-health/firth/store"
)

const contentTypeGraphQL = "application/graphql"

// graphQL answers a query on an instance or on the whole system (R4 graphql.html, resource-operation-graphql.html): from the URL, as application/graphql, as
// application/json with query, variables and operationName, or in Parameters. Errors of the query have the form of GraphQL, with status 400 when it was not run.
func (s *Server) graphQL(x *exchange, in *arguments) (reply, error) {
	request, text, err := s.graphQLRequest(x, in)
	if err != nil {
		return reply{}, err
	}
	if x.interaction.level == instanceLevel {
		v, err := s.readable(x, x.key)
		if err != nil {
			return reply{}, err
		}
		if request.Focus, err = fhir.ParseResource(v.JSON); err != nil {
			return reply{}, err
		}
	}
	out := reply{status: http.StatusOK, contentType: contentTypeJSON}
	if request.Document, err = graphql.Parse(text); err != nil {
		var problem *graphql.Problem
		if !errors.As(err, &problem) {
			return reply{}, err
		}
		out.status, out.body = http.StatusBadRequest, graphql.AppendProblems(nil, problem)
		return out, nil
	}
	out.body, err = graphql.Execute(x.ctx, s.definitions, graphSource{s, x}, request)
	return out, err
}

// graphQLRequest reads the query from where it is.
func (s *Server) graphQLRequest(x *exchange, in *arguments) (request graphql.Request, text string, err error) {
	text, ok := in.text("query")
	request.Operation, _ = in.text("operationName")
	if variables, has := in.text("variables"); has {
		if request.Variables, err = readVariables(variables, "http.variables"); err != nil {
			return request, "", err
		}
	}
	if len(x.body) > 0 {
		if ok {
			return request, "", fhir.Invalidf(fhir.CodeInvalid, "http.query", "the query is in the URL and in the body")
		}
		switch m := parseMediaType(x.bodyType); {
		case m.name == contentTypeGraphQL:
			text, ok = string(x.body), true
		case m.name == contentTypeJSON:
			return readGraphQLJSON(x.body)
		case m.isJSON():
			return s.graphQLParameters(x)
		default:
			return request, "", refuse(http.StatusUnsupportedMediaType, fhir.CodeNotSupported, "", "a query is sent as %s, application/json or application/fhir+json, not as %q", contentTypeGraphQL, printable(m.name))
		}
	} else if x.resource != nil {
		return s.graphQLParameters(x)
	}
	if !ok {
		return request, "", fhir.Invalidf(fhir.CodeRequired, "http.query", "$graphql needs the parameter query, or the query as the body")
	}
	return request, text, nil
}

// graphQLParameters reads the query from a Parameters resource.
func (s *Server) graphQLParameters(x *exchange) (request graphql.Request, text string, err error) {
	res, err := x.decoded()
	if err != nil {
		return request, "", err
	}
	in := &arguments{}
	if err := x.interaction.operation.fromBody(in, res, x.key.Type); err != nil {
		return request, "", err
	}
	text, ok := in.text("query")
	if !ok {
		return request, "", fhir.Invalidf(fhir.CodeRequired, "http.query", "$graphql needs the parameter query, or the query as the body")
	}
	return request, text, nil
}

// readGraphQLJSON reads {"query": ..., "variables": ..., "operationName": ...}.
func readGraphQLJSON(body []byte) (request graphql.Request, text string, err error) {
	root, err := fhir.Parse(body)
	if syntax := (*fhir.SyntaxError)(nil); errors.As(err, &syntax) {
		return request, "", syntax.Outcome()
	}
	if err != nil {
		return request, "", err
	}
	query := root.Get("query")
	if query.Kind() != fhir.String {
		return request, "", fhir.Invalidf(fhir.CodeRequired, "query", "the body must be an object with the query as a string")
	}
	request.Operation = textOf(root.Get("operationName"))
	request.Variables = root.Get("variables")
	if kind := request.Variables.Kind(); kind != fhir.Object && kind != fhir.Null && kind != fhir.Invalid {
		return request, "", fhir.Invalidf(fhir.CodeValue, "variables", "variables must be an object")
	}
	return request, query.Text(), nil
}

func readVariables(text, expression string) (fhir.Node, error) {
	root, err := fhir.Parse([]byte(text))
	if err != nil || root.Kind() != fhir.Object {
		return fhir.Node{}, fhir.Invalidf(fhir.CodeValue, expression, "variables must be a JSON object")
	}
	return root, nil
}

// graphSource lets a query see what its caller may.
type graphSource struct {
	s *Server
	x *exchange
}

// Read implements [graphql.Source].
func (g graphSource) Read(ctx context.Context, key fhir.Key) (*fhir.Resource, error) {
	if err := g.x.grant.Allow(ctx, Access{Interaction: "read", Key: key}); err != nil {
		return nil, hidden(err)
	}
	v, err := g.s.readable(g.x, key)
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrGone) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return fhir.ParseResource(v.JSON)
}

// hidden makes of a refusal that there is nothing to see; other errors stay.
func hidden(err error) error {
	var outcome *fhir.OperationOutcome
	if errors.As(err, &outcome) {
		return nil
	}
	return err
}

// Search implements [graphql.Source]. Unknown parameters are refused.
func (g graphSource) Search(ctx context.Context, typ string, parameters []search.Pair) (*graphql.Page, error) {
	if err := g.x.grant.Allow(ctx, Access{Interaction: "search-type", Key: fhir.Key{Type: typ}}); err != nil {
		return nil, err
	}
	cursor, _ := lookup(parameters, cursorParameter)
	request, err := g.s.search.Parse(typ, without(parameters, cursorParameter), g.s.parseOptions(true))
	if err != nil {
		return nil, err
	}
	q := request.Query
	if len(q.Include)+len(q.RevInclude) > 0 {
		return nil, fhir.Invalidf(fhir.CodeNotSupported, "", "_include and _revinclude have no place here; select resource of a reference, or a list with _reference")
	}
	q.Cursor = cursor
	if err := g.x.grant.Restrict(ctx, q); err != nil {
		return nil, err
	}
	page, err := g.s.store.Search(ctx, q)
	if errors.Is(err, store.ErrBadCursor) {
		return nil, fhir.Invalidf(fhir.CodeValue, "", "the cursor is not of this search")
	}
	if err != nil {
		return nil, err
	}
	found := &graphql.Page{Total: page.Total, Size: q.Count, Next: page.Next}
	for i := range page.Matches {
		res, err := fhir.ParseResource(page.Matches[i].JSON)
		if err != nil {
			return nil, err
		}
		found.Resources = append(found.Resources, res)
	}
	return found, nil
}

// Local implements [graphql.Source].
func (g graphSource) Local(reference string) (fhir.Key, bool) {
	ref := fhir.ParseReference(reference)
	return ref.Key, ref.Key.ID != "" && (ref.Base == "" || ref.Base == g.s.links.base)
}
