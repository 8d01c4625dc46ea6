package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/firth-health/firth/adapters"
	"github.com/firth-health/firth/audit"
	"github.com/firth-health/firth/fhir"
)

// Ingest maps a payload with an adapter and stores what it means, all or nothing. Parameters are the facts about the request that the manifest
// declares (its "context"), such as the account. It is what POST /ingest/{adapter} does, for transports other than HTTP.
//
// Errors are *[fhir.OperationOutcome] and may be shown to the sender. The codes throttled, transient and timeout mean that
// nothing was done and the payload should be sent again.
func (s *Server) Ingest(ctx context.Context, adapterID string, payload []byte, parameters map[string]string) (*adapters.Report, error) {
	x := &exchange{interaction: &interaction{name: audit.Ingest}, requestID: s.newID(), grant: everything{}, adapter: adapterID, asked: "ingest/" + adapterID}
	s.watch(x, ctx)
	err := s.ready(x)
	report := (*adapters.Report)(nil)
	if err == nil {
		report, err = s.ingestPayload(x, adapterID, payload, parameters)
	}
	out := reply{status: http.StatusOK}
	if err != nil {
		status, outcome, known := classify(err, fhir.Key{})
		if !known {
			s.log.ErrorContext(ctx, "ingest failed", "adapter", adapterID, "error", err)
		}
		out = reply{status: status, outcome: outcome}
	}
	if out = s.audited(x, out); out.outcome != nil {
		return nil, out.outcome
	}
	return report, nil
}

func (s *Server) ingestPayload(x *exchange, adapterID string, payload []byte, parameters map[string]string) (*adapters.Report, error) {
	adapter := s.adapter(adapterID)
	if adapter == nil {
		return nil, refuse(http.StatusNotFound, fhir.CodeNotFound, "", "there is no adapter %q; GET /ingest lists them", printable(adapterID))
	}
	declared := adapter.Manifest().Context
	for name := range parameters {
		if _, ok := declared[name]; !ok {
			return nil, fhir.Invalidf(fhir.CodeNotSupported, "http."+printable(name), "the adapter %s knows no parameter %q", adapterID, printable(name))
		}
	}
	mapping, err := adapter.Map(x.ctx, adapters.Input{Payload: payload, Context: parameters, Source: "urn:firth:adapter:" + adapterID, Now: s.clock()})
	if err != nil {
		return nil, unmappable(err)
	}
	report, err := adapters.Ingest(x.ctx, repository{s, x}, mapping)
	if errors.Is(err, adapters.ErrConflict) {
		return nil, refuse(http.StatusServiceUnavailable, fhir.CodeTransient, "", "other payloads kept changing the same resources; nothing was done, send it again")
	}
	return report, err
}

func (s *Server) adapter(id string) *adapters.Adapter {
	if s.adapters == nil {
		return nil
	}
	return s.adapters.Get(id)
}

// unmappable gives a payload that cannot be read its status: 400 for its syntax, 413 for its size, 422 for content the adapter does not take.
func unmappable(err error) error {
	unreadable := (*adapters.PayloadError)(nil)
	if !errors.As(err, &unreadable) {
		return err
	}
	switch unreadable.Stage {
	case "parse":
		return refuse(http.StatusBadRequest, fhir.CodeStructure, unreadable.Expression, "the payload cannot be read: %v", unreadable.Err)
	case "size":
		return refuse(http.StatusRequestEntityTooLarge, fhir.CodeTooLong, "", "%v", unreadable.Err)
	}
	return refuse(http.StatusUnprocessableEntity, fhir.CodeProcessing, unreadable.Expression, "the payload is not what the adapter takes: %v", unreadable.Err)
}

// ingest takes a device payload. The answer is the report, the fate of every item: 201 when something new was stored, 200 when all was there already or
// is ignored by a rule, 422 when nothing of it could be stored although something should have been.
func (s *Server) ingest(x *exchange) (reply, error) {
	parameters := make(map[string]string, len(x.query))
	for _, pair := range x.query {
		parameters[pair.Name] = pair.Value
	}
	report, err := s.ingestPayload(x, x.adapter, x.body, parameters)
	if err != nil {
		return reply{}, err
	}
	out := reply{status: http.StatusOK, contentType: contentTypeJSON, body: report.AppendJSON(nil)}
	switch {
	case report.Category() == adapters.NothingMapped:
		out.status = http.StatusUnprocessableEntity
	case len(report.Written)+len(report.Updated) > 0:
		out.status = http.StatusCreated
	}
	return out, nil
}

// adapterEntry is one adapter in the answer of GET /ingest.
type adapterEntry struct {
	ID         string            `json:"id"`
	Version    string            `json:"version"`
	Title      string            `json:"title"`
	Vendor     string            `json:"vendor,omitempty"`
	Format     string            `json:"format"`
	Parameters map[string]string `json:"parameters,omitempty"` // name -> meaning
	URL        string            `json:"url"`
}

// ingestList lists the adapters.
func (s *Server) ingestList(*exchange) (reply, error) {
	list := []adapterEntry{}
	if s.adapters != nil {
		for _, a := range s.adapters.All() {
			m := a.Manifest()
			list = append(list, adapterEntry{m.ID, m.Version, m.Title, m.Vendor, m.Format, m.Context, "/ingest/" + m.ID})
		}
	}
	body, err := json.Marshal(map[string]any{"adapters": list})
	if err != nil {
		return reply{}, fmt.Errorf("list of adapters: %w", err)
	}
	return reply{status: http.StatusOK, contentType: contentTypeJSON, body: body}, nil
}
