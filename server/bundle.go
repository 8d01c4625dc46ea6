package server

import (
	"bufio"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// entry is one entry of a batch or transaction, and what became of it.
type entry struct {
	index   int
	fullURL string
	x       *exchange // what it asks for; its interaction is nil when err says why that cannot be
	isHead  bool
	err     error
	reply   reply
}

// bundle runs a batch or a transaction (R4 http.html#transaction). Both answer entry by entry, in the order of the request.
func (s *Server) bundle(x *exchange) (reply, error) {
	res, err := x.decoded()
	if err != nil {
		return reply{}, err
	}
	if res.Type() != "Bundle" {
		return reply{}, fhir.Invalidf(fhir.CodeInvalid, res.Type(), "only a Bundle can be posted to the base of the service; create %s at %s/%s", fhir.Indefinite(printable(res.Type())), s.links.base, printable(res.Type()))
	}
	typ := res.Root().Get("type")
	if !typ.Ok() {
		return reply{}, fhir.Invalidf(fhir.CodeRequired, "Bundle.type", "the Bundle has no type; it must be batch or transaction")
	}
	kind := textOf(typ)
	if kind != "batch" && kind != "transaction" {
		return reply{}, fhir.Invalidf(fhir.CodeValue, "Bundle.type", "the type of the Bundle must be batch or transaction, not %q", printable(kind))
	}
	entries, err := s.entries(x, res.Root().Get("entry"))
	if err != nil {
		return reply{}, err
	}
	if kind == "batch" {
		x.interaction = s.batchInteraction
		s.batch(x, entries)
	} else if err := s.transaction(x, entries); err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK, stream: func(w *bufio.Writer) error {
		b := bundleWriter{w: w, links: s.links}
		b.begin(kind+"-response", s.newID(), s.clock())
		for _, e := range entries {
			b.answered(&e.reply)
		}
		return b.end()
	}}, nil
}

// entries reads what each entry asks for.
func (s *Server) entries(x *exchange, list fhir.Node) ([]*entry, error) {
	if list.Ok() && list.Kind() != fhir.Array {
		return nil, fhir.Invalidf(fhir.CodeStructure, "Bundle.entry", "entry must be an array")
	}
	var entries []*entry
	for node := range list.Children() {
		if len(entries) == s.limits.BundleEntries {
			return nil, fhir.Invalidf(fhir.CodeTooCostly, "Bundle.entry", "the Bundle has more than %d entries; send it in parts", s.limits.BundleEntries)
		}
		e := &entry{index: len(entries), fullURL: textOf(node.Get("fullUrl"))}
		e.x, e.err = s.entryExchange(x, node, len(entries))
		if request := node.Get("request"); request.Get("method").TextIs(http.MethodHead) {
			e.isHead = true
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// textOf is the text of a string; other kinds have none.
func textOf(n fhir.Node) string {
	if n.Kind() != fhir.String {
		return ""
	}
	return n.Text()
}

// entryExchange makes of Bundle.entry.request what the router and the headers make of a request. The exchange is never nil.
func (s *Server) entryExchange(parent *exchange, node fhir.Node, index int) (*exchange, error) {
	x := &exchange{requestID: parent.requestID, grant: parent.grant, start: s.clock(), prefer: parent.prefer, isEntry: true,
		interaction: &interaction{name: "none", level: operational}, address: parent.address, agent: parent.agent}
	s.watch(x, parent.ctx)
	if x.prefer.ret == returnDefault {
		x.prefer.ret = returnMinimal
	}
	request := node.Get("request")
	if request.Kind() != fhir.Object {
		return x, fhir.Invalidf(fhir.CodeRequired, "Bundle.entry.request", "every entry of a batch or transaction needs a request")
	}
	noneExist := request.Get("ifNoneExist")
	x.conditions = conditions{
		ifMatch: textOf(request.Get("ifMatch")), ifNoneMatch: textOf(request.Get("ifNoneMatch")), ifModifiedSince: textOf(request.Get("ifModifiedSince")),
		ifNoneExist: textOf(noneExist), hasIfNoneExist: noneExist.Ok(),
	}
	if err := s.locate(x, textOf(request.Get("method")), textOf(request.Get("url"))); err != nil {
		return x, err
	}
	resource := node.Get("resource")
	if x.interaction.body != fhirBody && (x.interaction.body != operationBody || !resource.Ok()) {
		return x, nil
	}
	if !resource.Ok() {
		return x, fhir.Invalidf(fhir.CodeRequired, "Bundle.entry.resource", "the entry needs a resource")
	}
	x.from = parent.from
	if x.from.xml != nil {
		x.from = parent.from.inside(fmt.Sprintf("Bundle.entry[%d].resource", index))
	}
	var err error
	x.resource, err = fhir.NewResource(resource)
	return x, err
}

// entryURL is the element of an entry that says what is asked for.
const entryURL = "Bundle.entry.request.url"

// locate finds the interaction that method and URL of an entry name.
func (s *Server) locate(x *exchange, method, address string) error {
	if method == "" || address == "" {
		return fhir.Invalidf(fhir.CodeRequired, "Bundle.entry.request", "the request of an entry needs a method and a url")
	}
	if method == http.MethodHead {
		method = http.MethodGet
	}
	path, query, _ := strings.Cut(s.links.relative(address), "?")
	found, params, allow := match(s.table, method, path)
	switch {
	case found != nil && found.name == "transaction":
		return refuse(http.StatusBadRequest, fhir.CodeNotSupported, entryURL, "a Bundle cannot be an entry of a batch or transaction")
	case found == nil && strings.HasPrefix(path[strings.LastIndexByte(path, '/')+1:], "$"):
		return pointed(entryURL, s.unknownOperation(path, method))
	case found == nil && len(allow) > 0:
		return pointed("Bundle.entry.request.method", notAllowed(method, path, strings.Join(allow, ", ")))
	case found == nil:
		return refuse(http.StatusNotFound, fhir.CodeNotSupported, entryURL, "%q is not an address of this server", printable(address))
	}
	x.interaction, x.asked = found, s.links.relative(address)
	x.key = fhir.Key{Type: params["type"], ID: params["id"], Version: params["vid"]}
	if found.level == typeLevel {
		x.locate(params["type"], params["id"], params["inner"])
	}
	if query == "" {
		return nil
	}
	pairs, err := search.ParseQuery(query)
	if err != nil {
		return err
	}
	return x.addQuery(pairs)
}

// phase is the place of an interaction in the processing order: DELETE, POST, PUT and PATCH, and then what only reads.
func (e *entry) phase() int {
	switch e.x.interaction.name {
	case "delete":
		return 0
	case "create":
		return 1
	case "update", "patch":
		return 2
	}
	return 3
}

// perform runs the entry on its own and keeps its reply.
func (e *entry) perform(s *Server) {
	if e.err != nil {
		e.reply = s.failure(e.x, &entryError{index: e.index, err: e.err, alone: true})
	} else {
		e.reply = s.perform(e.x)
	}
	e.finish(s)
}

// finish audits the entry and forms its reply.
func (e *entry) finish(s *Server) {
	if e.isHead {
		e.reply.body, e.reply.stream = nil, nil
	}
	s.finish(e.x, &e.reply)
}

func isConflict(err error) bool { return errors.Is(err, store.ErrConflict) }
