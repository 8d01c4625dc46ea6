package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"

	"github.com/firth-health/firth/fhir"
)

// fhirJSON is the media type of what is sent.
const fhirJSON = "application/fhir+json"

// createPatients is how many patients created Observations are spread over.
const createPatients = 1000

// create is POST /fhir/Observation, one resource a request, durable when answered.
func (r *run) create(ctx context.Context) (*Row, error) {
	row := r.row("create", "Observations/s")
	var next atomic.Int64
	var stored [][]byte
	r.say("create: %d clients for %v", r.Clients, r.Duration)
	err := r.serve(ctx, r.store("create"), func(address string) error {
		bodies := make([][]byte, r.Clients)
		s, err := r.load(ctx, address, 201, func(dst []byte, client int, _ *rand.Rand) []byte {
			bodies[client] = AppendObservation(bodies[client][:0], "", int(next.Add(1)), createPatients)
			return appendRequest(dst, "POST", address, "/fhir/Observation", fhirJSON, bodies[client])
		})
		if err != nil {
			return err
		}
		row.take(s, 1)
		stored, err = r.sampleResources(ctx, address)
		return err
	})
	if err != nil {
		return nil, err
	}
	return row, r.engine(ctx, row, EngineLoad{Clients: r.Clients, Batch: 1, Duration: r.Duration, Resources: stored})
}

// ReadingsPerRequest is how many readings one ingested payload holds.
const ReadingsPerRequest = 100

// ingest posts device readings, a hundred a request, through the adapter: payload, mapping, identity, duplicate check, durable commit.
func (r *run) ingest(ctx context.Context) (*Row, error) {
	row := r.row("ingest", "Observations/s")
	var stored [][]byte
	r.say("ingest: %d clients for %v", r.Clients, r.Duration)
	err := r.serve(ctx, r.store("ingest"), func(address string) error {
		payloads := make([][]byte, r.Clients)
		s, err := r.load(ctx, address, 201, func(dst []byte, client int, _ *rand.Rand) []byte {
			payloads[client] = r.Readings(payloads[client][:0], client, ReadingsPerRequest)
			return appendRequest(dst, "POST", address, r.IngestPath, "application/json", payloads[client])
		})
		if err != nil {
			return err
		}
		row.take(s, ReadingsPerRequest)
		if err := r.checkIngested(ctx, address, s.latency.Count()*ReadingsPerRequest); err != nil {
			return err
		}
		stored, err = r.sampleResources(ctx, address)
		return err
	})
	if err != nil {
		return nil, err
	}
	return row, r.engine(ctx, row, EngineLoad{Clients: r.Clients, Batch: ReadingsPerRequest, Duration: r.Duration, Resources: stored})
}

// fetch is one GET of a server that the run has started.
func (r *run) fetch(ctx context.Context, address, target string) ([]byte, error) {
	header, err := r.header(ctx)
	if err != nil {
		return nil, err
	}
	return fetch(ctx, address, target, header)
}

// checkIngested refuses a figure that counted readings the server did not store.
func (r *run) checkIngested(ctx context.Context, address string, least int) error {
	body, err := r.fetch(ctx, address, "/fhir/Observation?_summary=count")
	if err != nil {
		return err
	}
	root, err := fhir.Parse(body)
	if err != nil {
		return err
	}
	total, err := fhir.ParseDecimal(root.Get("total").Text())
	if err != nil {
		return fmt.Errorf("the server does not tell how many Observations it holds: %w", err)
	}
	if total.Cmp(fhir.NewDecimal(int64(least), 0)) < 0 {
		return fmt.Errorf("%d readings were acknowledged, but %s Observations are stored", least, total)
	}
	return nil
}

// engine measures the ceiling of a write.
func (r *run) engine(ctx context.Context, row *Row, load EngineLoad) error {
	if r.RatesOnly {
		return nil
	}
	r.say("its ceiling: %s", row.CeilingIs)
	ceiling, err := r.Engine(ctx, r.store("engine-"+fmt.Sprint(load.Batch)), load)
	row.Ceiling = ceiling
	return err
}

// sampleResources reads Observations back, so that the engine gets what the server stored.
func (r *run) sampleResources(ctx context.Context, address string) ([][]byte, error) {
	body, err := r.fetch(ctx, address, "/fhir/Observation?_count=500")
	if err != nil {
		return nil, err
	}
	root, err := fhir.Parse(body)
	if err != nil {
		return nil, err
	}
	var out [][]byte
	for entry := range root.Get("entry").Children() {
		if resource := entry.Get("resource"); resource.Ok() {
			out = append(out, resource.Raw())
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("the server stored no Observation")
	}
	return out, nil
}
