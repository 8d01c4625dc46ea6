package path

import (
	"testing"

	"github.com/firth-health/firth/fhir"
)

const benchObservation = `{"resourceType":"Observation","id":"bp","meta":{"versionId":"1","lastUpdated":"2026-01-02T03:04:05.000Z"},"status":"final",
"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}]}],
"code":{"coding":[{"system":"http://loinc.org","code":"85354-9"}]},"subject":{"reference":"Patient/123"},"effectiveDateTime":"2015-05-31T06:06:23Z",
"device":{"reference":"Device/9"},"component":[
{"code":{"coding":[{"system":"http://loinc.org","code":"8480-6"}]},"valueQuantity":{"value":104,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}},
{"code":{"coding":[{"system":"http://loinc.org","code":"8462-4"}]},"valueQuantity":{"value":68,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}}]}`

func benchmark(b *testing.B, source string) {
	defs := definitions(b)
	r, err := fhir.ParseResource([]byte(benchObservation))
	if err != nil {
		b.Fatal(err)
	}
	e, err := Compile(source, defs, ForSearch())
	if err != nil {
		b.Fatal(err)
	}
	root, env := Root(r, defs), &Env{}
	var items Collection
	b.ReportAllocs()
	for b.Loop() {
		if items, err = e.EvalInto(items[:0], root, env); err != nil || len(items) == 0 {
			b.Fatal(len(items), err)
		}
	}
}

func BenchmarkEvalSimplePath(b *testing.B) { benchmark(b, "Observation.code") }

func BenchmarkEvalRepeatingPath(b *testing.B) {
	benchmark(b, "Observation.component.code.coding.code")
}

func BenchmarkEvalChoice(b *testing.B) { benchmark(b, "(Observation.component.value as Quantity)") }

func BenchmarkEvalResolveIsType(b *testing.B) {
	benchmark(b, "Observation.subject.where(resolve() is Patient)")
}

func BenchmarkEvalUnion(b *testing.B) {
	benchmark(b, "Observation.code | Observation.component.code")
}

func BenchmarkEvalCondition(b *testing.B) {
	benchmark(b, "Observation.component.where(code.coding.code = '8462-4').value.value")
}

// BenchmarkEvalObservationParameters evaluates all search expressions of Observation on one blood pressure.
func BenchmarkEvalObservationParameters(b *testing.B) {
	defs := definitions(b)
	r, err := fhir.ParseResource([]byte(benchObservation))
	if err != nil {
		b.Fatal(err)
	}
	var expressions []*Expression
	for _, p := range defs.SearchParameters("Observation") {
		if p.Expression == "" {
			continue
		}
		e, err := Compile(p.Expression, defs, ForSearch())
		if err != nil {
			b.Fatal(err)
		}
		expressions = append(expressions, e)
	}
	root, env := Root(r, defs), &Env{}
	var items Collection
	b.ReportAllocs()
	b.ReportMetric(float64(len(expressions)), "expressions")
	for b.Loop() {
		for _, e := range expressions {
			if items, err = e.EvalInto(items[:0], root, env); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	defs := definitions(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Compile("Observation.component.where(code.coding.code = '8462-4').value.value > 80", defs); err != nil {
			b.Fatal(err)
		}
	}
}
