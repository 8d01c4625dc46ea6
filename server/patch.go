package server

import (
	"bytes"
	"encoding/base64"
	"errors"
	"net/http"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/patch"
	"github.com/firth-health/firth/store"
)

// patchLanguage is what a patch is written in.
type patchLanguage uint8

const (
	fhirPathPatch patchLanguage = iota // a Parameters resource (R4 fhirpatch.html)
	jsonPatch                          // RFC 6902
	xmlPatch                           // RFC 5261
)

// patchFormats are the Content-Types of patches as the CapabilityStatement names them.
func patchFormats() []string {
	return []string{"application/json-patch+json", "application/fhir+json", "application/fhir+xml", "application/xml-patch+xml"}
}

// patchContentType reads the Content-Type of a patch.
func patchContentType(contentType string) (language patchLanguage, sent wireFormat, err error) {
	switch m := parseMediaType(contentType); {
	case m.name == "application/json-patch+json":
		return jsonPatch, inJSON, nil
	case m.name == "application/xml-patch+xml":
		return xmlPatch, inJSON, nil
	case !m.isJSON() && !m.isXML():
		return 0, inJSON, refuse(http.StatusUnsupportedMediaType, fhir.CodeNotSupported, "",
			"Content-Type %q is not that of a patch; send application/json-patch+json, application/xml-patch+xml, or Parameters as application/fhir+json or application/fhir+xml", printable(m.name))
	}
	sent, err = checkContentType(contentType)
	return fhirPathPatch, sent, err
}

// patcher makes the new content of a resource.
type patcher func(*fhir.Resource) ([]byte, error)

// patch changes a part of a resource, the one the URL names or the one its search finds (R4 http.html#patch, #cond-patch). Without If-Match it is tried again on
// the newer version when another client was faster.
func (s *Server) patch(x *exchange) (reply, error) {
	apply, err := s.patcher(x)
	if err != nil {
		return reply{}, err
	}
	target, err := s.patchTarget(x)
	if err != nil {
		return reply{}, err
	}
	results, err := s.settle(x, func() ([]store.Op, error) {
		key, err := target()
		if err != nil {
			return nil, err
		}
		res, decided, err := s.patched(x, key, apply)
		if err != nil {
			return nil, err
		}
		op, err := s.write(store.Update, key, res, origin{})
		return []store.Op{under(op, decided)}, err
	})
	if err != nil {
		return reply{}, err
	}
	return s.updated(x, &results[0]), nil
}

// patchTarget returns what finds the resource to patch.
func (s *Server) patchTarget(x *exchange) (func() (fhir.Key, error), error) {
	if !x.isConditional() {
		return func() (fhir.Key, error) { return x.key, nil }, nil
	}
	q, err := s.urlCondition(x)
	if err != nil {
		return nil, err
	}
	return func() (fhir.Key, error) {
		found, err := s.matches(x.ctx, q, 2)
		if err != nil {
			return fhir.Key{}, err
		}
		return x.onlyMatch(found)
	}, nil
}

// onlyMatch is the one resource that the condition of a patch finds.
func (x *exchange) onlyMatch(found []store.Version) (fhir.Key, error) {
	switch len(found) {
	case 0:
		return fhir.Key{}, refuse(http.StatusNotFound, fhir.CodeNotFound, "", "no %s matches the condition", x.key.Type)
	case 1:
		key := fhir.Key{Type: found[0].Key.Type, ID: found[0].Key.ID}
		return key, x.allowFound(key)
	}
	return fhir.Key{}, store.ErrMultiple
}

// patched applies a patch to the current version of a resource. The operation without content demands that version.
func (s *Server) patched(x *exchange, key fhir.Key, apply patcher) (*fhir.Resource, store.Op, error) {
	demanded, err := x.conditions.matchVersion()
	if err != nil {
		return nil, store.Op{}, err
	}
	current, err := s.changeable(x, key)
	if err != nil {
		return nil, store.Op{}, about(key, err)
	}
	if demanded != "" && demanded != current.Key.Version {
		return nil, store.Op{}, about(key, store.ErrPrecondition)
	}
	before, err := fhir.ParseResource(current.JSON)
	if err != nil {
		return nil, store.Op{}, err
	}
	data, err := apply(before)
	if err != nil {
		return nil, store.Op{}, err
	}
	after, err := fhir.ParseResource(data)
	if err != nil {
		return nil, store.Op{}, err
	}
	if after.Type() != key.Type || after.ID() != key.ID {
		return nil, store.Op{}, fhir.Invalidf(fhir.CodeBusinessRule, "", "a patch cannot change the type or the id of a resource")
	}
	return after, store.Op{Method: store.Update, Key: key, IfMatch: current.Key.Version}, nil
}

// patcher reads the patch that was sent.
func (s *Server) patcher(x *exchange) (patcher, error) {
	if x.language != fhirPathPatch {
		return s.patcherOf(x.language, x.body)
	}
	if body := bytes.TrimLeft(x.body, " \t\r\n"); len(body) > 0 && body[0] == '[' {
		return nil, fhir.Invalidf(fhir.CodeStructure, "", "a patch as application/fhir+json is a Parameters resource; an array of operations is a JSON Patch and is sent as application/json-patch+json")
	}
	res, err := x.decoded()
	if err != nil {
		return nil, err
	}
	switch {
	case res.Type() == "Parameters":
		return func(before *fhir.Resource) ([]byte, error) { return patch.FHIRPath(before, res.Root(), s.definitions) }, nil
	case res.Type() == "Binary" && x.isEntry: // R4 http.html#transaction: how entries carry patches that are no resources
		return s.binaryPatcher(res)
	}
	return nil, fhir.Invalidf(fhir.CodeInvalid, res.Type(), "a patch as a resource is a Parameters, not %s", fhir.Indefinite(printable(res.Type())))
}

// binaryPatcher reads a patch that a Binary carries.
func (s *Server) binaryPatcher(res *fhir.Resource) (patcher, error) {
	language, _, err := patchContentType(textOf(res.Root().Get("contentType")))
	if err != nil || language == fhirPathPatch {
		return nil, fhir.Invalidf(fhir.CodeValue, "Binary.contentType", "a Binary carries a patch as application/json-patch+json or application/xml-patch+xml")
	}
	data, err := base64.StdEncoding.DecodeString(textOf(res.Root().Get("data")))
	if err != nil || len(data) == 0 {
		return nil, fhir.Invalidf(fhir.CodeValue, "Binary.data", "data must be the patch in base64")
	}
	return s.patcherOf(language, data)
}

func (s *Server) patcherOf(language patchLanguage, data []byte) (patcher, error) {
	if language == xmlPatch {
		return func(before *fhir.Resource) ([]byte, error) { return patch.XML(before, data, s.definitions) }, nil
	}
	operations, err := fhir.Parse(data)
	if err != nil {
		if malformed := (*fhir.SyntaxError)(nil); errors.As(err, &malformed) {
			return nil, malformed.Outcome()
		}
		return nil, err
	}
	return func(before *fhir.Resource) ([]byte, error) { return patch.JSON(before, operations) }, nil
}
