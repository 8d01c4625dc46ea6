package pebble_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
	"github.com/firth-health/firth/store/pebble"
)

// reading makes a heart rate of the size and with about the keys that a device's Observation has.
func reading(tb testing.TB, i, patients int) store.Op {
	tb.Helper()
	patient, device := i%patients, i%(patients*2)
	at := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i/patients) * time.Minute)
	code := []string{"8867-4", "59408-5", "8480-6", "8462-4", "29463-7"}[i/patients%5]
	id := fmt.Sprintf("0190%08x-7a%02x-4000-8000-%012x", i, i%256, i*7919)
	json := fmt.Sprintf(`{"resourceType":"Observation","identifier":[{"system":"urn:firth:measurement","value":"m%d"}],"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs","display":"Vital Signs"}]}],"code":{"coding":[{"system":"http://loinc.org","code":%q,"display":"Heart rate"},{"system":"urn:iso:std:iso:11073:10101","code":"149530","display":"MDC_PULS_OXIM_PULS_RATE"}],"text":"Heart rate"},"subject":{"reference":"Patient/p%d"},"effectiveDateTime":%q,"issued":%q,"performer":[{"reference":"Patient/p%d"}],"valueQuantity":{"value":%d,"unit":"beats/minute","system":"http://unitsofmeasure.org","code":"/min"},"device":{"reference":"Device/d%d"}}`,
		i, code, patient, at.Format(time.RFC3339), at.Format(time.RFC3339), patient, 50+i%60, device)
	r, err := fhir.ParseResource([]byte(json))
	if err != nil {
		tb.Fatal(err)
	}
	st, err := r.Stamp(id)
	if err != nil {
		tb.Fatal(err)
	}
	stamp := at.Format("20060102150405") + "000000"
	keys := []string{
		"category\x01tvital-signs\x01http://terminology.hl7.org/CodeSystem/observation-category", "category\x01Thttp://terminology.hl7.org/CodeSystem/observation-category",
		"code\x01t" + code + "\x01http://loinc.org", "code\x01t149530\x01urn:iso:std:iso:11073:10101", "code\x01Thttp://loinc.org", "code\x01Turn:iso:std:iso:11073:10101",
		"subject\x01rPatient/p" + fmt.Sprint(patient), "date\x01l" + stamp + "\x01" + stamp, "date\x01h" + stamp + "\x01" + stamp, fmt.Sprintf("device\x01rDevice/d%d", device),
		fmt.Sprintf("identifier\x01tm%d\x01urn:firth:measurement", i), "identifier\x01Turn:firth:measurement", "performer\x01rPatient/p" + fmt.Sprint(patient),
		"status\x01tfinal\x01", fmt.Sprintf("value-quantity\x01n>5002.%d\x01Shttp://unitsofmeasure.org\x01u/min\x01u", 50+i%60),
	}
	slices.Sort(keys)
	return store.Op{Method: store.Create, Key: fhir.Key{Type: "Observation", ID: id}, Resource: st, Keys: keys}
}

func readings(tb testing.TB, from, to, patients int) []store.Op {
	tb.Helper()
	ops := make([]store.Op, 0, to-from)
	for i := from; i < to; i++ {
		ops = append(ops, reading(tb, i, patients))
	}
	return ops
}

// meter reports the processor time of the whole process per operation, which other work on the machine does not disturb as it does wall time.
func meter(b *testing.B) func() {
	b.Helper()
	start := processorTime()
	return func() { b.ReportMetric(float64(processorTime()-start)/float64(b.N), "cpu-ns/op") }
}

func processorTime() int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

func openBench(b *testing.B) *pebble.Store {
	b.Helper()
	s, err := pebble.Open(b.TempDir(), pebble.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	return s
}

// BenchmarkApply writes durable readings; an operation is one reading.
func BenchmarkApply(b *testing.B) {
	for _, batch := range []int{1, 100, 500} {
		b.Run(fmt.Sprintf("batch %d", batch), func(b *testing.B) {
			s := openBench(b)
			ops := readings(b, 0, b.N, 100)
			b.ResetTimer()
			defer meter(b)()
			for part := range slices.Chunk(ops, batch) {
				if _, err := s.Apply(b.Context(), part); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "resources/s")
		})
	}
	for _, batch := range []int{1, 100} {
		b.Run(fmt.Sprintf("64 clients, batch %d", batch), func(b *testing.B) {
			s := openBench(b)
			ops := readings(b, 0, b.N, 100)
			next := atomic.Int64{}
			b.SetParallelism(32)
			b.ResetTimer()
			defer meter(b)()
			b.RunParallel(func(pb *testing.PB) {
				for more := true; more; {
					n := 0
					for n < batch && more {
						if more = pb.Next(); more {
							n++
						}
					}
					end := int(next.Add(int64(n)))
					if _, err := s.Apply(context.Background(), ops[end-n:end]); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "resources/s")
		})
	}
}

// BenchmarkApplyConditional writes readings that must not exist yet, as adapters do.
func BenchmarkApplyConditional(b *testing.B) {
	s := openBench(b)
	ops := readings(b, 0, b.N, 100)
	for i := range ops {
		for _, key := range ops[i].Keys {
			if len(key) > 12 && key[:12] == "identifier\x01t" {
				ops[i].IfNoneExist = &search.Query{Type: "Observation", Plan: search.Keys{Lo: key, Hi: key + "\x00"}}
			}
		}
	}
	b.ResetTimer()
	defer meter(b)()
	for part := range slices.Chunk(ops, 100) {
		if _, err := s.Apply(b.Context(), part); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "resources/s")
}

// filled is a store with n readings.
func filled(b *testing.B, n, patients int) (*pebble.Store, []store.Op) {
	b.Helper()
	s := openBench(b)
	var all []store.Op
	for from := 0; from < n; from += 1000 {
		ops := readings(b, from, from+1000, patients)
		if _, err := s.Apply(b.Context(), ops); err != nil {
			b.Fatal(err)
		}
		all = append(all, ops...)
	}
	settle(b, s)
	return s, all
}

// settle waits until the engine has nothing to do in the background.
func settle(b *testing.B, s *pebble.Store) {
	b.Helper()
	for quiet := 0; quiet < 5; {
		time.Sleep(100 * time.Millisecond)
		m, err := s.Metrics()
		if err != nil {
			b.Fatal(err)
		}
		if quiet++; m.Compacting > 0 {
			quiet = 0
		}
	}
}

func BenchmarkRead(b *testing.B) {
	s, ops := filled(b, 200_000, 100)
	b.ReportAllocs()
	b.ResetTimer()
	defer meter(b)()
	for b.Loop() {
		if _, err := s.Read(b.Context(), ops[rand.IntN(len(ops))].Key); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSearchHot(b *testing.B) {
	for _, patients := range []int{1000, 2} {
		s, _ := filled(b, 200_000, patients)
		for _, total := range []search.Total{search.NoTotal, search.Bounded} {
			b.Run(fmt.Sprintf("%d readings a patient, total %d", 200_000/patients, total), func(b *testing.B) {
				b.ReportAllocs()
				defer meter(b)()
				for b.Loop() {
					subject := fmt.Sprintf("subject\x01rPatient/p%d", rand.IntN(patients))
					q := &search.Query{Type: "Observation", Count: 20, Total: total,
						Plan: search.And{search.Keys{Lo: subject, Hi: subject + "\x00"}, search.Keys{Lo: "code\x01t8867-4\x01", Hi: "code\x01t8867-4\x02"}},
						Sort: []search.SortKey{{Prefixes: []string{"date\x01l"}, Descending: true}}}
					page, err := s.Search(b.Context(), q)
					if err != nil || len(page.Matches) != 20 {
						b.Fatal(len(page.Matches), err)
					}
				}
			})
		}
	}
}
