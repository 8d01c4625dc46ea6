package mongo_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"

	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store/mongo"
)

var update = flag.Bool("update", false, "write the golden files")

// queries are representative ones of devices, EHRs and population searches.
var queries = []string{
	"Observation?patient=Patient/p1&code=http://loinc.org|8867-4&_sort=-date",
	"Observation?patient=p1&code=8867-4&_sort=-date&_count=20",
	"Observation?patient=p1&code=8867-4&date=ge2024-01-01&date=lt2024-02-01&_sort=-date",
	"Observation?patient=p1&code=8867-4&date=2024-03-05",
	"Observation?patient=p1&code=8867-4&date=gt2024-03-05T10:00:00Z&_sort=date",
	"Observation?patient=p1&code=http://loinc.org|8867-4,http://loinc.org|8480-6&_sort=-date",
	"Observation?patient=p1&code=http://loinc.org|&date=le2024",
	"Observation?patient=p1&category=vital-signs&_sort=-date",
	"Observation?patient=p1&category=vital-signs&code=8867-4&date=2024&_sort=-date",
	"Observation?subject=Patient/p1&code=8867-4&date=ap2024-03",
	"Observation?subject=Patient/p1&code=8867-4&status=final&_sort=-date",
	"Observation?patient=p1&code=8867-4&value-quantity=gt100&_sort=-date",
	"Observation?patient=p1&code=8867-4&date=ne2024-03-05&_sort=-date",
	"Observation?patient=p1&code:not=8867-4",
	"Observation?patient=p1&date=2024-03-05&_sort=-date",
	"Observation?patient=p1",
	"Observation?patient=p1&_sort=-date&_count=10",
	"Observation?code=8867-4",
	"Observation?code=http://loinc.org|8867-4&value-quantity=gt100",
	"Observation?code-value-quantity=http://loinc.org|8867-4$gt100",
	"Observation?component-code-value-quantity=8480-6$ge140|http://unitsofmeasure.org|mm[Hg]",
	"Observation?value-quantity=5.4|http://unitsofmeasure.org|mg",
	"Observation?value-quantity=lt5.4",
	"Observation?status=final,amended",
	"Observation?status:not=cancelled",
	"Observation?date:missing=true",
	"Observation?code:text=heart%20rate",
	"Observation?device=Device/d1&_sort=-_lastUpdated",
	"Observation?patient.name=peter",
	"Observation?patient:Patient.identifier=http://hospital|123",
	"Observation?subject:Patient.organization.name=clinic",
	"Observation?_lastUpdated=gt2024-01-01",
	"Observation?_id=a,b,c",
	"Observation?_sort=date",
	"Observation?_sort=-date,_id",
	"Observation?_sort=status,-date",
	"Observation?_sort=value-quantity",
	"Observation?code=8867-4&_total=accurate&_summary=count",
	"Observation?_has:Provenance:target:agent=Practitioner/x",
	"Patient?_id=p1",
	"Patient?identifier=http://hospital|123",
	"Patient?identifier=|123",
	"Patient?identifier=123",
	"Patient?identifier:of-type=http://terminology.hl7.org/CodeSystem/v2-0203|MR|123",
	"Patient?name=peter",
	"Patient?name:exact=Peter",
	"Patient?name:contains=pet.*(a|b)[x]\\d%2B?^$",
	"Patient?family:contains=%27%22{}",
	"Patient?given=anna&birthdate=1970-01-01",
	"Patient?birthdate=ge1970&birthdate=lt1980&gender=female",
	"Patient?gender:not=male&active=true",
	"Patient?general-practitioner:Practitioner.name=smith",
	"Patient?_has:Observation:patient:code=8867-4",
	"Patient?_has:Observation:patient:code=8867-4&_has:Condition:patient:code=44054006",
	"Patient?organization:missing=false",
	"Patient?phonetic=robert",
	"Patient?_sort=family,given",
	"Patient?_sort=-birthdate&_count=50",
	"Patient?name=o%27brien&_sort=-_id",
	"Condition?code:missing=true&subject=Patient/p1",
	"Condition?clinical-status=active&_list=l1",
	"Encounter?date=2024-03&status=finished",
	"Location?near=48.1|11.5|5|km",
	"ValueSet?url=http://example.org/vs",
	"Device?",
	"Patient?_filter=name%20co%20%22pet%22%20and%20not%20(gender%20eq%20male)",
	"MedicationRequest?patient=p1&intent=order&_include=MedicationRequest:medication",
}

// recorder keeps the finds and counts that are sent.
type recorder struct {
	mu  sync.Mutex
	all []bson.Raw
}

func (r *recorder) monitor() *event.CommandMonitor {
	return &event.CommandMonitor{Started: func(_ context.Context, e *event.CommandStartedEvent) {
		if slices.Contains([]string{"find", "aggregate", "count"}, e.CommandName) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.all = append(r.all, slices.Clone(e.Command))
		}
	}}
}

func (r *recorder) take() []bson.Raw {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.all
	r.all = nil
	return all
}

// TestCommands holds what each query sends: filter, sort, hint, projection, limit.
func TestCommands(t *testing.T) {
	r := &recorder{}
	s := open(t, mongo.Options{Monitor: r.monitor()})
	defer s.Close()
	s.LikeMongoDB()
	registry := newRegistry(t)
	r.take()
	var got bytes.Buffer
	for _, query := range queries {
		typ, rest, _ := strings.Cut(query, "?")
		request, err := registry.Parse(typ, pairs(t, rest), search.ParseOptions{})
		if err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		q := request.Query
		if q.Count == 0 && !strings.Contains(query, "_summary=count") {
			q.Count = 20
		}
		if _, err := s.Search(t.Context(), q); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		got.WriteString("# " + query + "\n")
		for _, command := range r.take() {
			got.WriteString(shown(t, command))
			judge(t, query, command)
		}
		got.WriteByte('\n')
	}
	compareGolden(t, "commands.golden", got.Bytes())
}

// compareGolden compares commands with a file of testdata.
func compareGolden(t *testing.T, file string, got []byte) {
	t.Helper()
	golden := filepath.Join("testdata", file)
	if *update {
		if err := os.WriteFile(golden, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("commands (-want +got); rewrite with -update:\n%s", diff)
	}
}

// pairs splits a query string in order.
func pairs(t *testing.T, text string) (all []search.Pair) {
	t.Helper()
	for part := range strings.SplitSeq(text, "&") {
		name, value, _ := strings.Cut(part, "=")
		name, err := url.QueryUnescape(name)
		if err != nil {
			t.Fatal(err)
		}
		if value, err = url.QueryUnescape(value); err != nil {
			t.Fatal(err)
		}
		if name != "" {
			all = append(all, search.Pair{Name: name, Value: value})
		}
	}
	return all
}

// shown writes the parts of a command that say what is asked.
func shown(t *testing.T, command bson.Raw) string {
	t.Helper()
	elements, err := command.Elements()
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, e := range elements {
		switch e.Key() {
		case "find", "aggregate", "count":
			text = e.Key() + " " + e.Value().StringValue() + "\n" + text
		case "filter", "query", "sort", "hint", "projection", "limit", "pipeline", "batchSize":
			value, err := bson.MarshalExtJSON(bson.D{{Key: e.Key(), Value: e.Value()}}, false, false)
			if err != nil {
				t.Fatal(err)
			}
			text += "  " + strings.NewReplacer(`\u0001`, "␁", `\u0000`, "␀").Replace(string(value[1:len(value)-1])) + "\n"
		}
	}
	return text
}

// judge checks what must hold of every command.
func judge(t *testing.T, query string, command bson.Raw) {
	t.Helper()
	hinted := strings.Contains(command.Lookup("hint").String(), `"p"`)
	if strings.Contains(query, "patient=p1&code=8867") && !hinted {
		t.Errorf("%s does not use the compound index: %s", query, command)
	}
	text := command.String()
	if strings.Contains(text, `"$where"`) || strings.Contains(text, `"$skip"`) || strings.Contains(text, `"skip"`) {
		t.Errorf("%s: %s", query, text)
	}
	for _, m := range regexp.MustCompile(`"\$regex": ("(?:[^"\\]|\\.)*")`).FindAllStringSubmatch(text, -1) {
		var pattern string
		if err := json.Unmarshal([]byte(m[1]), &pattern); err != nil {
			t.Fatal(err)
		}
		literal, ok := strings.CutPrefix(pattern, search.Separator+`[\s\S]*`)
		if meant := regexp.MustCompile(`\\(.)`).ReplaceAllString(literal, "$1"); !ok || regexp.QuoteMeta(meant) != literal {
			t.Errorf("%s: the regular expression %q holds more than a literal", query, pattern)
		}
	}
}
