package path

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir/spec"
)

func TestNavigation(t *testing.T) {
	runRows(t, patient, nil, []row{
		{"Patient.name.given", items("string Peter", "string James", "string Jim", "string", "string Zoë")},
		{"name.given", items("string Peter", "string James", "string Jim", "string", "string Zoë")},
		{"DomainResource.id", items("id p1")},
		{"Observation.name", nothing()},
		{"name.`given`[0]", items("string Peter")},
		{"birthDate", items("date 1974-12-25")},
		{"birthDate.id", items("string bd")},
		{"birthDate.extension.url", items("uri http://x/time")},
		{"birthDate.value", items("Date 1974-12-25")},
		{"name.given.extension.value", items("code unknown")},
		{"deceased", items("boolean")},
		{"deceased.extension.value", items("code unknown")},
		{"deceased.exists() and deceased != false", isTrue()},
		{"multipleBirth", items("integer 2")},
		{"multipleBirthInteger", nothing()},
		{"extension.value", items("Quantity", "string Pete")},
		{"extension.value.value", items("decimal 74.126", "String Pete")},
		{"extension.valueString", nothing()},
		{"contained", items("Organization", "Practitioner")},
		{"contained.name", items("string Acme")},
		{"contained.where($this is Organization).id", items("id o1")},
		{"unknownElement", nothing()},
		{"resourceType", nothing()},
		{"gender.foo", nothing()},
		{"name.where(given = 'Jim').use", items("code usual")},
		{"$this.id", items("id p1")},
	})
	const observation = `{"resourceType":"Observation","status":"final","component":[
		{"code":{"text":"a"},"valueQuantity":{"value":1.50,"unit":"kg"}},{"code":{"text":"b"},"valueString":"s","_valueString":{"id":"x"}},
		{"code":{"text":"c"},"_valueDateTime":{"extension":[{"url":"u","valueBoolean":true}]}}]}`
	runRows(t, observation, nil, []row{
		{"component.value", items("Quantity", "string s", "dateTime")},
		{"component[0].type().name", items("String BackboneElement")},
		{"component.first() is BackboneElement", isTrue()},
		{"component.value.id", items("string x")},
		{"component.value.extension.value", items("boolean true")},
		{"component.where(value is Quantity).value.value", items("decimal 1.50")},
		{"component.value as Quantity", items("error: line 1, column 17: expected one item, found 3")},
		{"Observation.component.value.ofType(Quantity).unit", items("string kg")},
		{"component.value.hasValue()", isFalse()},
		{"component.where(value.hasValue()).code.text", items("string b")},
	})
	runRows(t, observation, nil, []row{
		{"(Observation.component.value as Quantity)", items("Quantity")},
		{"Observation.component.value.as(string)", items("string s")},
		{"Observation.component.value.as(DateTime)", items("dateTime")},
		{"Observation.component.valueQuantity.unit", items("string kg")},
		{"Observation.component.valueDateTime.extension.valueBoolean", items("boolean true")},
		{"Observation.component.valueCoding | Observation.component.valueAnything", nothing()},
	}, ForSearch())
	runRows(t, observation, nil, []row{{"Observation.component.valueQuantity.unit", nothing()}}, ForInvariant())
	const odd = `{"resourceType":"Patient","name":{"given":"Ann","_given":[{"id":"1"}]},"gender":["male",null],"_gender":{"id":"2"},"birthDate":null,"x\u0041":1,
		"active":{"a":1},"photo":[[{"title":"x"}]]}`
	runRows(t, odd, nil, []row{ // FHIR would not have it so; nothing breaks
		{"name.given", items("string Ann")},
		{"gender", items("code male")},
		{"birthDate", nothing()},
		{"active", items("boolean")},
		{"active.toString()", nothing()},
		{"photo.title", nothing()},
		{"descendants().count()", items("Integer 5")},
	})
	runRows(t, `{"resourceType":"Unheard","a":[{"b":1.5},{"b":"x"}],"_a":1}`, nil, []row{
		{"a.b", items(" 1.5", " x")},
		{"a.b.first() + 1", items("Decimal 2.5")},
		{"a.b is String", items("error: line 1, column 5: expected one item, found 2")},
		{"descendants().count()", items("Integer 4")},
	})
}

// TestValue checks what a value tells its caller.
func TestValue(t *testing.T) {
	defs := definitions(t)
	r := resource(t, `{"resourceType":"Observation","status":"final","effectiveDateTime":"2015-05-31T06:06:23Z","_effectiveDateTime":{"id":"e"},
		"valueQuantity":{"value":74.1260,"unit":"kg","system":"http://unitsofmeasure.org","code":"kg"},"component":[{"valueInteger":7},{"valueBoolean":false}]}`)
	one := func(source string) Value {
		t.Helper()
		e, err := Compile(source, defs)
		if err != nil {
			t.Fatal(err)
		}
		if e.String() != source {
			t.Errorf("String() = %q", e)
		}
		found, err := e.Eval(r, nil)
		if err != nil || len(found) != 1 {
			t.Fatalf("%s: %v, %v", source, described(found), err)
		}
		return found[0]
	}
	if q, ok := one("value").Quantity(); !ok || q.String() != "74.1260 'kg'" {
		t.Errorf("quantity %v %v", q, ok)
	}
	if d, ok := one("value.value").Decimal(); !ok || d.String() != "74.1260" {
		t.Errorf("decimal %v %v", d, ok)
	}
	if i, ok := one("component[0].value").Integer(); !ok || i != 7 {
		t.Errorf("integer %v %v", i, ok)
	}
	if b, ok := one("component[1].value").Boolean(); !ok || b {
		t.Errorf("boolean %v %v", b, ok)
	}
	effective := one("effective")
	if d, ok := effective.DateTime(); !ok || d.Low.Format("2006-01-02T15:04:05Z07:00") != "2015-05-31T06:06:23Z" {
		t.Errorf("dateTime %v %v", d, ok)
	}
	got := []any{
		effective.Kind(), effective.TypeName(), effective.Namespace(), effective.Type().Kind, effective.Definition().Path, effective.Text(),
		string(effective.Node().Raw()), string(effective.Sibling().Raw()), effective.HasValue(), one("1 + 1").Type() == nil, one("1 + 1").Namespace(),
	}
	want := []any{
		Element, "dateTime", "FHIR", spec.Primitive, "Observation.effective[x]", "2015-05-31T06:06:23Z",
		`"2015-05-31T06:06:23Z"`, `{"id":"e"}`, true, true, "System",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, ok := one("status").Integer(); ok {
		t.Error("a code is no integer")
	}
	if _, ok := one("@2015-02-04T14").DateTime(); ok {
		t.Error("FHIR has no dateTime of an hour")
	}
}

// TestFocus evaluates on an item of an earlier result, as composite search parameters do.
func TestFocus(t *testing.T) {
	defs := definitions(t)
	r := resource(t, `{"resourceType":"Observation","component":[{"code":{"text":"a"},"valueQuantity":{"value":1}},{"code":{"text":"b"}}]}`)
	outer, err := Compile("Observation.component", defs, ForSearch())
	if err != nil {
		t.Fatal(err)
	}
	inner, err := Compile("value.as(Quantity) | code | %resource.type()", defs, ForSearch())
	if err != nil {
		t.Fatal(err)
	}
	components, err := outer.Eval(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got [][]string
	for _, c := range components {
		found, err := inner.EvalInto(nil, c, &Env{Resource: r})
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, described(found))
	}
	want := [][]string{{"Quantity", "CodeableConcept", "SimpleTypeInfo FHIR.Observation"}, {"CodeableConcept", "SimpleTypeInfo FHIR.Observation"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	place, err := inner.EvalInto(nil, ElementOf(components[1].Node(), components[1].Type()), nil)
	if err != nil || len(place) != 2 {
		t.Errorf("%v %v", described(place), err)
	}
}

func TestStrict(t *testing.T) {
	runRows(t, patient, nil, []row{
		{"name.given", items("string Peter", "string James", "string Jim", "string", "string Zoë")},
		{"name.given1", items("error: line 1, column 6: HumanName has no element given1")},
		{"Encounter.name", items("error: line 1, column 1: the expression is evaluated on Patient, not on Encounter")},
		{"multipleBirthInteger", items("error: line 1, column 1: Patient has no element multipleBirthInteger")},
		{"name.where(familie = 'x')", items("error: line 1, column 12: HumanName has no element familie")},
		{"name.select(period.begin)", items("error: line 1, column 20: Period has no element begin")},
		{"children().first()", items("error: line 1, column 12: first() needs items in order, those of children() and descendants() have none")},
		{"children()[0]", items("error: line 1, column 11: [] needs items in order, those of children() and descendants() have none")},
		{"name.startsWith('x')", items("error: line 1, column 6: startsWith() needs a String, found HumanName")},
		{"name.allTrue()", items("error: line 1, column 6: allTrue() needs Booleans, found HumanName")},
		{"gender.abs()", items("error: line 1, column 8: abs() needs a number, found code")},
		{"iif('x', 1, 2)", items("error: line 1, column 5: iif() needs a Boolean condition, found String")},
		{"contact.relationship.coding.kode", items("error: line 1, column 29: Coding has no element kode")},
		{"extension('http://x/nick').valu", items("error: line 1, column 28: Extension has no element valu")},
		{"managingOrganization.resolve().anything", nothing()},
	}, Strict("Patient"))
	runRows(t, patient, nil, []row{
		{"Patient.name.use | Practitioner.name.use", items("code official", "code usual", "code maiden")},
		{"Patient.multipleBirthInteger", items("integer 2")},
		{"Patient.multipleBirthBoolean.startsWith('x')", items("error: line 1, column 30: startsWith() needs a String, found boolean")},
		{"Patient.multipleBirthQuantity", items("error: line 1, column 9: Patient has no element multipleBirthQuantity")},
	}, Strict("Patient"), ForSearch())
}
