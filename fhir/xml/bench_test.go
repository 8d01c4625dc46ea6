package xml_test

import (
	"os"
	"testing"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/xml"
	"github.com/firth-health/firth/internal/testfiles"
)

// observation is a vital sign as devices send them.
const observation = `{"resourceType":"Observation","id":"blood-pressure","meta":{"versionId":"1","lastUpdated":"2024-05-31T06:06:23.000Z",` +
	`"profile":["http://hl7.org/fhir/StructureDefinition/bp"]},"identifier":[{"system":"urn:ietf:rfc:3986","value":"urn:uuid:187e0c12-8dd2-67e2-99b2-bf273c878281"}],` +
	`"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs","display":"Vital Signs"}]}],` +
	`"code":{"coding":[{"system":"http://loinc.org","code":"85354-9","display":"Blood pressure panel"}]},"subject":{"reference":"Patient/example"},` +
	`"effectiveDateTime":"2024-05-31T06:06:23Z","device":{"reference":"Device/example"},"component":[` +
	`{"code":{"coding":[{"system":"http://loinc.org","code":"8480-6","display":"Systolic blood pressure"}]},"valueQuantity":` +
	`{"value":107,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}},` +
	`{"code":{"coding":[{"system":"http://loinc.org","code":"8462-4","display":"Diastolic blood pressure"}]},"valueQuantity":` +
	`{"value":60.0,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}}]}`

// documents are what the benchmarks work on.
func documents(b *testing.B) map[string]fhir.Node {
	b.Helper()
	list := map[string]fhir.Node{"observation": parse(b, []byte(observation))}
	const bundle = "../../../shared/data/synthea/Benito_Lucio_b5c88c11-b161-4183-80e0-124571e51207.json.gz"
	if _, err := os.Stat(bundle); err == nil {
		list["bundle"] = parse(b, testfiles.Read(b, bundle))
	}
	return list
}

func BenchmarkEncode(b *testing.B) {
	for name, root := range documents(b) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(root.Raw())))
			b.ReportAllocs()
			var dst []byte
			for b.Loop() {
				var err error
				if dst, err = xml.Encode(dst[:0], root, definitions(b)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for name, root := range documents(b) {
		data, err := xml.Encode(nil, root, definitions(b))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := xml.Decode(data, definitions(b)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
