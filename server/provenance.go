package server

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/store"
)

const (
	provenanceType   = "Provenance"
	provenanceHeader = "http.X-Provenance" // as outcomes name it
	maxProvenance    = 64 << 10            // bytes, for listeners that allow larger headers
)

// state takes X-Provenance over: a Provenance as JSON, without the target, which is what the request writes (R4 provenance.html#header). Interactions that only
// read have no use for it; others that write cannot say what it would be about, and do not drop it in silence.
func (x *exchange) state(values []string) error {
	if len(values) == 0 || !x.interaction.writes() {
		return nil
	}
	switch x.interaction.name {
	case "create", "update", "patch":
	case "batch", "transaction":
		return fhir.Invalidf(fhir.CodeNotSupported, provenanceHeader, "X-Provenance is for a create, update or patch; a Bundle carries a Provenance as an entry")
	default:
		return fhir.Invalidf(fhir.CodeNotSupported, provenanceHeader, "X-Provenance is for a create, update or patch")
	}
	if len(values) > 1 {
		return fhir.Invalidf(fhir.CodeInvalid, provenanceHeader, "X-Provenance comes more than once")
	}
	if len(values[0]) > maxProvenance {
		return refuse(http.StatusBadRequest, fhir.CodeTooLong, provenanceHeader, "X-Provenance is larger than the limit of %d bytes", maxProvenance)
	}
	res, err := fhir.ParseResource([]byte(values[0]))
	if err != nil {
		return inProvenance(err)
	}
	if res.Type() != provenanceType {
		return fhir.Invalidf(fhir.CodeInvalid, provenanceHeader, "X-Provenance must be a Provenance, not %s", fhir.Indefinite(printable(res.Type())))
	}
	if res.Root().Get("target").Ok() || res.Root().Get("_target").Ok() {
		return fhir.Invalidf(fhir.CodeInvalid, provenanceHeader, "X-Provenance must be without target, which is what the request writes")
	}
	x.provenance = res
	return nil
}

// commitStated applies an operation and the creation of the Provenance about it, both or none. A conditional create that finds a resource writes nothing, so that
// there is nothing to state. Its callers try again when another client was faster (ErrConflict).
func (s *Server) commitStated(x *exchange, op store.Op) ([]store.Result, error) {
	if !s.transactions {
		return nil, refuse(http.StatusNotImplemented, fhir.CodeNotSupported, provenanceHeader, "X-Provenance needs transactions, which the storage this server runs on does not have; nothing was done")
	}
	version, err := s.nextVersion(x, &op)
	if err != nil {
		return nil, err
	}
	op.ExpectVersion = version
	statement, err := s.stating(x, fhir.Key{Type: op.Key.Type, ID: op.Key.ID, Version: version})
	if err != nil {
		return nil, inProvenance(err)
	}
	ops := []store.Op{op, statement}
	if op.IfNoneExist != nil && !op.ExpectNone {
		found, err := s.find(x.ctx, op.IfNoneExist, 2)
		switch {
		case err != nil:
			return nil, err
		case len(found) > 1:
			return nil, store.ErrMultiple
		case len(found) == 1:
			ops[0].Expect = found[0]
			ops = ops[:1]
		default:
			ops[0].ExpectNone = true
		}
	}
	results, err := s.commitAs(x, ops, func(i int) auth.Action {
		if i == 1 {
			return auth.Create
		}
		return x.writeAction()
	})
	if failed := (*store.OpError)(nil); errors.As(err, &failed) && failed.Index == 1 {
		return nil, inProvenance(err)
	}
	if err != nil {
		return nil, err
	}
	return results[:1], nil
}

// nextVersion is the id of the version that an operation makes, unless another client is faster. Versions of a resource count from 1, deletions included.
func (s *Server) nextVersion(x *exchange, op *store.Op) (string, error) {
	if op.Method == store.Create {
		return "1", nil
	}
	page, err := s.store.History(x.ctx, store.HistoryQuery{Type: op.Key.Type, ID: op.Key.ID, Count: 1})
	if errors.Is(err, store.ErrNotFound) {
		return "1", nil
	}
	if err != nil {
		return "", err
	}
	if len(page.Versions) == 0 {
		return "", store.ErrConflict
	}
	newest, err := strconv.ParseUint(page.Versions[0].Key.Version, 10, 64)
	return strconv.FormatUint(newest+1, 10), err
}

// stating makes the operation that creates the Provenance of X-Provenance about a version. The caller needs leave for that as for any create.
func (s *Server) stating(x *exchange, target fhir.Key) (store.Op, error) {
	key := fhir.Key{Type: provenanceType, ID: s.newID()}
	if err := x.grant.Allow(x.ctx, Access{Interaction: "create", Key: fhir.Key{Type: provenanceType}}); err != nil {
		return store.Op{}, err
	}
	_, behindType := x.provenance.Root().Get("resourceType").Range()
	text := append(fhir.AppendQuoted([]byte(`,"target":[{"reference":`), target.String()), "}]"...)
	res, err := fhir.ParseResource(x.provenance.Apply([]fhir.Splice{{Start: behindType, End: behindType, Text: text}}))
	if err != nil {
		return store.Op{}, err
	}
	return s.write(store.Create, key, res, origin{})
}

// inProvenance makes a refusal of the Provenance one of the header: 400, also where rules are broken, because the body is not what is wrong.
func inProvenance(err error) error {
	var outcome *fhir.OperationOutcome
	located := &refusal{}
	if refused := (*refusal)(nil); errors.As(err, &refused) {
		*located, outcome = *refused, refused.outcome
	} else if errors.As(err, &outcome) {
		located.status = statusOf(outcome)
	} else {
		return err
	}
	if located.status == http.StatusUnprocessableEntity {
		located.status = http.StatusBadRequest
	}
	issues := slices.Clone(outcome.Issues)
	for i := range issues {
		at := "X-Provenance"
		if of := issues[i].Expression; of != "" && !strings.HasPrefix(of, "$this") { // so begins what is in a text that is no resource
			at += ", " + of
		}
		issues[i].Diagnostics = at + ": " + issues[i].Diagnostics
		issues[i].Expression = provenanceHeader
	}
	located.outcome = &fhir.OperationOutcome{Issues: issues}
	return located
}
