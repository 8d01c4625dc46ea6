package acceptance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/internal/testfiles"
	"github.com/firth-health/firth/internal/teststore"
)

// searchCase is one search and what it means, told without the index.
type searchCase struct {
	query  string // Type?parameters
	match  predicate
	orders []order
}

func path(names ...string) []string { return names }

func eachDate(query string, at ...string) []searchCase {
	var out []searchCase
	for _, value := range []string{"2012", "2012-03", "2012-03-15", "2012-03-15T10:20", "2012-03-15T10:20:30Z", "2012-03-15T10:20:30+05:00", "2012-03-15T10:20:30.5Z"} {
		for _, prefix := range []string{"", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb"} {
			out = append(out, searchCase{query + prefix + url.QueryEscape(value), date(prefix, value, at...), nil})
		}
	}
	return out
}

func eachNumber(query, value string, make func(prefix string) predicate) []searchCase {
	var out []searchCase
	for _, prefix := range []string{"", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb"} {
		out = append(out, searchCase{query + prefix + value, make(prefix), nil})
	}
	return out
}

const (
	loinc = "http://loinc.org"
	ucum  = "http://unitsofmeasure.org"
)

func searches(first func(typ string) stored) []searchCase {
	return slices.Concat(peopleSearches(first), observationSearches(first), otherSearches(), rangeSearches())
}

func peopleSearches(first func(typ string) stored) []searchCase {
	patient := first("Patient")
	names := [][]string{{"name", "family"}, {"name", "given"}, {"name", "prefix"}, {"name", "suffix"}, {"name", "text"}}
	family := texts(patient.body, "name", "family")[0]
	npi := texts(first("Practitioner").body, "identifier", "value")[0]
	return []searchCase{
		{"Patient", everything, nil},
		{"Patient?name=" + family[:3], startsWith(family[:3], names...), nil},
		{"Patient?name=" + strings.ToUpper(family[:3]), startsWith(family[:3], names...), nil},
		{"Patient?family:exact=" + family, exactly(family, path("name", "family")), nil},
		{"Patient?family:exact=" + strings.ToLower(family), exactly(strings.ToLower(family), path("name", "family")), nil},
		{"Patient?given:contains=an", contains("an", path("name", "given")), nil},
		{"Patient?given=A,B", either(startsWith("a", path("name", "given")), startsWith("b", path("name", "given"))), nil},
		{"Patient?gender=female", text("female", "gender"), nil},
		{"Patient?gender:not=female", not(text("female", "gender")), nil},
		{"Patient?gender=http://hl7.org/fhir/administrative-gender|male", text("male", "gender"), nil},
		{"Patient?gender=female&birthdate=lt1980", both(text("female", "gender"), date("lt", "1980", "birthDate")), nil},
		{"Patient?birthdate=ge1950&birthdate=lt1970-06", both(date("ge", "1950", "birthDate"), date("lt", "1970-06", "birthDate")), nil},
		{"Patient?death-date:missing=true", not(has("deceasedDateTime")), nil},
		{"Patient?death-date:missing=false", has("deceasedDateTime"), nil},
		{"Patient?deceased=true", has("deceasedDateTime"), nil},
		{"Patient?address-city=SALEM,Boston", either(startsWith("salem", path("address", "city")), startsWith("boston", path("address", "city"))), nil},
		{"Patient?address=lynn", startsWith("lynn", path("address", "line"), path("address", "city"), path("address", "district"), path("address", "state"),
			path("address", "postalCode"), path("address", "country"), path("address", "text")), nil},
		{"Patient?language=en-US", coding("*", "en-US", "communication", "language", "coding"), nil},
		{"Patient?language=urn:ietf:bcp:47|", coding("urn:ietf:bcp:47", "*", "communication", "language", "coding"), nil},
		{"Patient?identifier=http://hl7.org/fhir/sid/us-ssn|", coding("http://hl7.org/fhir/sid/us-ssn", "*", "identifier"), nil},
		{"Patient?_tag=https://smarthealthit.org/tags|synthea-5-2019", coding("https://smarthealthit.org/tags", "synthea-5-2019", "meta", "tag"), nil},
		{"Patient?_tag=nothing", coding("*", "nothing", "meta", "tag"), nil},
		{"Patient?_id=" + patient.id + ",absent", text(patient.id, "id"), nil},
		{"Patient?_lastUpdated=gt2000-01-01", everything, nil},
		{"Patient?_lastUpdated=lt2000-01-01", not(everything), nil},
		{"Patient?phone:missing=true", not(has("telecom")), nil},
		{"Patient?_sort=birthdate", everything, []order{byDate(false, "birthDate")}},
		{"Patient?_sort=-birthdate", everything, []order{byDate(true, "birthDate")}},
		{"Patient?_sort=death-date", everything, []order{byDate(false, "deceasedDateTime")}},
		{"Patient?_sort=-death-date", everything, []order{byDate(true, "deceasedDateTime")}},
		{"Patient?_sort=gender,-birthdate", everything, []order{byText(false, func(o object) []string { return texts(o, "gender") }), byDate(true, "birthDate")}},
		{"Patient?_sort=family,given", everything, []order{byString(false, "name", "family"), byString(false, "name", "given")}},
		{"Patient?_sort=-_id", everything, []order{byText(true, func(o object) []string { return texts(o, "id") })}},
		{"Practitioner?identifier=" + npi, coding("*", npi, "identifier"), nil},
		{"Practitioner?identifier=http://hl7.org/fhir/sid/us-npi|" + npi, coding("http://hl7.org/fhir/sid/us-npi", npi, "identifier"), nil},
		{"Practitioner?identifier=|" + npi, coding("", npi, "identifier"), nil},
		{"Practitioner?active=true", text("true", "active"), nil},
	}
}

func observationSearches(first func(typ string) stored) []searchCase {
	patient := first("Patient")
	subject := text("Patient/"+patient.id, "subject", "reference")
	encounter := first("Encounter")
	exam := func(code string) predicate { return coding(loinc, code, "code", "coding") }
	value := path("valueQuantity")
	systolicOver := func(prefix, n string) predicate {
		return within(both(coding(loinc, "8480-6", "code", "coding"), quantity(prefix, n, "*", "mm[Hg]", "valueQuantity")), "component")
	}
	return []searchCase{
		{"Observation?code=8302-2", coding("*", "8302-2", "code", "coding"), nil},
		{"Observation?code=" + loinc + "|8302-2,29463-7", either(exam("8302-2"), coding("*", "29463-7", "code", "coding")), nil},
		{"Observation?code=urn:other|8302-2", coding("urn:other", "8302-2", "code", "coding"), nil},
		{"Observation?code:not=8302-2&category=laboratory", both(not(coding("*", "8302-2", "code", "coding")), coding("*", "laboratory", "category", "coding")), nil},
		{"Observation?status=final,amended", either(text("final", "status"), text("amended", "status")), nil},
		{"Observation?combo-code=8480-6", either(coding("*", "8480-6", "code", "coding"), coding("*", "8480-6", "component", "code", "coding")), nil},
		{"Observation?component-code=" + loinc + "|8462-4", coding(loinc, "8462-4", "component", "code", "coding"), nil},
		{"Observation?patient=" + patient.id, subject, nil},
		{"Observation?patient=Patient/" + patient.id, subject, nil},
		{"Observation?subject=" + patient.id + "&code=8302-2", both(subject, exam("8302-2")), nil},
		{"Observation?subject:Patient=" + patient.id, subject, nil},
		{"Observation?encounter=Encounter/" + encounter.id, text("Encounter/"+encounter.id, "encounter", "reference"), nil},
		{"Observation?subject=Device/" + patient.id, not(everything), nil},
		{"Observation?value-quantity:missing=true", not(has("valueQuantity")), nil},
		{"Observation?value-concept=266919005", coding("*", "266919005", "valueCodeableConcept", "coding"), nil},
		{"Observation?value-quantity=gt100||cm", quantity("gt", "100", "*", "cm", value...), nil},
		{"Observation?value-quantity=gt170|" + ucum + "|cm&code=8302-2", both(quantity("gt", "170", ucum, "cm", value...), exam("8302-2")), nil},
		{"Observation?value-quantity=gt100||furlong", not(everything), nil},
		{"Observation?code-value-quantity=" + loinc + "|8302-2$gt170||cm", both(exam("8302-2"), quantity("gt", "170", "*", "cm", value...)), nil},
		{"Observation?code-value-quantity=8302-2$gt170", both(coding("*", "8302-2", "code", "coding"), quantity("gt", "170", "*", "*", value...)), nil},
		{"Observation?component-code-value-quantity=" + loinc + "|8480-6$gt120||mm[Hg]", systolicOver("gt", "120"), nil},
		{"Observation?component-code-value-quantity=" + loinc + "|8480-6$le100||mm[Hg]", systolicOver("le", "100"), nil},
		{"Observation?combo-code-value-quantity=" + loinc + "|8480-6$gt120||mm[Hg]", systolicOver("gt", "120"), nil},
		{"Observation?code-value-concept=72166-2$266919005", both(coding("*", "72166-2", "code", "coding"), coding("*", "266919005", "valueCodeableConcept", "coding")), nil},
		{"Observation?patient=" + patient.id + "&code=8302-2&_sort=-date", both(subject, coding("*", "8302-2", "code", "coding")), []order{byDate(true, "effectiveDateTime")}},
		{"Observation?patient=" + patient.id + "&category=vital-signs&date=ge2012&_sort=-date",
			both(subject, coding("*", "vital-signs", "category", "coding"), date("ge", "2012", "effectiveDateTime")), []order{byDate(true, "effectiveDateTime")}},
		{"Observation?patient=" + patient.id + "&_sort=date", subject, []order{byDate(false, "effectiveDateTime")}},
		{"Observation?patient=" + patient.id + "&_sort=value-quantity", subject, []order{byQuantity(false, "valueQuantity")}},
		{"Observation?patient=" + patient.id + "&_sort=-value-quantity", subject, []order{byQuantity(true, "valueQuantity")}},
		{"Observation?patient=" + patient.id + "&_sort=code,-date", subject, []order{byText(false, func(o object) []string { return texts(o, "code", "coding", "code") }), byDate(true, "effectiveDateTime")}},
		{"Observation?category=vital-signs&_sort=-date", coding("*", "vital-signs", "category", "coding"), []order{byDate(true, "effectiveDateTime")}},
	}
}

func otherSearches() []searchCase {
	return []searchCase{
		{"Encounter?class=AMB", coding("*", "AMB", "class"), nil},
		{"Encounter?class=http://terminology.hl7.org/CodeSystem/v3-ActCode|EMER", coding("http://terminology.hl7.org/CodeSystem/v3-ActCode", "EMER", "class"), nil},
		{"Encounter?date=ge2010&date=lt2012", both(date("ge", "2010", "period"), date("lt", "2012", "period")), nil},
		{"Encounter?_sort=-date", everything, []order{byDate(true, "period")}},
		{"Claim?created=2012", date("", "2012", "created"), nil},
		{"ExplanationOfBenefit?identifier=https://bluebutton.cms.gov/resources/variables/clm_id|", coding("https://bluebutton.cms.gov/resources/variables/clm_id", "*", "identifier"), nil},
		{"MedicationRequest?code=310965", coding("*", "310965", "medicationCodeableConcept", "coding"), nil},
		{"MedicationRequest?intent=order&status=stopped", both(text("order", "intent"), text("stopped", "status")), nil},
		{"Immunization?vaccine-code=http://hl7.org/fhir/sid/cvx|140", coding("http://hl7.org/fhir/sid/cvx", "140", "vaccineCode", "coding"), nil},
		{"ValueSet?url=http://a.example/vs/one", text("http://a.example/vs/one", "url"), nil},
		{"ValueSet?url:below=http://a.example/vs", stringTest([][]string{{"url"}}, func(s string) bool { return s == "http://a.example/vs" || strings.HasPrefix(s, "http://a.example/vs/") }), nil},
		{"ValueSet?version=2", text("2", "version"), nil},
		{"RiskAssessment?_sort=-probability", everything, []order{byText(true, func(o object) []string {
			var out []string
			for _, n := range texts(o, "prediction", "probabilityDecimal") {
				out = append(out, fmt.Sprintf("%020s", rat(n).FloatString(10)))
			}
			return out
		})}},
	}
}

// rangeSearches ask with every prefix.
func rangeSearches() []searchCase {
	value := path("valueQuantity")
	return slices.Concat(
		eachDate("Observation?date=", "effectiveDateTime"),
		eachDate("Encounter?date=", "period"),
		eachDate("Patient?birthdate=", "birthDate"),
		eachNumber("RiskAssessment?probability=", "0.5", func(p string) predicate { return number(p, "0.5", "prediction", "probabilityDecimal") }),
		eachNumber("RiskAssessment?probability=", "0.50", func(p string) predicate { return number(p, "0.50", "prediction", "probabilityDecimal") }),
		eachNumber("Observation?value-quantity=", "75.4", func(p string) predicate { return quantity(p, "75.4", "*", "*", value...) }),
		eachNumber("Observation?value-quantity=", "3", func(p string) predicate { return quantity(p, "3", "*", "*", value...) }),
	)
}

// extras are types that the published data lacks.
var extras = []string{
	`{"resourceType":"RiskAssessment","status":"final","subject":{"display":"x"},"prediction":[{"probabilityDecimal":0.5}]}`,
	`{"resourceType":"RiskAssessment","status":"final","subject":{"display":"x"},"prediction":[{"probabilityDecimal":0.50},{"probabilityDecimal":0.05}]}`,
	`{"resourceType":"RiskAssessment","status":"final","subject":{"display":"x"},"prediction":[{"probabilityDecimal":0.549}]}`,
	`{"resourceType":"RiskAssessment","status":"final","subject":{"display":"x"},"prediction":[{"probabilityDecimal":0.45}]}`,
	`{"resourceType":"RiskAssessment","status":"final","subject":{"display":"x"},"prediction":[{"probabilityDecimal":0.55}]}`,
	`{"resourceType":"RiskAssessment","status":"final","subject":{"display":"x"}}`,
	`{"resourceType":"ValueSet","status":"active","url":"http://a.example/vs/one","version":"1"}`,
	`{"resourceType":"ValueSet","status":"active","url":"http://a.example/vs/two","version":"2"}`,
	`{"resourceType":"ValueSet","status":"active","url":"http://b.example/vs/one","version":"2"}`,
}

func TestSearchesAgainstOracle(t *testing.T) {
	files, err := filepath.Glob("../../../shared/data/synthea/*.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("../shared/data/synthea is not there")
	}
	if os.Getenv("FIRTH_ACCEPTANCE_ALL") == "" {
		files = files[:teststore.Size(8, 2)]
	}
	base := newServer(t)
	all := load(t, base, files)
	first := func(typ string) stored {
		for _, s := range all {
			if s.typ == typ {
				return s
			}
		}
		t.Fatalf("no %s in the data", typ)
		return stored{}
	}
	matched := 0
	for _, c := range searches(first) {
		t.Run(c.query, func(t *testing.T) {
			typ, _, _ := strings.Cut(c.query, "?")
			want := expect(all, typ, c.match, c.orders)
			matched += len(want)
			got, totals := pageThrough(t, base+"/"+c.query, 1+len(want)/3)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("ids (-want +got):\n%s", diff)
			}
			for _, total := range totals {
				if total != len(want) {
					t.Errorf("total %d, want %d", total, len(want))
				}
			}
		})
	}
	if matched < teststore.Size(1000, 250) {
		t.Errorf("the searches matched only %d resources: the data does not exercise them", matched)
	}
}

// load posts the Bundles and extras, then reads every resource back by the location the server gave.
func load(t *testing.T, base string, files []string) []stored {
	t.Helper()
	var locations []string
	for _, file := range files {
		response := post(t, base, testfiles.Read(t, file))
		for _, entry := range values(response, "entry") {
			locations = append(locations, texts(entry, "response", "location")[0])
		}
	}
	for _, body := range extras {
		typ := texts(decode(t, []byte(body)), "resourceType")[0]
		created := post(t, base+"/"+typ, []byte(body))
		locations = append(locations, typ+"/"+texts(created, "id")[0])
	}
	all := make([]stored, 0, len(locations))
	for i, location := range locations {
		location = strings.TrimPrefix(location, base+"/")
		parts := strings.Split(location, "/")
		body := get(t, base+"/"+parts[0]+"/"+parts[1])
		all = append(all, stored{typ: parts[0], id: parts[1], order: i, body: body})
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].order < all[j].order })
	return all
}

// pageThrough follows next links and returns every match and every total.
func pageThrough(t *testing.T, address string, count int) (ids []string, totals []int) {
	t.Helper()
	ids = []string{}
	joint := "?"
	if strings.Contains(address, "?") {
		joint = "&"
	}
	next := fmt.Sprintf("%s%s_count=%d&_total=accurate", address, joint, count)
	for pages := 0; next != ""; pages++ {
		if pages > 20 {
			t.Fatal("more pages than resources")
		}
		bundle := get(t, next)
		for _, entry := range values(bundle, "entry") {
			if mode := texts(entry, "search", "mode"); len(mode) != 1 || mode[0] != "match" {
				t.Fatalf("%s: unexpected entry %v", next, entry)
			}
			ids = append(ids, texts(entry, "resource", "id")...)
		}
		if total, ok := bundle["total"].(json.Number); ok {
			n, err := total.Int64()
			if err != nil {
				t.Fatal(err)
			}
			totals = append(totals, int(n))
		} else {
			t.Fatalf("%s: no total", next)
		}
		next = ""
		for _, link := range values(bundle, "link") {
			if texts(link, "relation")[0] == "next" {
				next = texts(link, "url")[0]
			}
		}
	}
	return ids, totals
}

func decode(t *testing.T, data []byte) object {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var o object
	if err := d.Decode(&o); err != nil {
		t.Fatalf("%v in %.200s", err, data)
	}
	return o
}

func post(t *testing.T, address string, body []byte) object {
	t.Helper()
	response, err := http.Post(address, "application/fhir+json", bytes.NewReader(body))
	return answer(t, response, err)
}

func get(t *testing.T, address string) object {
	t.Helper()
	response, err := http.Get(address)
	return answer(t, response, err)
}

func answer(t *testing.T, response *http.Response, err error) object {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode/100 != 2 {
		t.Fatalf("%s %s: %s %.500s", response.Request.Method, response.Request.URL, response.Status, data)
	}
	return decode(t, data)
}
