package search

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// corpus is a set of resources of one type: name -> members, written without the outer braces. Names are the ids, in order of creation.
type corpus struct {
	typ       string
	resources [][2]string
	memory    Memory
}

func (c *corpus) load(t testing.TB) *corpus {
	t.Helper()
	for i, r := range c.resources {
		members := r[1]
		if members != "" {
			members = "," + members
		}
		keys := extract(t, `{"resourceType":"`+c.typ+`","id":"`+r[0]+`"`+members+`}`)
		keys = append(keys, LastUpdatedKey(time.Date(2020, 1, 1+i, 0, 0, 0, 0, time.UTC)))
		c.memory.Add(c.typ, r[0], keys)
	}
	return c
}

func parse(t testing.TB, typ, query string) *Request {
	t.Helper()
	pairs, err := ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	request, err := newTestRegistry(t).Parse(typ, pairs, ParseOptions{Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	return request
}

func (c *corpus) search(t testing.TB, query string) string {
	t.Helper()
	return strings.Join(c.memory.Order(parse(t, c.typ, query).Query), " ")
}

// check runs cases of query and expected ids, in order.
func (c *corpus) check(t *testing.T, cases [][2]string) {
	t.Helper()
	c.load(t)
	for _, test := range cases {
		t.Run(test[0], func(t *testing.T) {
			if got := c.search(t, test[0]); got != test[1] {
				t.Errorf("found %q, want %q\n%s", got, test[1], Explain(parse(t, c.typ, test[0]).Query.Plan))
			}
		})
	}
}

func coding(system, code string) string {
	return fmt.Sprintf(`{"coding":[{"system":"%s","code":"%s"}]}`, system, code)
}

func TestTokenSearch(t *testing.T) {
	c := &corpus{typ: "Observation", resources: [][2]string{
		{"loinc", `"status":"final","code":` + coding("http://loinc.org", "8867-4")},
		{"other", `"status":"amended","code":` + coding("http://other.example", "8867-4")},
		{"none", `"status":"final","code":{"coding":[{"code":"8867-4"}]}`},
		{"two", `"status":"final","code":{"coding":[{"system":"http://loinc.org","code":"A"},{"system":"http://snomed.info/sct","code":"8867-4"}]}`},
		{"text", `"status":"final","code":{"text":"heart rate"}`},
		{"bar", `"status":"final","code":` + coding("http://loinc.org", "a|b,c$d\\\\e")},
		{"system", `"status":"final","code":{"coding":[{"system":"http://loinc.org"}]}`},
		{"absent", ``},
	}}
	c.check(t, [][2]string{
		{"code=8867-4", "loinc other none two"},
		{"code=8867-", ""},
		{"code=http://loinc.org|8867-4", "loinc"},
		{"code=http://loinc.org|", "loinc two bar system"},
		{"code=|8867-4", "none"},
		{"code=http://snomed.info/sct|8867-4", "two"},
		{"code=http://snomed.info/sct|A", ""},
		{"code=8867-4,A", "loinc other none two"},
		{"code=A,,", "two"},
		{"code=8867-4&code=A", "two"},
		{"code=a", ""},
		{"code=a\\|b\\,c\\$d\\\\e", "bar"},
		{"code=http://loinc.org|a\\|b\\,c\\$d\\\\e", "bar"},
		{"code:not=8867-4", "text bar system absent"},
		{"code:not=8867-4,A", "text bar system absent"},
		{"code:not=http://loinc.org|", "other none text absent"},
		{"code:not=A&code=8867-4", "loinc other none"},
		{"code:missing=true", "absent"},
		{"code:missing=false", "loinc other none two text bar system"},
		{"status=final", "loinc none two text bar system"},
		{"status=final,amended", "loinc other none two text bar system"},
		{"status=http://hl7.org/fhir/observation-status|final", "loinc none two text bar system"},
		{"status=http://hl7.org/fhir/observation-status|", "loinc other none two text bar system"},
		{"status=http://other.example|final", ""},
		{"status=http://other.example|", ""},
		{"status=|amended", "other"},
		{"status:not=final", "other absent"},
		{"status=FINAL", ""},
		{"_id=two,loinc", "loinc two"},
		{"_id=two&code=A", "two"},
		{"_id=nobody", ""},
	})
}

func TestTokenDataTypes(t *testing.T) {
	c := &corpus{typ: "Patient", resources: [][2]string{
		{"a", `"active":true,"gender":"male","identifier":[{"system":"urn:mrn","value":"1"},{"value":"2"}],"telecom":[{"system":"phone","value":"555"},{"system":"email","value":"A@example.com"}]`},
		{"b", `"active":false,"deceasedBoolean":true,"identifier":[{"system":"urn:ssn","value":"1"}],"telecom":[{"value":"555"}]`},
		{"c", `"deceasedDateTime":"2020","gender":"male"`},
		{"d", `"deceasedBoolean":false`},
	}}
	c.check(t, [][2]string{
		{"active=true", "a"},
		{"active=false", "b"},
		{"active:not=true", "b c d"},
		{"active=http://hl7.org/fhir/special-values|true", "a"},
		{"deceased=true", "b c"},
		{"deceased=false", "a d"},
		{"identifier=1", "a b"},
		{"identifier=urn:mrn|1", "a"},
		{"identifier=|2", "a"},
		{"identifier=|1", ""},
		{"identifier=urn:ssn|", "b"},
		{"identifier:missing=true", "c d"},
		{"telecom=555", "a b"},
		{"telecom=phone|555", "a"},
		{"telecom=email|", "a"},
		{"phone=555", "a"},
		{"email=A@example.com", "a"},
		{"email=a@example.com", ""},
		{"gender=male", "a c"},
		{"gender=http://hl7.org/fhir/administrative-gender|male&active=true", "a"},
	})
}

func TestStringSearch(t *testing.T) {
	c := &corpus{typ: "Patient", resources: [][2]string{
		{"eve", `"name":[{"family":"Everywoman","given":["Eve"]}],"address":[{"city":"Sévignac","line":["1 Main St"]}]`},
		{"muller", `"name":[{"family":"Müller-Schön","text":"Dr. Anna  Müller"}]`},
		{"mueller", `"name":[{"family":"mULLER"}]`},
		{"comma", `"name":[{"family":"O,Brien"}]`},
		{"two", `"name":[{"family":"Steven"},{"given":["Eve","Sseven"]}]`},
		{"blank", `"name":[{"family":"van  der Berg"}]`},
		{"absent", ``},
	}}
	c.check(t, [][2]string{
		{"name=eve", "eve two"},
		{"name=EVE", "eve two"},
		{"name=ve", ""},
		{"name:contains=ve", "eve two"},
		{"name:contains=WOMAN", "eve"},
		{"family:contains=seve", ""},
		{"given:contains=seve", "two"},
		{"given:contains=sse", "two"},
		{"family=muller", "muller mueller"},
		{"family=MÜLLER", "muller mueller"},
		{"family=Mu%CC%88ller", "muller mueller"},
		{"family:exact=mULLER", "mueller"},
		{"family:exact=muller", ""},
		{"family:exact=Müller-Schön", "muller"},
		{"family:exact=Müller", ""},
		{"family:contains=schon", "muller"},
		{"family:contains=Sch", "muller"},
		{"family=o\\,brien", "comma"},
		{"family=o,brien", "comma"},
		{"family=van+DER+b", "blank"},
		{"family:exact=van++der+Berg", "blank"},
		{"family:exact=van+der+Berg", ""},
		{"name=dr.", "muller"},
		{"name=anna", ""},
		{"name:contains=anna", "muller"},
		{"family=eve,mull", "eve muller mueller"},
		{"name=eve&name=steven", "two"},
		{"name:missing=true", "absent"},
		{"address=1+main", "eve"},
		{"address-city=sevi", "eve"},
		{"address-city:exact=Sévignac", "eve"},
		{"phonetic=Miller", "muller mueller"},
		{"phonetic=Iv", ""},
		{"phonetic=anna+mueler", "muller"},
	})
}

func TestReferenceSearch(t *testing.T) {
	c := &corpus{typ: "Observation", resources: [][2]string{
		{"relative", `"subject":{"reference":"Patient/1"}`},
		{"absolute", `"subject":{"reference":"https://firth.example/fhir/Patient/1"}`},
		{"foreign", `"subject":{"reference":"https://other.example/fhir/Patient/1"}`},
		{"group", `"subject":{"reference":"Group/1"}`},
		{"elsewhere", `"subject":{"reference":"https://other.example/fhir/Group/1"}`},
		{"version", `"subject":{"reference":"Patient/1/_history/7"}`},
		{"uuid", `"subject":{"reference":"urn:uuid:c757873d-ec9a-4326-a141-556f43239520"}`},
		{"identifier", `"subject":{"identifier":{"system":"urn:mrn","value":"99"}}`},
		{"display", `"subject":{"display":"somebody"}`},
		{"contained", `"subject":{"reference":"#p"},"contained":[{"resourceType":"Patient","id":"p"}]`},
		{"absent", ``},
	}}
	c.check(t, [][2]string{
		{"subject=Patient/1", "relative absolute version"},
		{"subject=1", "relative absolute group version"},
		{"patient=1", "relative absolute version"},
		{"patient=Patient/1", "relative absolute version"},
		{"patient=Group/1", ""},
		{"subject:Patient=1", "relative absolute version"},
		{"subject:Patient=Patient/1", "relative absolute version"},
		{"subject:Group=1", "group"},
		{"patient:Patient=1", "relative absolute version"},
		{"subject=https://firth.example/fhir/Patient/1", "relative absolute version"},
		{"subject=https://other.example/fhir/Patient/1", "foreign"},
		{"patient=https://other.example/fhir/Patient/1", "foreign"},
		{"patient=https://other.example/fhir/Group/1", ""},
		{"subject=Patient/1/_history/7", "version"},
		{"subject=Patient/1/_history/8", ""},
		{"subject=urn:uuid:c757873d-ec9a-4326-a141-556f43239520", "uuid"},
		{"subject:identifier=99", "identifier"},
		{"subject:identifier=urn:mrn|99", "identifier"},
		{"subject:identifier=urn:mrn|", "identifier"},
		{"subject:identifier=urn:other|", ""},
		{"subject:identifier=|99", ""},
		{"subject=Patient/1,Group/1", "relative absolute group version"},
		{"subject=Patient/2", ""},
		{"subject:missing=true", "absent"},
		{"subject=https://other.example/fhir/Group/1", "elsewhere"},
		{"subject:missing=false", "relative absolute foreign group elsewhere version uuid identifier display contained"},
		{"patient:missing=true", "group elsewhere uuid identifier display contained absent"},
		{"patient:missing=false", "relative absolute foreign version"},
	})
}

func TestCanonicalAndURISearch(t *testing.T) {
	c := &corpus{typ: "StructureDefinition", resources: [][2]string{
		{"root", `"url":"http://a.example/fhir","baseDefinition":"http://hl7.org/fhir/StructureDefinition/Patient"`},
		{"child", `"url":"http://a.example/fhir/one","baseDefinition":"http://hl7.org/fhir/StructureDefinition/Patient|4.0.1"`},
		{"slash", `"url":"http://a.example/fhir/"`},
		{"sibling", `"url":"http://a.example/fhirs"`},
		{"oid", `"url":"urn:oid:1.2.3"`},
		{"profiled", `"meta":{"profile":["http://p.example/x|2"]}`},
	}}
	c.check(t, [][2]string{
		{"url=http://a.example/fhir", "root"},
		{"url=http://A.example/fhir", ""},
		{"url:below=http://a.example/fhir", "root child slash"},
		{"url:below=http://a.example/fhir/", "child slash"},
		{"url:below=http://a.example", "root child slash sibling"},
		{"url:above=http://a.example/fhir/one", "root child slash"},
		{"url:above=http://a.example/fhir/one/two", "root child slash"},
		{"url:above=http://a.example/fhir/", "root slash"},
		{"url:above=http://a.example/fhir", "root"},
		{"url=urn:oid:1.2.3,http://a.example/fhirs", "sibling oid"},
		{"url:missing=true", "profiled"},
		{"base=http://hl7.org/fhir/StructureDefinition/Patient", "root child"},
		{"base=http://hl7.org/fhir/StructureDefinition/Patient|4.0.1", "child"},
		{"base=http://hl7.org/fhir/StructureDefinition/Patient|4.0.0", ""},
		{"_profile=http://p.example/x", "profiled"},
		{"_profile=http://p.example/x|2", "profiled"},
		{"_profile=http://p.example/x|1", ""},
		{"_profile:below=http://p.example", "profiled"},
	})
}

func TestDateSearch(t *testing.T) {
	c := &corpus{typ: "Observation", resources: [][2]string{
		{"year", `"effectiveDateTime":"2013"`},
		{"month", `"effectiveDateTime":"2013-01"`},
		{"day", `"effectiveDateTime":"2013-01-14"`},
		{"second", `"effectiveDateTime":"2013-01-14T10:00:00Z"`},
		{"instant", `"effectiveInstant":"2013-01-14T10:00:00.250Z"`},
		{"zone", `"effectiveDateTime":"2013-01-15T01:00:00+02:00"`},
		{"period", `"effectivePeriod":{"start":"2013-01-10","end":"2013-01-20"}`},
		{"since", `"effectivePeriod":{"start":"2013-01-14"}`},
		{"until", `"effectivePeriod":{"end":"2013-01-13"}`},
		{"timing", `"effectiveTiming":{"event":["2013-01-14T08:00:00Z","2013-01-14T20:00:00Z"]}`},
		{"bad", `"effectiveDateTime":"2013-13"`},
		{"absent", ``},
	}}
	c.check(t, [][2]string{
		{"date=2013", "year month day second instant zone period timing"},
		{"date=eq2013-01", "month day second instant zone period timing"},
		{"date=2013-01-14", "day second instant zone timing"},
		{"date=2013-01-14T10:00", "second instant"},
		{"date=2013-01-14T10:00:00Z", "second instant"},
		{"date=2013-01-14T10:00:00.25Z", "instant"},
		{"date=2013-01-14T10:00:00.250Z", "instant"},
		{"date=2013-01-14T12:00:00%2B02:00", "second instant"},
		{"date=2013-01-14T12:00:00+02:00", "second instant"},
		{"date=2013-01-15", ""},
		{"date=ne2013-01-14", "year month period since until"},
		{"date=gt2013-01-14", "year month period since"},
		{"date=gt2013-01-14T10:00:00Z", "year month day zone period since timing"},
		{"date=lt2013-01-14", "year month period until"},
		{"date=ge2013-01-14", "year month day second instant zone period since timing"},
		{"date=le2013-01-14", "year month day second instant zone period until timing"},
		{"date=le2013-01-13", "year month period until"},
		{"date=sa2013-01-13", "day second instant zone since timing"},
		{"date=eb2013-01-14", "until"},
		{"date=eb2013-01-15", "day second instant zone until timing"},
		{"date=ap2013-01-16", "year month period since"},
		{"date=ap2013-01-15", "year month day second instant zone period since timing"},
		{"date=ge2013-01-14&date=lt2013-01-15", "year month day second instant zone period since timing"},
		{"date=2013-01-14,2013-01-13", "day second instant zone timing"},
		{"date:missing=true", "absent"},
		{"_lastUpdated=2020-01-03", "day"},
		{"_lastUpdated=ge2020-01-11", "bad absent"},
		{"_lastUpdated=gt2020-01-11", "absent"},
		{"_lastUpdated=lt2020-01-02", "year"},
		{"_lastUpdated=le2020-01-01", "year"},
		{"_lastUpdated=ne2020-01", ""},
		{"_lastUpdated=sa2020-01-11", "absent"},
		{"_lastUpdated=eb2020-01-02", "year"},
		{"_lastUpdated=ap2020-01-02T00:00:00Z", "month"},
	})
}

// Both ends must belong to the same element of a repeating one.
func TestRepeatingDates(t *testing.T) {
	c := &corpus{typ: "Encounter", resources: [][2]string{
		{"gap", `"location":[{"location":{"display":"x"},"period":{"start":"2010","end":"2011"}},{"location":{"display":"x"},"period":{"start":"2014","end":"2015"}}]`},
		{"inside", `"location":[{"location":{"display":"x"},"period":{"start":"2012-03","end":"2012-04"}}]`},
	}}
	c.check(t, [][2]string{
		{"location-period=2012", "inside"},
		{"location-period=2010", ""},
		{"location-period=ap2012", "gap inside"},
		{"location-period=ap2012-06", ""},
		{"location-period=gt2012", "gap"},
		{"location-period=sa2012", "gap"},
		{"location-period=eb2012", "gap"},
		{"location-period=ne2012", "gap"},
	})
}

func TestNumberSearch(t *testing.T) {
	c := &corpus{typ: "RiskAssessment", resources: [][2]string{
		{"n100", `"prediction":[{"probabilityDecimal":100}]`},
		{"n99.5", `"prediction":[{"probabilityDecimal":99.5}]`},
		{"n100.5", `"prediction":[{"probabilityDecimal":100.50}]`},
		{"n95", `"prediction":[{"probabilityDecimal":95}]`},
		{"n105", `"prediction":[{"probabilityDecimal":105.0}]`},
		{"n90", `"prediction":[{"probabilityDecimal":9e1}]`},
		{"zero", `"prediction":[{"probabilityDecimal":0.0}]`},
		{"minus", `"prediction":[{"probabilityDecimal":-0.4}]`},
		{"range", `"prediction":[{"probabilityRange":{"low":{"value":99.6},"high":{"value":100.4}}}]`},
		{"wide", `"prediction":[{"probabilityRange":{"low":{"value":1},"high":{"value":200}}}]`},
		{"from", `"prediction":[{"probabilityRange":{"low":{"value":100}}}]`},
		{"text", `"prediction":[{"probabilityDecimal":"100"}]`},
	}}
	c.check(t, [][2]string{
		{"probability=100", "n100 n99.5 range"},
		{"probability=eq100", "n100 n99.5 range"},
		{"probability=100.0", "n100"},
		{"probability=100.00", "n100"},
		{"probability=1e2", "n100 n99.5 n100.5 n95 range"},
		{"probability=1.0e2", "n100 n99.5 n100.5 n95 range"},
		{"probability=1.00e2", "n100 n99.5 range"},
		{"probability=ne100", "n100.5 n95 n105 n90 zero minus wide from"},
		{"probability=gt100", "n100.5 n105 range wide from"},
		{"probability=ge100", "n100 n100.5 n105 range wide from"},
		{"probability=lt100", "n99.5 n95 n90 zero minus range wide"},
		{"probability=le100", "n100 n99.5 n95 n90 zero minus range wide"},
		{"probability=sa99", "n100 n99.5 n100.5 n105 range from"},
		{"probability=sa100", "n100.5 n105"},
		{"probability=eb100.4", "n100 n99.5 n95 n90 zero minus"},
		{"probability=eb100.41", "n100 n99.5 n95 n90 zero minus range"},
		{"probability=ap100", "n100 n99.5 n100.5 n95 n105 n90 range wide from"},
		{"probability=ap110", "n100 n99.5 n100.5 n105 range wide from"},
		{"probability=0", "zero minus"},
		{"probability=ap0", "zero minus"},
		{"probability=-0", "zero minus"},
		{"probability=-0.4", "minus"},
		{"probability=lt0", "minus"},
		{"probability=90,95", "n95 n90"},
		{"probability:missing=true", ""},
	})
}

func TestQuantitySearch(t *testing.T) {
	const ucum = "http://unitsofmeasure.org"
	q := func(value, unit, system, code string) string {
		return fmt.Sprintf(`"valueQuantity":{"value":%s,"unit":"%s","system":"%s","code":"%s"}`, value, unit, system, code)
	}
	c := &corpus{typ: "Observation", resources: [][2]string{
		{"mg", q("5.4", "milligram", ucum, "mg")},
		{"g", q("5.4", "g", ucum, "g")},
		{"other", q("5.40", "mg", "http://other.example", "mg")},
		{"text", `"valueQuantity":{"value":5.4,"unit":"mg"}`},
		{"low", q("5.35", "mg", ucum, "mg")},
		{"high", q("5.45", "mg", ucum, "mg")},
		{"below", `"valueQuantity":{"value":5.4,"comparator":"<","system":"` + ucum + `","code":"mg"}`},
		{"atleast", `"valueQuantity":{"value":5.4,"comparator":">=","system":"` + ucum + `","code":"mg"}`},
		{"samples", `"valueSampledData":{"origin":{"value":0,"system":"` + ucum + `","code":"mg"},"period":10,"dimensions":1,"factor":0.1,"data":"53 54 E 55"}`},
		{"novalue", `"valueQuantity":{"unit":"mg"}`},
		{"absent", ``},
	}}
	c.check(t, [][2]string{
		{"value-quantity=5.4", "mg g other text low"},
		{"value-quantity=5.4||mg", "mg other text low"},
		{"value-quantity=5.4||milligram", "mg"},
		{"value-quantity=5.4|http://unitsofmeasure.org|mg", "mg low"},
		{"value-quantity=5.4|http://unitsofmeasure.org|milligram", ""},
		{"value-quantity=5.4|http://unitsofmeasure.org|", "mg g low"},
		{"value-quantity=5.4||", "mg g other text low"},
		{"value-quantity=5.40", "mg g other text"},
		{"value-quantity=5.400|http://other.example|mg", "other"},
		{"value-quantity=gt5.4||mg", "high atleast samples"},
		{"value-quantity=ge5.4||mg", "mg other text high atleast samples"},
		{"value-quantity=lt5.4||mg", "low below samples"},
		{"value-quantity=le5.4||mg", "mg other text low below samples"},
		{"value-quantity=sa5.3||mg", "mg other text low high atleast"},
		{"value-quantity=sa5.4||mg", "high"},
		{"value-quantity=eb5.4||mg", "low below"},
		{"value-quantity=eb5.5||mg", "mg other text low high below"},
		{"value-quantity=ne5.4||mg", "high below atleast samples"},
		{"value-quantity=ap5.4||mg", "mg other text low high below atleast samples"},
		{"value-quantity=ap6.1||mg", "atleast samples"},
		{"value-quantity=5.4|http://unitsofmeasure.org|mg,5.4||g", "mg g low"},
		{"value-quantity:missing=true", "absent"},
	})
}

func TestMoneyAndAge(t *testing.T) {
	(&corpus{typ: "Invoice", resources: [][2]string{
		{"eur", `"totalNet":{"value":12.50,"currency":"EUR"}`},
		{"usd", `"totalNet":{"value":12.50,"currency":"USD"}`},
	}}).check(t, [][2]string{
		{"totalnet=12.5", "eur usd"},
		{"totalnet=12.50||EUR", "eur"},
		{"totalnet=12.50|urn:iso:std:iso:4217|USD", "usd"},
		{"totalnet=gt12.5", ""},
	})
	(&corpus{typ: "Condition", resources: [][2]string{
		{"age", `"onsetAge":{"value":52,"unit":"years","system":"http://unitsofmeasure.org","code":"a"}`},
		{"range", `"onsetRange":{"low":{"value":50,"unit":"a"},"high":{"value":60,"unit":"a"}}`},
		{"date", `"onsetDateTime":"2011-05-24"`},
		{"period", `"onsetPeriod":{"start":"2011-05","end":"2011-06"}`},
		{"string", `"onsetString":"last spring"`},
	}}).check(t, [][2]string{
		{"onset-age=52", "age"},
		{"onset-age=ge51||a", "age range"},
		{"onset-age=gt60||a", ""},
		{"onset-date=2011", "date period"},
		{"onset-date=2011-05", "date"},
		{"onset-info=LAST", "string"},
	})
}

func TestCompositeSearch(t *testing.T) {
	const loinc = "http://loinc.org"
	component := func(code, value string) string { return `{"code":` + coding(loinc, code) + `,` + value + `}` }
	mmHg := func(n string) string {
		return `"valueQuantity":{"value":` + n + `,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}`
	}
	c := &corpus{typ: "Observation", resources: [][2]string{
		{"bp", `"code":` + coding(loinc, "85354-9") + `,"component":[` + component("8480-6", mmHg("140")) + `,` + component("8462-4", mmHg("90")) + `]`},
		{"low", `"code":` + coding(loinc, "85354-9") + `,"component":[` + component("8480-6", mmHg("90")) + `,` + component("8462-4", mmHg("140")) + `]`},
		{"sys", `"code":` + coding(loinc, "8480-6") + `,` + mmHg("150")},
		{"above", `"code":` + coding(loinc, "8480-6") + `,"valueQuantity":{"value":200,"comparator":">","unit":"mmHg"}`},
		{"smoker", `"code":` + coding(loinc, "72166-2") + `,"valueCodeableConcept":` + coding("http://snomed.info/sct", "266919005")},
		{"plain", `"code":` + coding("http://other.example", "72166-2") + `,"valueCodeableConcept":` + coding("http://other.example", "266919005")},
		{"when", `"code":` + coding(loinc, "due") + `,"valueDateTime":"2020-05"`},
		{"during", `"code":` + coding(loinc, "due") + `,"valuePeriod":{"start":"2020-01","end":"2020-12"}`},
		{"said", `"code":` + coding(loinc, "note") + `,"valueString":"Très  bien"`},
		{"novalue", `"code":` + coding(loinc, "8480-6")},
	}}
	c.check(t, [][2]string{
		{"component-code-value-quantity=8480-6$gt120", "bp"},
		{"component-code-value-quantity=http://loinc.org|8480-6$gt120||mmHg", "bp"},
		{"component-code-value-quantity=http://loinc.org|8480-6$140|http://unitsofmeasure.org|mm[Hg]", "bp"},
		{"component-code-value-quantity=http://other.example|8480-6$gt120", ""},
		{"component-code-value-quantity=|8480-6$gt120", ""},
		{"component-code-value-quantity=8480-6$lt120,8462-4$lt120", "bp low"},
		{"component-code-value-quantity=8480-6$gt120&component-code-value-quantity=8462-4$gt120", ""},
		{"component-code-value-quantity=8480-6$ne90", "bp"},
		{"component-code-value-quantity=8480-6$gt120||kPa", ""},
		{"code-value-quantity=8480-6$gt120", "sys above"},
		{"code-value-quantity=8480-6$gt200||mmHg", "above"},
		{"code-value-quantity=8480-6$lt200", "sys"},
		{"combo-code-value-quantity=8480-6$gt120", "bp sys above"},
		{"combo-code-value-quantity=8480-6$ap150", "bp sys"},
		{"combo-code=8480-6", "bp low sys above novalue"},
		{"combo-value-quantity=90", "bp low"},
		{"code-value-concept=72166-2$266919005", "smoker plain"},
		{"code-value-concept=http://loinc.org|72166-2$266919005", "smoker"},
		{"code-value-concept=72166-2$http://snomed.info/sct|266919005", "smoker"},
		{"code-value-concept=72166-2$http://other.example|", "plain"},
		{"code-value-concept=http://loinc.org|72166-2$http://other.example|266919005", ""},
		{"code-value-date=due$2020", "when during"},
		{"code-value-date=due$2020-05", "when"},
		{"code-value-date=due$gt2020-11", "during"},
		{"code-value-date=due$ap2020-06", "when during"},
		{"code-value-string=note$tres+b", "said"},
		{"code-value-string=note$bien", ""},
		{"code-value-quantity:missing=true", "bp low smoker plain when during said novalue"},
		{"combo-code-value-quantity:missing=false", "bp low sys above"},
	})
}

func TestOtherComposites(t *testing.T) {
	(&corpus{typ: "MolecularSequence", resources: [][2]string{
		{"a", `"referenceSeq":{"chromosome":` + coding("http://c.example", "2") + `,"windowStart":100,"windowEnd":200},"variant":[{"start":110,"end":120},{"start":150,"end":160}]`},
		{"b", `"referenceSeq":{"chromosome":` + coding("http://c.example", "X") + `,"windowStart":100,"windowEnd":300},"variant":[{"start":110,"end":160}]`},
	}}).check(t, [][2]string{
		{"chromosome-window-coordinate=2$ge100$le200", "a"},
		{"chromosome-window-coordinate=X$100$300", "b"},
		{"chromosome-window-coordinate=X$100$301", ""},
		{"chromosome-window-coordinate=X$gt99$ne200", "b"},
		{"chromosome-variant-coordinate=2$110$120", "a"},
		{"chromosome-variant-coordinate=2$110$160", ""},
		{"chromosome-variant-coordinate=http://c.example|X$lt150$gt120", "b"},
		{"chromosome-variant-coordinate=http://d.example|X$lt150$gt120", ""},
	})
	(&corpus{typ: "DocumentReference", resources: [][2]string{
		{"a", `"relatesTo":[{"code":"replaces","target":{"reference":"DocumentReference/0"}},{"code":"signs","target":{"reference":"DocumentReference/1"}}]`},
		{"b", `"relatesTo":[{"code":"signs","target":{"reference":"DocumentReference/0"}}]`},
	}}).check(t, [][2]string{
		{"relationship=replaces$DocumentReference/0", "a"},
		{"relationship=signs$0", "b"},
		{"relationship=signs$https://firth.example/fhir/DocumentReference/1", "a"},
		{"relationship=replaces$1", ""},
		{"relationship=http://hl7.org/fhir/document-relationship-type|signs$0", "b"},
		{"relationship=|signs$0", "b"},
		{"relationship=http://other.example|signs$0", ""},
	})
	(&corpus{typ: "Group", resources: [][2]string{
		{"a", `"characteristic":[{"code":` + coding("urn:x", "gender") + `,"valueCodeableConcept":` + coding("urn:x", "female") + `},{"code":` + coding("urn:x", "smoker") + `,"valueBoolean":true}]`},
		{"b", `"characteristic":[{"code":` + coding("urn:x", "gender") + `,"valueBoolean":true},{"code":` + coding("urn:x", "smoker") + `,"valueQuantity":{"value":1}}]`},
	}}).check(t, [][2]string{
		{"characteristic-value=gender$female", "a"},
		{"characteristic-value=smoker$true", "a"},
		{"characteristic-value=urn:x|gender$true", "b"},
		{"value=true", "a b"},
	})
	(&corpus{typ: "ValueSet", resources: [][2]string{
		{"age", `"useContext":[{"code":{"code":"age"},"valueRange":{"low":{"value":18,"unit":"a"}}}]`},
		{"dose", `"useContext":[{"code":{"code":"dose"},"valueQuantity":{"value":18,"unit":"mg"}}]`},
		{"focus", `"useContext":[{"code":{"code":"focus"},"valueCodeableConcept":{"coding":[{"code":"asthma"}]}}]`},
	}}).check(t, [][2]string{
		{"context-type-quantity=age$gt20", "age"},
		{"context-type-quantity=age$lt18", ""},
		{"context-type-quantity=dose$18||mg", "dose"},
		{"context-type-value=focus$asthma", "focus"},
		{"context-type-value=age$asthma", ""},
	})
}

func TestSort(t *testing.T) {
	c := &corpus{typ: "Observation", resources: [][2]string{
		{"a", `"status":"final","effectiveDateTime":"2013","valueQuantity":{"value":10}`},
		{"b", `"status":"amended","effectiveDateTime":"2012-05-01","valueQuantity":{"value":9.5}`},
		{"c", `"status":"final"`},
		{"d", `"effectiveDateTime":"2012-05-01","valueQuantity":{"value":-3}`},
		{"e", `"status":"final","code":{"coding":[{"code":"y"},{"code":"b"}]}`},
		{"f", `"code":{"coding":[{"code":"x"}]},"subject":{"reference":"Patient/2"}`},
		{"g", `"subject":{"reference":"Group/1"}`},
	}}
	c.check(t, [][2]string{
		{"", "a b c d e f g"},
		{"_sort=date", "b d a c e f g"},
		{"_sort=-date", "a d b g f e c"},
		{"_sort=value-quantity", "d b a c e f g"},
		{"_sort=-value-quantity", "a b d g f e c"},
		{"_sort=status,-date", "b a c e d f g"},
		{"_sort=-status,date", "a e c b d g f"},
		{"_sort=code", "e f a b c d g"},
		{"_sort=-code", "e f g d c b a"},
		{"_sort=-_id", "g f e d c b a"},
		{"_sort=_lastUpdated", "a b c d e f g"},
		{"_sort=-_lastUpdated&status=final", "e c a"},
		{"_sort=patient", "f a b c d e g"},
		{"_sort=subject", "g f a b c d e"},
	})
}
