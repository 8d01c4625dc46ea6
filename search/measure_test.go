package search

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir"
)

// decoded is a measure in words.
type decoded struct {
	Shape  MeasureShape
	Time   string
	Values []string
}

func decode(m Measure) (d decoded, ok bool) {
	shape, values, ok := m.Split()
	if !ok {
		return d, false
	}
	s, err := ParseMeasureShape(shape)
	if err != nil {
		return d, false
	}
	d.Shape = *s
	if s.Timed {
		micros, ok := values.Time()
		if !ok {
			return d, false
		}
		d.Time = time.UnixMicro(micros).UTC().Format(time.RFC3339Nano)
	}
	for _, part := range append([]Measured{s.Own}, s.Parts...) {
		if part.Unit == "" {
			continue
		}
		value, ok := values.Next()
		if !ok {
			return d, false
		}
		number := value.Wide
		if !value.IsWide {
			number = fhir.NewDecimal(value.Coefficient, int32(-value.Scale))
		}
		d.Values = append(d.Values, number.String())
	}
	return d, len(values) == 0
}

func TestMeasure(t *testing.T) {
	const ucum = `"system":"http://unitsofmeasure.org","code":"mm[Hg]"`
	quantity := func(value string) string { return `"valueQuantity":{"value":` + value + `,"unit":"mmHg",` + ucum + `}` }
	code := func(codes ...string) string {
		return `"code":{"coding":[{"code":"` + strings.Join(codes, `"},{"code":"`) + `"}]}`
	}
	measured := func(unit string, codes ...string) (m Measured) {
		for _, c := range codes {
			m.Codings = append(m.Codings, MeasuredCoding{Code: c})
		}
		if m.Unit = unit; unit != "" {
			m.Text = "mmHg"
		}
		return m
	}
	const hg = "mm[Hg]"
	for _, c := range []struct {
		name, body string
		want       decoded
		kept       bool
	}{
		{"value", code("a", "b") + `,` + quantity("1.50") + `,"effectiveDateTime":"2024-05-06T07:08:09.123456+02:00"`,
			decoded{MeasureShape{Timed: true, Quantity: true, Own: measured(hg, "a", "b")}, "2024-05-06T05:08:09.123456Z", []string{"1.50"}}, true},
		{"system and no code", `"code":{"coding":[{"system":"s"},{"display":"d"}]}`,
			decoded{Shape: MeasureShape{Own: Measured{Codings: []MeasuredCoding{{System: "s"}, {}}}}}, true},
		{"nothing", `"status":"final"`, decoded{}, true},
		{"a code whose length takes a byte", code(strings.Repeat("x", 127)), decoded{Shape: MeasureShape{Own: measured("", strings.Repeat("x", 127))}}, true},
		{"a code whose length takes two", code(strings.Repeat("x", 128)), decoded{Shape: MeasureShape{Own: measured("", strings.Repeat("x", 128))}}, true},
		{"in error", `"status":"entered-in-error"`, decoded{Shape: MeasureShape{Erroneous: true}}, true},
		{"period", `"effectivePeriod":{"start":"2024-05"}`, decoded{Shape: MeasureShape{Timed: true}, Time: "2024-05-01T00:00:00Z"}, true},
		{"a time that is none, then one", `"effectiveDateTime":"today","effectiveInstant":"0999-01-01T00:00:00Z"`, decoded{Shape: MeasureShape{Timed: true}, Time: "0999-01-01T00:00:00Z"}, true},
		{"components", code("p") + `,"component":[{` + code("a") + `,` + quantity("-120") + `},{` + code("b") + `},{` + code("c") + `,` + quantity("0.0") + `}]`,
			decoded{MeasureShape{Panel: true, Own: measured("", "p"), Parts: []Measured{measured(hg, "a"), measured("", "b"), measured(hg, "c")}}, "", []string{"-120", "0.0"}}, true},
		{"comparator", `"valueQuantity":{"value":1,"comparator":"<",` + ucum + `}`, decoded{Shape: MeasureShape{Quantity: true}}, true},
		{"unit of another system", `"valueQuantity":{"value":1,"system":"x","code":"y"}`, decoded{Shape: MeasureShape{Quantity: true}}, true},
		{"a unit without a code", `"valueQuantity":{"value":1,"unit":"x","system":"http://unitsofmeasure.org"}`, decoded{Shape: MeasureShape{Quantity: true}}, true},
		{"no value", `"valueQuantity":{` + ucum + `}`, decoded{Shape: MeasureShape{Quantity: true}}, true},
		{"modified", `"modifierExtension":[{"url":"x"}],` + quantity("1") + `,"component":[{` + quantity("2") + `}]`,
			decoded{Shape: MeasureShape{Panel: true, Quantity: true, Parts: []Measured{{}}}}, true},
		{"a modified component", `"component":[{"modifierExtension":[{"url":"x"}],` + quantity("2") + `}]`, decoded{Shape: MeasureShape{Panel: true, Parts: []Measured{{}}}}, true},
		{"18 digits", quantity("-12345.6789012345678"), decoded{Shape: MeasureShape{Quantity: true, Own: measured(hg)}, Values: []string{"-12345.6789012345678"}}, true},
		{"more digits", quantity("123456789012345678901234567890.10"), decoded{Shape: MeasureShape{Quantity: true, Own: measured(hg)}, Values: []string{"123456789012345678901234567890.10"}}, true},
		{"an exponent", quantity("1.5e-7"), decoded{Shape: MeasureShape{Quantity: true, Own: measured(hg)}, Values: []string{"0.00000015"}}, true},
		{"an exponent beyond measure", quantity("1e401"), decoded{Shape: MeasureShape{Quantity: true}}, true},
		{"members", `"hasMember":[{"reference":"Observation/a"}]`, decoded{Shape: MeasureShape{Panel: true, Members: true}}, false},
		{"two statuses", `"status":["final","entered-in-error"]`, decoded{}, false},
		{"two codes", `"code":[{"coding":[{"code":"a"}]}]`, decoded{}, false},
		{"two codes of a component", `"component":[{"code":[{"coding":[{"code":"a"}]}]}]`, decoded{Shape: MeasureShape{Panel: true, Parts: []Measured{{}}}}, false},
		{"a component that is a text", `"component":["x"]`, decoded{Shape: MeasureShape{Panel: true, Parts: []Measured{{}}}}, false},
		{"as long as is kept", code(strings.Repeat("x", maxMeasure-8)), decoded{Shape: MeasureShape{Own: measured("", strings.Repeat("x", maxMeasure-8))}}, true},
		{"a byte longer", code(strings.Repeat("x", maxMeasure-7)), decoded{Shape: MeasureShape{Own: measured("", strings.Repeat("x", maxMeasure-7))}}, false},
		{"a component that is none", `"component":{"code":{}}`, decoded{Shape: MeasureShape{Panel: true, Parts: []Measured{{}}}}, false},
		{"long", code(strings.Repeat("x", maxMeasure)), decoded{Shape: MeasureShape{Own: measured("", strings.Repeat("x", maxMeasure))}}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			res, err := fhir.ParseResource([]byte(`{"resourceType":"Observation",` + c.body + `}`))
			if err != nil {
				t.Fatal(err)
			}
			got, ok := decode(AppendMeasure(nil, res.Root()))
			if d := cmp.Diff(c.want, got); d != "" || !ok {
				t.Errorf("%v (-want +got):\n%s", ok, d)
			}
			if kept := MeasureOf(res); (kept != nil) != c.kept {
				t.Errorf("kept: %q", kept)
			}
		})
	}
	patient, err := fhir.ParseResource([]byte(`{"resourceType":"Patient"}`))
	if err != nil || MeasureOf(patient) != nil {
		t.Error("a Patient has a measure", err)
	}
}

// TestPlainDecimal tells the numbers that fit from those that are left as text, and from what is none.
func TestPlainDecimal(t *testing.T) {
	for text, want := range map[string]string{
		"0": "0 0", "7": "7 0", "-7": "-7 0", "1.50": "150 2", "-0.07": "-7 2", "0.0": "0 1", "123456789012345678": "123456789012345678 0", "-1234567890.12345678": "-123456789012345678 8", "0.12345678901234567": "12345678901234567 17",
		"1234567890123456789": "", "0.123456789012345678": "", "": "", "-": "", ".": "", ".5": "", "-.5": "", "5.": "", "1.2.3": "", "1..2": "", "1e2": "", "+1": "", "--1": "", "1 ": "", "x": "", "/": "", ":": "", "9:": "",
	} {
		got := ""
		if coefficient, scale, ok := plainDecimal([]byte(text)); ok {
			got = fmt.Sprintf("%d %d", coefficient, scale)
		}
		if got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestMeasureShapes reads shapes, and what is cut off or goes on.
func TestMeasureShapes(t *testing.T) {
	coded := Measured{Codings: []MeasuredCoding{{System: "s", Code: "c"}}, Unit: "u", Text: "t"}
	for _, c := range []struct {
		name, shape string
		want        *MeasureShape
	}{
		{"empty", "", nil},
		{"no codings", "\x00", nil},
		{"no unit", "\x00\x00", nil},
		{"nothing", "\x00\x00\x00", &MeasureShape{}},
		{"all flags", "\x1f\x00\x00", &MeasureShape{Erroneous: true, Panel: true, Members: true, Timed: true, Quantity: true}},
		{"an empty coding", "\x00\x01\x00\x00\x00", &MeasureShape{Own: Measured{Codings: []MeasuredCoding{{}}}}},
		{"a coding and a unit", "\x00\x01\x01s\x01c\x01u\x01t", &MeasureShape{Own: coded}},
		{"a component", "\x00\x00\x00\x01\x01s\x01c\x01u\x01t", &MeasureShape{Parts: []Measured{coded}}},
		{"two components", "\x00\x00\x00\x00\x00\x00\x00", &MeasureShape{Parts: []Measured{{}, {}}}},
		{"a component that is cut off", "\x00\x00\x00\x00", nil},
		{"a text that is cut off", "\x00\x01\x01s\x01c\x01u\x01", nil},
		{"a text that is not there", "\x00\x01\x01s\x01c\x01u", nil},
		{"a unit as long as what is left with its length", "\x00\x00\x02u", nil},
		{"a unit that is longer", "\x00\x00\x03u", nil},
		{"more codings than bytes", "\x00\x04\x00\x00", nil},
		{"a number that is cut off", "\x00\x80", nil},
		{"a number beyond 64 bits", "\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ParseMeasureShape([]byte(c.shape))
			if diff := cmp.Diff(c.want, got); diff != "" || (err != nil) != (c.want == nil) {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

// TestMeasureValues reads values, and what is cut off, of which nothing is taken.
func TestMeasureValues(t *testing.T) {
	one := MeasuredValue{Coefficient: 1, Scale: 2}
	for _, c := range []struct {
		name, data string
		want       MeasuredValue
		rest       string
		ok         bool
	}{
		{"empty", "", MeasuredValue{}, "", false},
		{"a scale alone", "\x02", MeasuredValue{}, "\x02", false},
		{"a value", "\x02\x02", one, "", true},
		{"a value and more", "\x02\x02x", one, "x", true},
		{"a coefficient that is cut off", "\x02\x80", MeasuredValue{}, "\x02\x80", false},
		{"a wide value", "\xff\x0315.", MeasuredValue{IsWide: true}, "", false},
		{"a wide value and more", "\xff\x031.5x", MeasuredValue{IsWide: true, Wide: fhir.NewDecimal(15, -1)}, "x", true},
		{"a wide value as long as what is left", "\xff\x0215", MeasuredValue{IsWide: true, Wide: fhir.NewDecimal(15, 0)}, "", true},
		{"a wide value that is cut off", "\xff\x0315", MeasuredValue{}, "\xff\x0315", false},
		{"a length that is cut off", "\xff\x80", MeasuredValue{}, "\xff\x80", false},
		{"no length", "\xff", MeasuredValue{}, "\xff", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			values := MeasureValues(c.data)
			got, ok := values.Next()
			if got.Wide.Cmp(c.want.Wide) != 0 {
				t.Errorf("%s, want %s", got.Wide, c.want.Wide)
			}
			got.Wide, c.want.Wide = fhir.Decimal{}, fhir.Decimal{}
			if got != c.want || ok != c.ok || string(values) != c.rest {
				t.Errorf("%+v, %t, then %q; want %+v, %t, then %q", got, ok, values, c.want, c.ok, c.rest)
			}
		})
	}
}

// TestMeasureSplit cuts measures, and what is none.
func TestMeasureSplit(t *testing.T) {
	for _, c := range []struct {
		name, measure, shape, values string
		ok                           bool
	}{
		{"empty", "", "", "", false},
		{"an empty shape", "\x00", "", "", true},
		{"a shape", "\x02ab", "ab", "", true},
		{"a shape and values", "\x02abcd", "ab", "cd", true},
		{"a shape that is cut off", "\x02a", "", "", false},
		{"a length that is cut off", "\x80", "", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			shape, values, ok := Measure(c.measure).Split()
			if string(shape) != c.shape || string(values) != c.values || ok != c.ok {
				t.Errorf("%q, %q, %t; want %q, %q, %t", shape, values, ok, c.shape, c.values, c.ok)
			}
		})
	}
	for data, want := range map[string]string{"": "0 false ", "\x02": "1 true ", "\x01x": "-1 true x", "\x80": "0 false \x80"} {
		values := MeasureValues(data)
		micros, ok := values.Time()
		if got := fmt.Sprintf("%d %t %s", micros, ok, values); got != want {
			t.Errorf("time of %q: %q, want %q", data, got, want)
		}
	}
}

// FuzzMeasure reads anything as a measure, and expects of the measure of anything that it can be read.
func FuzzMeasure(f *testing.F) {
	f.Add([]byte(`{"resourceType":"Observation","code":{"coding":[{"system":"s","code":"c"}]},"effectiveDateTime":"2024-01-01","valueQuantity":{"value":1.5,"system":"http://unitsofmeasure.org","code":"m"}}`))
	f.Add([]byte("\x05\x00\x01\x01s\x01\x02\x03\x04"))
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Fuzz(func(t *testing.T, data []byte) {
		decode(data)
		res, err := fhir.ParseResource(data)
		if err != nil {
			return
		}
		if d, ok := decode(AppendMeasure(nil, res.Root())); !ok {
			t.Errorf("not readable: %+v", d)
		}
	})
}

func BenchmarkMeasureOf(b *testing.B) {
	res, err := fhir.ParseResource([]byte(`{"resourceType":"Observation","id":"x","meta":{"versionId":"1"},"status":"final","category":[{"coding":[{"code":"vital-signs"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"8867-4","display":"Heart rate"}]},` +
		`"subject":{"reference":"Patient/p"},"effectiveDateTime":"2024-05-06T07:08:09Z","device":{"reference":"Device/d"},"valueQuantity":{"value":72.5,"unit":"beats/minute","system":"http://unitsofmeasure.org","code":"/min"}}`))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if len(MeasureOf(res)) > 80 {
			b.Fatal(len(MeasureOf(res)))
		}
	}
}
