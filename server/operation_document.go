package server

import (
	"bufio"
	"bytes"
	"errors"
	"net/http"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/store"
)

// document makes a document of a Composition (R4 composition-operation-document.html): a Bundle with the Composition first and then every resource it refers
// to, once each, in the order it names them, and what those refer to (R4 documents.html#content). When the Composition itself names one that is not there, or that the
// caller may not read, there is no document. What is on other servers stays a reference. With persist=true the Bundle is stored, and Location says where.
func (s *Server) document(x *exchange, in *arguments) (reply, error) {
	if graph, ok := in.text("graph"); ok {
		return reply{}, refuse(http.StatusBadRequest, fhir.CodeNotSupported, "http.graph", "documents are made of what the Composition refers to; the graph %q is not supported", printable(graph))
	}
	key, err := compositionKey(x, in)
	if err != nil {
		return reply{}, err
	}
	persist, _ := in.text("persist")
	if persist == "true" && x.interaction.method != http.MethodPost {
		return reply{}, refuse(http.StatusBadRequest, fhir.CodeNotSupported, "http.persist", "persist=true stores a Bundle; send the request by POST")
	}
	entries, err := s.documentEntries(x, key)
	if err != nil {
		return reply{}, err
	}
	id := s.newID()
	body, err := s.documentBundle(id, entries)
	if err != nil || persist != "true" {
		return reply{status: http.StatusOK, body: body}, err
	}
	return s.persistDocument(x, id, body)
}

// compositionKey is the Composition of the URL or of the parameter id, which exclude each other.
func compositionKey(x *exchange, in *arguments) (fhir.Key, error) {
	id, ok := in.text("id")
	switch {
	case x.interaction.level == instanceLevel && ok:
		return fhir.Key{}, fhir.Invalidf(fhir.CodeInvalid, "http.id", "the URL names the Composition already")
	case x.interaction.level == instanceLevel:
		return x.key, nil
	case !ok:
		return fhir.Key{}, fhir.Invalidf(fhir.CodeRequired, "http.id", "$document needs the parameter id, or the id of the Composition in the URL")
	case !fhir.IsID(id):
		return fhir.Key{}, fhir.Invalidf(fhir.CodeNotSupported, "http.id", "id must be the id of a Composition on this server")
	}
	return fhir.Key{Type: "Composition", ID: id}, nil
}

// documentEntries reads the Composition and what it refers to, itself or by what it refers to (R4 documents.html#content: the one is required, the other allowed;
// without it a receiver cannot follow the references of the entries).
func (s *Server) documentEntries(x *exchange, key fhir.Key) ([]*store.Version, error) {
	composition, err := s.readable(x, key)
	if err != nil {
		return nil, about(key, err)
	}
	entries := []*store.Version{composition}
	seen := map[fhir.Key]bool{key: true}
	for i := 0; i < len(entries); i++ {
		res, err := fhir.ParseResource(entries[i].JSON)
		if err != nil {
			return nil, err
		}
		for target := range s.referenced(res.Root()) {
			if seen[target] {
				continue
			}
			seen[target] = true
			v, err := s.documentEntry(x, target)
			if i > 0 {
				err = hidden(err) // what only an entry names may stay a reference
			}
			switch {
			case err != nil:
				return nil, err
			case v == nil && i == 0:
				return nil, refuse(http.StatusUnprocessableEntity, fhir.CodeNotFound, "", "%s refers to %s, which is not there", key, target)
			case v == nil:
				continue
			case len(entries) == s.limits.BundleEntries:
				return nil, fhir.Invalidf(fhir.CodeTooCostly, "", "the document would have more than %d entries", s.limits.BundleEntries)
			}
			entries = append(entries, v)
		}
	}
	return entries, nil
}

// documentEntry reads what is referred to; nil when it is not there. What is not for the caller is refused.
func (s *Server) documentEntry(x *exchange, key fhir.Key) (*store.Version, error) {
	if err := x.grant.Allow(x.ctx, Access{Interaction: "read", Key: key}); err != nil {
		return nil, err
	}
	v, err := s.readable(x, key)
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrGone) {
		return nil, nil
	}
	return v, err
}

// documentBundle writes the Bundle. Bundle.identifier is fixed for this document, Bundle.timestamp is now.
func (s *Server) documentBundle(id string, entries []*store.Version) ([]byte, error) {
	var body bytes.Buffer
	buffer := bufio.NewWriter(&body)
	b := bundleWriter{w: buffer, links: s.links}
	now := s.clock()
	b.begin("document", id, now)
	b.raw(`,"identifier":{"system":"urn:ietf:rfc:3986","value":`)
	b.quoted("urn:uuid:" + id)
	b.raw(`},"timestamp":`)
	b.bytes(appendInstant(buffer.AvailableBuffer(), now))
	for _, v := range entries {
		b.next()
		b.fullURL(v.Key)
		b.raw(`,"resource":`)
		b.bytes(v.JSON)
		b.raw(`}`)
	}
	err := errors.Join(b.end(), buffer.Flush())
	return body.Bytes(), err
}

// persistDocument stores the Bundle as if it were created by the caller.
func (s *Server) persistDocument(x *exchange, id string, body []byte) (reply, error) {
	key := fhir.Key{Type: "Bundle", ID: id}
	if err := x.grant.Allow(x.ctx, Access{Interaction: "create", Key: fhir.Key{Type: "Bundle"}}); err != nil {
		return reply{}, err
	}
	res, err := fhir.ParseResource(body)
	if err != nil {
		return reply{}, err
	}
	op, err := s.write(store.Create, key, res, origin{})
	if err != nil {
		return reply{}, err
	}
	results, err := s.commit(x, []store.Op{op})
	if err != nil {
		return reply{}, about(key, err)
	}
	v := &results[0].Version
	return reply{status: http.StatusOK, version: v.Key.Version, lastModified: v.LastUpdated, location: s.links.version(v.Key), body: v.JSON}, nil
}
