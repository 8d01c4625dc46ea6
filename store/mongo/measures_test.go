package mongo_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
	"github.com/firth-health/firth/store/mongo"
)

// measured are what $stats asks of a patient, and what a Grant may add.
var measured = []struct{ name, plan, content string }{
	{"all of a patient", "subject=Patient/p1", "code=8867-4"},
	{"a period", "subject=Patient/p1&date=ge2024-01-01&date=lt2024-02-01", "code=http://loinc.org|8867-4"},
	{"within a category", "subject=Patient/p1&category=vital-signs", "code=8867-4"},
	{"within a code", "subject=Patient/p1&code=http://loinc.org|8867-4&date=2024", "status:not=entered-in-error"},
	{"of a status", "subject=Patient/p1&status=final,amended", ""},
	{"without a time", "subject=Patient/p1&date:missing=true", ""},
}

// TestMeasuresCommands holds what statistics send.
func TestMeasuresCommands(t *testing.T) {
	r := &recorder{}
	s := open(t, mongo.Options{Monitor: r.monitor()})
	defer s.Close()
	s.LikeMongoDB()
	registry := newRegistry(t)
	r.take()
	var got bytes.Buffer
	for _, test := range measured {
		if err := s.Measures(t.Context(), measuresOf(t, registry, test.plan, test.content), func(search.Measure, *store.Version) error { return nil }); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&got, "# %s\n", test.name)
		for _, command := range r.take() {
			got.WriteString(shown(t, command))
		}
		got.WriteByte('\n')
	}
	compareGolden(t, "measures.golden", got.Bytes())
}

// measuresOf makes the plans of query strings.
func measuresOf(t *testing.T, registry *search.Registry, plan, content string) store.MeasuresQuery {
	t.Helper()
	parse := func(text string) search.Plan {
		request, err := registry.Parse("Observation", pairs(t, text), search.ParseOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return request.Query.Plan
	}
	return store.MeasuresQuery{Type: "Observation", Plan: parse(plan), Content: parse(content)}
}

// TestExamined shows what the server reads for searches and statistics of device data, by its own account: a page's documents, and for statistics none.
func TestExamined(t *testing.T) {
	run(t, func(t *testing.T) {
		r := &recorder{}
		s := open(t, mongo.Options{Monitor: r.monitor(), Database: database(t)})
		defer s.Close()
		registry := newRegistry(t)
		for i := range 60 {
			op := observedAt(t, registry, fmt.Sprintf("o%d", i), fmt.Sprintf("Patient/p%d", 1+i%2), []string{"8867-4", "8480-6"}[i/2%2], time.Date(2024, 1, 1+i/2, 8, 0, 0, 0, time.UTC))
			if _, err := s.Apply(t.Context(), []store.Op{op}); err != nil {
				t.Fatal(err)
			}
		}
		t.Run("statistics of a patient", func(t *testing.T) {
			r.take()
			n := 0
			if err := s.Measures(t.Context(), measuresOf(t, registry, "subject=Patient/p1&date=ge2024-01-11", ""), func(m search.Measure, v *store.Version) error {
				if n++; v != nil {
					t.Errorf("%s has no measure", v.Key)
				}
				return nil
			}); err != nil || n != 20 {
				t.Fatal(n, err)
			}
			first := r.take()[0]
			diffExamined(t, examined{Returned: 20, Keys: 20, Documents: 0, Stages: []string{"PROJECTION_COVERED", "IXSCAN"}}, explained(t, first))
		})
		page := []string{"LIMIT", "PROJECTION_SIMPLE", "FETCH", "IXSCAN"}
		const notCounted = -1
		for _, test := range []struct {
			query   string
			want    examined
			counted int // documents that the total takes
		}{
			{"patient=Patient/p1&code=8867-4&_sort=-date&_count=5", examined{6, 6, 6, page}, 0},
			{"patient=Patient/p1&code=http://loinc.org|8867-4&_sort=-date&_count=5", examined{6, 6, 6, page}, 0},
			{"patient=Patient/p1&code=http://loinc.org|8867-4&date=ge2024-01-21&_sort=-date&_count=5", examined{5, 5, 5, page}, notCounted},
			{"patient=Patient/p1&code=8867-4,8480-6&_sort=-date&_count=5", examined{6, 7, 6, []string{"LIMIT", "PROJECTION_SIMPLE", "FETCH", "SORT_MERGE", "IXSCAN", "IXSCAN"}}, 0},
			{"patient=Patient/p1&_sort=-date&_count=5", examined{6, 6, 6, page}, 0},
			{"patient=Patient/p1&_sort=date&_count=5", examined{6, 6, 6, page}, 0},
			{"patient=Patient/p1&code=8867-4&status=final&_sort=-date&_count=5", examined{6, 6, 6, page}, 15},
			{"patient=Patient/p1&code=8867-4&value-quantity=gt100&_sort=-date&_count=5", examined{0, 15, 15, page}, notCounted},
			{"_count=5", examined{6, 6, 6, []string{"LIMIT", "PROJECTION_SIMPLE", "FETCH", "IXSCAN"}}, 60},
		} {
			t.Run(test.query, func(t *testing.T) {
				request, err := registry.Parse("Observation", pairs(t, test.query), search.ParseOptions{})
				if err != nil {
					t.Fatal(err)
				}
				r.take()
				if _, err := s.Search(t.Context(), request.Query); err != nil {
					t.Fatal(err)
				}
				commands := r.take()
				diffExamined(t, test.want, explained(t, commands[0]))
				counted := notCounted
				if last := commands[len(commands)-1]; !last.Lookup("count").IsZero() {
					counted = explained(t, last).Documents
				}
				if counted != test.counted {
					t.Errorf("the total takes %d documents, want %d", counted, test.counted)
				}
			})
		}
	})
}

// observedAt is the creation of an Observation.
func observedAt(t *testing.T, registry *search.Registry, id, subject, code string, at time.Time) store.Op {
	t.Helper()
	return observation(t, registry, id, fmt.Sprintf(`{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"http://loinc.org","code":%q}]},"subject":{"reference":%q},"effectiveDateTime":%q,`+
		`"valueQuantity":{"value":72.50,"unit":"/min","system":"http://unitsofmeasure.org","code":"/min"}}`, code, subject, at.Format(time.RFC3339)))
}

// observation is the creation of one.
func observation(t *testing.T, registry *search.Registry, id, text string) store.Op {
	t.Helper()
	res, err := fhir.ParseResource([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	op := store.Op{Method: store.Create, Key: fhir.Key{Type: "Observation", ID: id}, Measure: search.MeasureOf(res)}
	if op.Resource, err = res.Stamp(id); err != nil {
		t.Fatal(err)
	}
	if op.Keys, err = registry.Extract(res); err != nil {
		t.Fatal(err)
	}
	return op
}

// examined is what a server says of one find.
type examined struct {
	Returned, Keys, Documents int
	Stages                    []string
}

func diffExamined(t *testing.T, want, got examined) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// explained asks the server about a find that was sent.
func explained(t *testing.T, command bson.Raw) examined {
	t.Helper()
	client, err := driver.Connect(options.Client().ApplyURI(serverURI(t)))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Disconnect(t.Context())
	find := bson.D{}
	elements, err := command.Elements()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range elements {
		if slices.Contains([]string{"find", "filter", "sort", "hint", "projection", "limit", "allowDiskUse", "count", "query"}, e.Key()) {
			find = append(find, bson.E{Key: e.Key(), Value: e.Value()})
		}
	}
	var answer struct {
		Execution struct {
			Returned  int      `bson:"nReturned"`
			Keys      int      `bson:"totalKeysExamined"`
			Documents int      `bson:"totalDocsExamined"`
			Stages    bson.Raw `bson:"executionStages"`
		} `bson:"executionStats"`
	}
	explain := bson.D{{Key: "explain", Value: find}, {Key: "verbosity", Value: "executionStats"}}
	if err := client.Database(command.Lookup("$db").StringValue()).RunCommand(t.Context(), explain).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	x := answer.Execution
	return examined{x.Returned, x.Keys, x.Documents, stagesOf(x.Stages)}
}

// stagesOf lists the stages of a plan, the last one first.
func stagesOf(plan bson.Raw) (stages []string) {
	name, _ := plan.Lookup("stage").StringValueOK()
	if name == "" {
		return nil
	}
	stages = append(stages, name)
	if input, ok := plan.Lookup("inputStage").DocumentOK(); ok {
		stages = append(stages, stagesOf(input)...)
	}
	if inputs, ok := plan.Lookup("inputStages").ArrayOK(); ok {
		values, _ := inputs.Values()
		for _, v := range values {
			stages = append(stages, stagesOf(v.Document())...)
		}
	}
	return stages
}
