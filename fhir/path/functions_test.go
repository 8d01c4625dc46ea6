package path

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firth-health/firth/fhir"
)

func functionRows() []row {
	return slices.Concat(existenceRows(), filterRows(), subsetRows(), conversionRows(), stringRows(), mathRows(), utilityRows(), boundaryRows(), fhirRows())
}

// TestFunctions evaluates every function of the table.
func TestFunctions(t *testing.T) {
	env := &Env{
		Now:       time.Date(2026, 5, 6, 7, 8, 9, 123_456_789, time.FixedZone("", 2*3600)),
		Variables: map[string]Collection{"answer": {IntegerValue(42)}, "several": {StringValue("a"), StringValue("b")}},
		MemberOf: func(v Value, valueSet string) (bool, bool, error) {
			return v.Text() == "male", valueSet == "known", nil
		},
		ConformsTo: func(v Value, profile string) (bool, bool, error) {
			return v.TypeName() == "Patient", profile == "http://x/profile", nil
		},
	}
	runRows(t, patient, env, functionRows())
}

// TestEveryFunctionIsTested finds functions that no row evaluates.
func TestEveryFunctionIsTested(t *testing.T) {
	var all strings.Builder
	for _, r := range functionRows() {
		all.WriteString(r.expression + "\n")
	}
	for name, f := range functionTable() {
		if f.run != nil && !strings.Contains(all.String(), name+"(") {
			t.Errorf("no test of %s()", name)
		}
		if (f.run == nil) != (f.missing != "") {
			t.Errorf("%s() must have an implementation or a reason", name)
		}
	}
}

func existenceRows() []row {
	return []row{
		{"name.empty()", isFalse()},
		{"photo.empty()", isTrue()},
		{"name.exists()", isTrue()},
		{"name.exists(use = 'maiden')", isTrue()},
		{"name.exists(use = 'old')", isFalse()},
		{"{}.exists()", isFalse()},
		{"name.all(given.exists())", isTrue()},
		{"name.all(family.exists())", isFalse()},
		{"{}.all(false)", isTrue()},
		{"(true | false).allTrue()", isFalse()},
		{"{}.allTrue()", isTrue()},
		{"(true | false).anyTrue()", isTrue()},
		{"{}.anyTrue()", isFalse()},
		{"(true | false).allFalse()", isFalse()},
		{"{}.allFalse()", isTrue()},
		{"(true | false).anyFalse()", isTrue()},
		{"{}.anyFalse()", isFalse()},
		{"(1 | 2).allTrue()", items("error: line 1, column 9: allTrue() needs Booleans, found an Integer")},
		{"(1 | 2).subsetOf(1 | 2 | 3)", isTrue()},
		{"(1 | 4).subsetOf(1 | 2 | 3)", isFalse()},
		{"{}.subsetOf(1)", isTrue()},
		{"(1 | 2 | 3).supersetOf(1 | 3)", isTrue()},
		{"(1 | 2).supersetOf(1 | 3)", isFalse()},
		{"name.given.count()", items("Integer 5")},
		{"{}.count()", items("Integer 0")},
		{"1.combine(1.0).combine('1').distinct()", items("Integer 1", "String 1")},
		{"name.use.isDistinct()", isTrue()},
		{"1.combine(1).isDistinct()", isFalse()},
		{"active.not()", isFalse()},
		{"{}.not()", nothing()},
		{"name.not()", items("error: line 1, column 6: expected one item, found 3")},
	}
}

func filterRows() []row {
	return []row{
		{"name.where(use = 'usual').given", items("string Jim")},
		{"name.where($index = 1).use", items("code usual")},
		{"name.where(period)", nothing()},
		{"name.where(given)", items("error: line 1, column 6: expected one item, found 2")},
		{"name.select(given.count())", items("Integer 2", "Integer 1", "Integer 2")},
		{"name.select($index)", items("Integer 0", "Integer 1", "Integer 2")},
		{"(1 | 2).repeat(iif($this < 5, $this + 2))", items("Integer 3", "Integer 4", "Integer 5", "Integer 6")},
		{"extension.value.ofType(Quantity).unit", items("string kg")},
		{"gender.ofType(string)", nothing()},
		{"gender.ofType(code)", items("code male")},
		{"contained.ofType(DomainResource).id", items("id o1", "id d1")},
		{"gender.is(string)", isTrue()},
		{"gender is System.String", isFalse()},
		{"'a' is String", isTrue()},
		{"'a' is System.String", isTrue()},
		{"'a' is FHIR.string", isFalse()},
		{"1 'mg' is Quantity", isTrue()},
		{"1 'mg' is FHIR.Quantity", isFalse()},
		{"photo is Attachment", nothing()},
		{"name is HumanName", items("error: line 1, column 6: expected one item, found 3")},
		{"gender.as(code)", items("code male")},
		{"gender as string", items("code male")},
		{"(gender as uri).empty()", isTrue()},
		{"name as HumanName", items("error: line 1, column 6: expected one item, found 3")},
		{"Patient is DomainResource", isTrue()},
		{"Patient is Resource and Patient is FHIR.Patient", isTrue()},
		{"(1 | 2 | 3).aggregate($this + $total, 0)", items("Integer 6")},
		{"(3 | 1 | 2).aggregate(iif($total.empty(), $this, iif($this < $total, $this, $total)))", items("Integer 1")},
		{"(5 | 6).aggregate($total + $index, 0)", items("Integer 1")},
		{"(3 | 1 | 2).sort()", items("Integer 1", "Integer 2", "Integer 3")},
		{"(3 | 1 | 2).sort(-$this)", items("Integer 3", "Integer 2", "Integer 1")},
		{"name.sort(family, -use).use", items("code usual", "code maiden", "code official")},
		{"(1 | 'a').sort()", items("error: line 1, column 11: cannot compare a String with an Integer")},
	}
}

func subsetRows() []row {
	return []row{
		{"name[1].use", items("code usual")},
		{"name[7]", nothing()},
		{"name[-1]", nothing()},
		{"name[{}]", nothing()},
		{"name['x']", items("error: line 1, column 5: expected an Integer as index, found a String")},
		{"name[0].family.single()", items("string Chalmers")},
		{"name.single()", items("error: line 1, column 6: expected one item, found 3")},
		{"{}.single()", nothing()},
		{"name.first().use", items("code official")},
		{"name.last().use", items("code maiden")},
		{"{}.last()", nothing()},
		{"name.tail().use", items("code usual", "code maiden")},
		{"{}.tail()", nothing()},
		{"name.skip(2).use", items("code maiden")},
		{"name.skip(-1).count()", items("Integer 3")},
		{"name.skip(9)", nothing()},
		{"name.take(2).use", items("code official", "code usual")},
		{"name.take(0)", nothing()},
		{"name.take('x')", items("error: line 1, column 6: take() needs an Integer, found a String")},
		{"(1 | 2 | 3).intersect(3 | 2.0)", items("Integer 2", "Integer 3")},
		{"1.combine(1).combine(2).exclude(2 | 3)", items("Integer 1", "Integer 1")},
		{"(1 | 2).union(2 | 3)", items("Integer 1", "Integer 2", "Integer 3")},
		{"(1 | 2).combine(2 | 3)", items("Integer 1", "Integer 2", "Integer 2", "Integer 3")},
		{"name.given | name.given", items("string Peter", "string James", "string Jim", "string", "string Zoë")},
	}
}

func conversionRows() []row {
	return []row{
		{"iif(active, 'yes', 1/'a')", items("String yes")},
		{"iif(false, 1)", nothing()},
		{"iif({}, 1, 2)", items("Integer 2")},
		{"name.first().iif(use = 'official', family)", items("string Chalmers")},
		{"'Yes'.toBoolean()", isTrue()},
		{"0.0.toBoolean()", isFalse()},
		{"'2'.toBoolean()", nothing()},
		{"'2'.convertsToBoolean()", isFalse()},
		{"'+12'.toInteger()", items("Integer 12")},
		{"'2147483648'.toInteger()", nothing()},
		{"1.0.convertsToInteger()", isFalse()},
		{"true.toDecimal()", items("Decimal 1.0")},
		{"'-1.50'.toDecimal()", items("Decimal -1.50")},
		{"'1e3'.convertsToDecimal()", isFalse()},
		{"1.50.toString()", items("String 1.50")},
		{"birthDate.toString()", items("String 1974-12-25")},
		{"name[0].convertsToString()", isFalse()},
		{"@2015-02-04T14:00Z.toDate()", items("Date 2015-02-04")},
		{"'2015-13'.convertsToDate()", isFalse()},
		{"birthDate.toDateTime()", items("DateTime 1974-12-25")},
		{"'2015-02-04T14:34:28Z'.toDateTime()", items("DateTime 2015-02-04T14:34:28Z")},
		{"'2015-02-04T14:34:28X'.convertsToDateTime()", isFalse()},
		{"'T14:34'.toTime()", items("Time 14:34")},
		{"'24:00'.convertsToTime()", isFalse()},
		{"1.toQuantity()", items("Quantity 1 '1'")},
		{"'4 days'.toQuantity()", items("Quantity 4 days")},
		{"'4.5 \\'mg\\''.toQuantity()", items("Quantity 4.5 'mg'")},
		{"'4.5 \\'mg'.convertsToQuantity()", isFalse()},
		{"2 hours.toQuantity('min')", items("Quantity 120 'min'")},
		{"1 'kg'.convertsToQuantity('m')", isFalse()},
		{"(1 | 2).toString()", items("error: line 1, column 9: expected one item, found 2")},
		{"{}.toString()", nothing()},
	}
}

func stringRows() []row {
	return []row{
		{"'Zoë'.length()", items("Integer 3")},
		{"'Zoë!'.substring(2)", items("String ë!")},
		{"'Zoë!'.substring(1, 2)", items("String oë")},
		{"'abc'.substring(3)", nothing()},
		{"'abc'.substring(1, -1)", items("String ")},
		{"'Zoë!'.indexOf('!')", items("Integer 3")},
		{"'abcb'.lastIndexOf('b')", items("Integer 3")},
		{"'abc'.startsWith('ab')", isTrue()},
		{"'abc'.endsWith('ab')", isFalse()},
		{"'abc'.contains('b')", isTrue()},
		{"'aBc'.upper()", items("String ABC")},
		{"'aBc'.lower()", items("String abc")},
		{"'aXbX'.replace('X', '--')", items("String a--b--")},
		{"'abc'.matches('b')", isTrue()},
		{"'abc'.matches('B')", isFalse()},
		{"'a\\nb'.matches('a.b')", isTrue()},
		{"'abc'.matchesFull('b')", isFalse()},
		{"'11/30/1972'.replaceMatches('\\\\b(?P<month>\\\\d{1,2})/(?P<day>\\\\d{1,2})/(?P<year>\\\\d{2,4})\\\\b', '${day}-${month}-$3')", items("String 30-11-1972")},
		{"'abc'.replaceMatches('(b)', '$1st')", items("String abstc")},
		{"'ab'.toChars()", items("String a", "String b")},
		{"'a,,b'.split(',')", items("String a", "String ", "String b")},
		{"name.given.join('+')", items("String Peter+James+Jim+Zoë")},
		{"('a' | 'b').join()", items("String ab")},
		{"' a '.trim()", items("String a")},
		{"'a?'.encode('hex')", items("String 613f")},
		{"'YT8='.decode('base64')", items("String a?")},
		{"'x'.decode('base64')", nothing()},
		{"'x'.encode('rot13')", items("error: line 1, column 5: encode() does not know \"rot13\"")},
		{"'<&'.escape('html')", items("String &lt;&amp;")},
		{"'\\\\\"\\\\n'.unescape('json')", items("String \"\n")},
		{"1.length()", items("error: line 1, column 3: length() needs a String, found an Integer")},
		{"{}.length()", nothing()},
	}
}

func mathRows() []row {
	return []row{
		{"(-5.50).abs()", items("Decimal 5.50")},
		{"(-5 'kg').abs()", items("Quantity 5 'kg'")},
		{"1.01.ceiling()", items("Integer 2")},
		{"(-1.99).ceiling()", items("Integer -1")},
		{"(-1.01).floor()", items("Integer -2")},
		{"(-1.99).truncate()", items("Integer -1")},
		{"2.5.round()", items("Decimal 3")},
		{"3.14159.round(3)", items("Decimal 3.142")},
		{"1.5.round(3)", items("Decimal 1.5")},
		{"1.round(-1)", items("error: line 1, column 3: round() needs a precision of 0 or more")},
		{"0.exp()", items("Decimal 1")},
		{"1.ln()", items("Decimal 0")},
		{"0.ln()", nothing()},
		{"81.sqrt()", items("Decimal 9")},
		{"(-1).sqrt()", nothing()},
		{"100.log(10)", items("Decimal 2")},
		{"2.power(10)", items("Integer 1024")},
		{"1.1.power(20)", items("Decimal 6.72749994932560009201")},
		{"2.power(-1)", items("Decimal 0.5")},
		{"4.power(0.5)", items("Decimal 2")},
		{"(-1).power(0.5)", nothing()},
		{"10.power(100000)", nothing()},
		{"'a'.abs()", items("error: line 1, column 5: abs() needs a number, found a String")},
	}
}

func utilityRows() []row {
	return []row{
		{"contained.children().count()", items("Integer 3")},
		{"name[2].children()", items("code maiden", "string", "string Zoë")},
		{"birthDate.children()", items("string bd", "Extension")},
		{"name[2].descendants()", items("code maiden", "string", "string Zoë", "Extension", "uri http://x/absent", "code unknown")},
		{"active.trace('a')", items("boolean true")},
		{"now()", items("DateTime 2026-05-06T07:08:09.123+02:00")},
		{"now() = now()", isTrue()},
		{"today()", items("Date 2026-05-06")},
		{"timeOfDay()", items("Time 07:08:09.123")},
		{"active.type().name", items("String boolean")},
		{"active.type().namespace", items("String FHIR")},
		{"1.type()", items("SimpleTypeInfo System.Integer")},
		{"%answer + 1", items("Integer 43")},
		{"%several", items("String a", "String b")},
		{"%none", items("error: line 1, column 1: there is no variable %none")},
		{"%context.id | %resource.id | %rootResource.id", items("id p1")},
	}
}

func boundaryRows() []row {
	return []row{
		{"0.lowBoundary(1)", items("Decimal -0.5")},
		{"0.highBoundary(1)", items("Decimal 0.5")},
		{"@2014.lowBoundary(6)", items("Date 2014-01")},
		{"@2014-02.highBoundary()", items("Date 2014-02-28")},
		{"@2014-02T.highBoundary()", items("DateTime 2014-02-28T23:59:59.999-12:00")},
		{"@T10.highBoundary()", items("Time 10:59:59.999")},
		{"'x'.lowBoundary()", items("error: line 1, column 5: lowBoundary() needs a number, Quantity, date or time, found a String")},
		{"@2014-01.precision()", items("Integer 6")},
		{"12.50.precision()", items("Integer 2")},
		{"1 'h'.comparable(1 day)", isTrue()},
		{"1 'kg'.comparable(1 'm')", nothing()},
	}
}

func fhirRows() []row {
	return []row{
		{"extension('http://x/nick').value", items("string Pete")},
		{"birthDate.extension('http://x/time').value", items("dateTime 1974-12-25T14:35:45-05:00")},
		{"extension('http://x/none')", nothing()},
		{"birthDate.hasValue()", isTrue()},
		{"deceased.hasValue()", isFalse()},
		{"name[0].hasValue()", isFalse()},
		{"gender.getValue()", items("String male")},
		{"deceased.getValue()", nothing()},
		{"managingOrganization.resolve().name", items("string Acme")},
		{"'#'.resolve().id", items("id p1")},
		{"gender.memberOf('known')", isTrue()},
		{"gender.memberOf('other')", nothing()},
		{"conformsTo('http://hl7.org/fhir/StructureDefinition/DomainResource')", isTrue()},
		{"conformsTo('http://x/profile')", isTrue()},
		{"conformsTo('http://x/other')", items("error: line 1, column 1: conformsTo() does not know the profile")},
		{"'<div xmlns=\"http://www.w3.org/1999/xhtml\"><p class=\"x\">Hi</p></div>'.htmlChecks()", isTrue()},
		{"'<div xmlns=\"http://www.w3.org/1999/xhtml\"><script>Hi</script></div>'.htmlChecks()", isFalse()},
		{"'<div xmlns=\"http://www.w3.org/1999/xhtml\"> </div>'.htmlChecks()", isFalse()},
		{"'<div xmlns=\"http://www.w3.org/1999/xhtml\"><p onclick=\"x\">Hi</p></div>'.htmlChecks()", isFalse()},
	}
}

// TestTrace checks what the hook sees.
func TestTrace(t *testing.T) {
	var got []string
	env := &Env{Trace: func(name string, items Collection) { got = append(got, name+": "+strings.Join(described(items), ", ")) }}
	runRows(t, patient, env, []row{
		{"name.use.trace('uses').first()", items("code official")},
		{"name.trace('families', family).count()", items("Integer 3")},
	})
	want := []string{"uses: code official, code usual, code maiden", "families: string Chalmers"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestResolve checks that references are answered from their text when nothing fetches, and by the hook when one does.
func TestResolve(t *testing.T) {
	runRows(t, patient, nil, []row{
		{"generalPractitioner.resolve().type().name", items("String Practitioner", "String Organization", "String PractitionerRole", "String Practitioner")},
		{"generalPractitioner.where(resolve() is Organization).reference", items("string http://h/fhir/Organization/3/_history/2")},
		{"generalPractitioner.where(resolve() is Practitioner).reference", items("string Practitioner/9", "string #d1")},
		{"generalPractitioner[0].resolve()", items("Practitioner Practitioner/9")},
		{"generalPractitioner[0].resolve().name", nothing()},
		{"'http://x/ValueSet/1|2.0'.resolve() is ValueSet", isTrue()},
		{"'Patient?identifier=1'.resolve() is Patient", isTrue()},
		{"'Nothing/1'.resolve()", nothing()},
		{"'Patient'.resolve()", nothing()},
		{"'Patient/'.resolve()", nothing()},
	})
	fetched := resource(t, `{"resourceType":"Practitioner","id":"9","gender":"female"}`)
	asked := []string{}
	env := &Env{Resolve: func(reference string) (*fhir.Resource, error) {
		if asked = append(asked, reference); reference == "Practitioner/9" {
			return fetched, nil
		}
		return nil, nil
	}}
	runRows(t, patient, env, []row{{"generalPractitioner.resolve().ofType(Practitioner).id", items("id 9", "id d1")}})
	if want := []string{"Practitioner/9", "http://h/fhir/Organization/3/_history/2", "urn:uuid:0"}; !slices.Equal(asked, want) {
		t.Errorf("asked for %q, want %q", asked, want)
	}
	const bundle = `{"resourceType":"Bundle","type":"transaction","entry":[
		{"fullUrl":"urn:uuid:1","resource":{"resourceType":"Observation","status":"final","subject":{"reference":"urn:uuid:2"},"device":{"reference":"Device/7"}}},
		{"fullUrl":"urn:uuid:2","resource":{"resourceType":"Patient","gender":"male"}},
		{"fullUrl":"http://h/fhir/Device/7","resource":{"resourceType":"Device","status":"active"}}]}`
	runRows(t, bundle, nil, []row{
		{"Bundle.entry.resource.ofType(Observation).subject.resolve().gender", items("code male")},
		{"Bundle.entry[0].resource.device.resolve().status", items("code active")},
	})
}
