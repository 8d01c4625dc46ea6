package bench

import (
	"context"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
)

// ImportedPerRequest is how many resources one Bundle of an import holds, as `firth import` sends them.
const ImportedPerRequest = 200

// importing posts transactions of resources that keep their ids, as `firth import --server` does with NDJSON, and as many at once.
func (r *run) importing(ctx context.Context) (*Row, error) {
	row := r.row("import", "Observations/s")
	var next atomic.Int64
	var stored [][]byte
	few := *r
	few.Clients = min(r.Clients, 2*runtime.NumCPU())
	r.say("import: %d clients for %v", few.Clients, r.Duration)
	err := r.serve(ctx, r.store("import"), func(address string) error {
		bodies := make([][]byte, few.Clients)
		s, err := few.load(ctx, address, 200, func(dst []byte, client int, _ *rand.Rand) []byte {
			first := int(next.Add(ImportedPerRequest)) - ImportedPerRequest
			bodies[client] = appendImport(bodies[client][:0], first)
			return appendRequest(dst, "POST", address, "/fhir", fhirJSON, bodies[client])
		})
		if err != nil {
			return err
		}
		row.take(s, ImportedPerRequest)
		if err := r.checkIngested(ctx, address, s.latency.Count()*ImportedPerRequest); err != nil {
			return err
		}
		stored, err = r.sampleResources(ctx, address)
		return err
	})
	if err != nil {
		return nil, err
	}
	return row, r.engine(ctx, row, EngineLoad{Clients: few.Clients, Batch: ImportedPerRequest, Duration: r.Duration, Resources: stored})
}

// appendImport appends a transaction of the Observations from the first on.
func appendImport(dst []byte, first int) []byte {
	dst = append(dst, `{"resourceType":"Bundle","type":"transaction","entry":[`...)
	for i := range ImportedPerRequest {
		if i > 0 {
			dst = append(dst, ',')
		}
		id := ObservationID(first + i)
		dst = append(AppendObservation(append(dst, `{"resource":`...), id, first+i, createPatients), `,"request":{"method":"PUT","url":"Observation/`...)
		dst = append(append(dst, id...), `"}}`...)
	}
	return append(dst, `]}`...)
}
