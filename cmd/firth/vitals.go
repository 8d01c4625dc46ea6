package main

import (
	"time"

	"github.com/firth-health/firth/internal/simulate"
)

const vitalsPath = "/ingest/withings"

func vitalsPayload(b bed, at time.Time, v simulate.Vitals, bp bool) []byte {
	return []byte(`{"status":0,"body":{"measuregrps":[]}}`)
}
