package spec

import (
	"runtime"
	"testing"
)

// BenchmarkOpen measures what the first call of R4 costs.
func BenchmarkOpen(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := open(r4File); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRetained reports the memory that the definitions keep.
func BenchmarkRetained(b *testing.B) {
	var before, after runtime.MemStats
	for b.Loop() {
		runtime.GC()
		runtime.ReadMemStats(&before)
		d, err := open(r4File)
		if err != nil {
			b.Fatal(err)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(d)
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1e6, "MB-retained")
}

func BenchmarkChild(b *testing.B) {
	d, err := R4()
	if err != nil {
		b.Fatal(err)
	}
	observation := d.Type("Observation")
	name := []byte("valueQuantity")
	b.ReportAllocs()
	for b.Loop() {
		if observation.ChildBytes(name).Type().Child("unit") == nil {
			b.Fatal("no unit")
		}
	}
}

func BenchmarkArtifact(b *testing.B) {
	d, err := R4()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.StructureDefinition("http://hl7.org/fhir/StructureDefinition/Observation"); err != nil {
			b.Fatal(err)
		}
	}
}
