package catalog_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/firth-health/firth/adapters"
	"github.com/firth-health/firth/adapters/catalog"
)

// readings is a vitals payload of n readings.
func readings(n int) []byte {
	types := []struct{ name, unit string }{{"heart-rate", "/min"}, {"spo2", "%"}, {"respiratory-rate", "/min"}, {"temperature", "Cel"}}
	out := []byte(`{"device":{"serial":"B1","model":"Bench"},"patient":"P1","readings":[`)
	for i := range n {
		if i > 0 {
			out = append(out, ',')
		}
		kind := types[i%len(types)]
		out = fmt.Appendf(out, `{"t":"2026-01-05T%02d:%02d:%02dZ","type":%q,"value":%d.%d,"unit":%q}`, i/3600%24, i/60%60, i%60, kind.name, 60+i%40, i%10, kind.unit)
	}
	return append(out, `]}`...)
}

// BenchmarkMap is the cost of mapping, by adapter; ns/reading is per drafted Observation.
func BenchmarkMap(b *testing.B) {
	registry := load(b)
	for _, one := range []struct {
		id, name string
		payload  []byte
	}{{"vitals", "100", readings(100)}, {"withings", "body-scan.json", nil}, {"pcd01", "pulse-oximetry.hl7", nil}} {
		if one.payload == nil {
			samples, err := catalog.Samples(one.id)
			if err != nil {
				b.Fatal(err)
			}
			for _, s := range samples {
				if s.Name == one.name {
					one.payload = s.Payload
				}
			}
		}
		b.Run(one.id+"/"+one.name, func(b *testing.B) {
			adapter := registry.Get(one.id)
			b.ReportAllocs()
			drafts := 0
			for b.Loop() {
				m, err := adapter.Map(context.Background(), adapters.Input{Payload: one.payload, Now: received})
				if err != nil {
					b.Fatal(err)
				}
				drafts += len(m.Drafts)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(drafts), "ns/reading")
		})
	}
}

// BenchmarkLoad is the cost of loading the catalog at start.
func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		if _, err := catalog.Adapters(); err != nil {
			b.Fatal(err)
		}
	}
}
