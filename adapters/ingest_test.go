package adapters_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/adapters"
	"github.com/firth-health/firth/adapters/adaptertest"
	"github.com/firth-health/firth/fhir"
)

var received = time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)

func payload(readings ...string) string {
	return `{"user":"u1","r":[` + strings.Join(readings, ",") + `]}`
}

func reading(id int, value string) string {
	return fmt.Sprintf(`{"id":%d,"type":"hr","t":"2026-01-05T08:15:%02dZ","v":%s,"u":"bpm"}`, id, id%60, value)
}

func mapOf(t testing.TB, a *adapters.Adapter, payload string) *adapters.Mapping {
	t.Helper()
	m, err := a.Map(context.Background(), adapters.Input{Payload: []byte(payload), Now: received})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func ingest(t testing.TB, repository adapters.Repository, a *adapters.Adapter, payload string) *adapters.Report {
	t.Helper()
	report, err := adapters.Ingest(context.Background(), repository, mapOf(t, a, payload))
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// counts is "written updated unchanged quarantined".
func counts(r *adapters.Report) string {
	return fmt.Sprintln(len(r.Written), len(r.Updated), len(r.Unchanged), len(r.Quarantined))[:7]
}

func TestIngestTwice(t *testing.T) {
	a, repository := mustLoad(t, minimal), &adaptertest.Memory{}
	first := ingest(t, repository, a, payload(reading(1, "60"), reading(2, "61.50")))
	if got := counts(first); got != "3 0 0 0" {
		t.Errorf("first: %s\n%s", got, first.Text())
	}
	second := ingest(t, repository, a, payload(reading(1, "60"), reading(2, "61.50")))
	if got := counts(second); got != "0 0 2 0" || second.Category() != adapters.Accepted {
		t.Errorf("second: %s %s", got, second.Category())
	}
	for _, reference := range repository.References() {
		if n := len(repository.Versions(reference)); n != 1 {
			t.Errorf("%s has %d versions", reference, n)
		}
	}
}

func TestIngestChanged(t *testing.T) {
	a, repository := mustLoad(t, minimal), &adaptertest.Memory{}
	reference := ingest(t, repository, a, payload(reading(1, "60"))).Written[1].Reference
	for i, step := range []struct{ value, want, status, stored string }{
		{"61", "0 1 0 0", "amended", "61"},
		{"61", "0 0 1 0", "amended", "61"},
		{"61.0", "0 1 0 0", "amended", "61.0"},
		{"60", "0 1 0 0", "amended", "60"},
	} {
		report := ingest(t, repository, a, payload(reading(1, step.value)))
		versions := repository.Versions(reference)
		root, err := fhir.Parse(versions[len(versions)-1])
		if err != nil {
			t.Fatal(err)
		}
		if got := counts(report); got != step.want || !root.Get("status").TextIs(step.status) || !root.Path("valueQuantity", "value").TextIs(step.stored) {
			t.Errorf("step %d: %s, %s", i, got, root.Raw())
		}
	}
}

// TestIngestTogether sends one payload many times at once: one set of resources, and every answer accounts for every reading.
func TestIngestTogether(t *testing.T) {
	a, repository := mustLoad(t, minimal), &adaptertest.Memory{}
	var readings []string
	for i := range 20 {
		readings = append(readings, reading(i, "60"))
	}
	var wg sync.WaitGroup
	reports := make([]*adapters.Report, 16)
	for i := range reports {
		wg.Add(1)
		go func() {
			defer wg.Done()
			reports[i] = ingest(t, repository, a, payload(readings...))
		}()
	}
	wg.Wait()
	written := 0
	for _, r := range reports {
		written += len(r.Written)
		if observations := len(r.Written) + len(r.Unchanged); observations < 20 || len(r.Updated) > 0 {
			t.Errorf("%s", r.Text())
		}
	}
	if written != 21 || len(repository.References()) != 21 {
		t.Errorf("%d written, %d stored", written, len(repository.References()))
	}
	for _, reference := range repository.References() {
		if n := len(repository.Versions(reference)); n != 1 {
			t.Errorf("%s has %d versions", reference, n)
		}
	}
}

// TestOrderIndependence delivers the same readings in many orders and groupings; the same resources must come out.
func TestOrderIndependence(t *testing.T) {
	a := mustLoad(t, minimal)
	var want map[string]string
	random := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		repository := &adaptertest.Memory{}
		var readings []string
		for i := range 12 {
			readings = append(readings, reading(i, fmt.Sprint(60+i)))
		}
		random.Shuffle(len(readings), func(i, j int) { readings[i], readings[j] = readings[j], readings[i] })
		for len(readings) > 0 {
			n := 1 + random.IntN(len(readings))
			ingest(t, repository, a, payload(readings[:n]...))
			readings = readings[n:]
		}
		got := map[string]string{}
		for _, reference := range repository.References() {
			got[reference] = string(repository.Versions(reference)[0])
		}
		if want == nil {
			want = got
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("-first +this:\n%s", diff)
		}
	}
}

// TestRevisions delivers three revisions of one reading in every order, one of them twice: the newest stands, whatever came last.
func TestRevisions(t *testing.T) {
	a := mustLoad(t, strings.Replace(minimal, "key: ", "revision: =item.rev\nkey: ", 1))
	revision := func(rev int, value string) string {
		return payload(fmt.Sprintf(`{"id":1,"type":"hr","t":"2026-01-05T08:15:00Z","v":%s,"u":"bpm","rev":%d}`, value, rev))
	}
	all := []string{revision(9, "60"), revision(10, "61"), revision(11, "60"), revision(9, "60")}
	for _, order := range [][]int{{0, 1, 2, 3}, {3, 2, 1, 0}, {1, 0, 3, 2}, {2, 1, 0, 3}, {1, 2, 0, 3}, {0, 2, 1, 3}, {2, 0, 1, 3}} {
		repository := &adaptertest.Memory{}
		for _, i := range order {
			ingest(t, repository, a, all[i])
		}
		for _, reference := range repository.References() {
			versions := repository.Versions(reference)
			root, err := fhir.Parse(versions[len(versions)-1])
			if err != nil {
				t.Fatal(err)
			}
			if q := root.Get("valueQuantity"); q.Ok() && (!q.Get("value").TextIs("60") || !root.Path("meta", "tag").Index(1).Get("code").TextIs("11")) {
				t.Errorf("order %v: %s", order, root.Raw())
			}
		}
	}
}

func TestIngestKnownPatient(t *testing.T) {
	a, repository := mustLoad(t, minimal), &adaptertest.Memory{}
	repository.Put("Patient/the-ehr-has-given-this-id", []byte(`{"resourceType":"Patient","id":"the-ehr-has-given-this-id","identifier":[{"system":"urn:acme","value":"u1"}]}`))
	report := ingest(t, repository, a, payload(reading(1, "60"), reading(2, "61")))
	if got := counts(report); got != "2 0 0 0" {
		t.Fatalf("%s\n%s", got, report.Text())
	}
	for _, line := range report.Written {
		root, err := fhir.ParseResource(repository.Versions(line.Reference)[0])
		if err != nil {
			t.Fatal(err)
		}
		if got := root.Root().Path("subject", "reference").Text(); got != "Patient/the-ehr-has-given-this-id" {
			t.Errorf("subject %s", got)
		}
	}
}

func TestIngestAmbiguousPatient(t *testing.T) {
	a, repository := mustLoad(t, minimal), &adaptertest.Memory{}
	for _, id := range []string{"a", "b"} {
		repository.Put("Patient/"+id, []byte(`{"resourceType":"Patient","id":"`+id+`","identifier":[{"system":"urn:acme","value":"u1"}]}`))
	}
	report := ingest(t, repository, a, payload(reading(1, "60"), reading(1, "60")))
	if got := counts(report); got != "0 0 0 2" || report.Category() != adapters.NothingMapped || report.Quarantined[0].Reason != "more than one Patient has the identifier" {
		t.Errorf("%s\n%s", got, report.Text())
	}
}

func TestIngestUnknownPatient(t *testing.T) {
	a := mustLoad(t, strings.Replace(minimal, "value: =msg.user}", "value: =msg.user, onMissing: quarantine}", 1))
	repository := &adaptertest.Memory{}
	report := ingest(t, repository, a, payload(reading(1, "60")))
	if got := counts(report); got != "0 0 0 1" || len(repository.References()) != 0 {
		t.Errorf("%s\n%s", got, report.Text())
	}
	repository.Put("Patient/a", []byte(`{"resourceType":"Patient","id":"a","identifier":[{"system":"urn:acme","value":"u1"}]}`))
	if got := counts(ingest(t, repository, a, payload(reading(1, "60")))); got != "1 0 0 0" {
		t.Errorf("known by now: %s", got)
	}
}

// lostRace answers a conflict n times before it lets a write through.
type lostRace struct {
	adaptertest.Memory
	n int
}

func (l *lostRace) Write(ctx context.Context, drafts []adapters.Draft) ([]adapters.Outcome, error) {
	if l.n > 0 {
		l.n--
		return nil, fmt.Errorf("commit: %w", adapters.ErrConflict)
	}
	return l.Memory.Write(ctx, drafts)
}

func TestIngestConflict(t *testing.T) {
	a := mustLoad(t, minimal)
	if got := counts(ingest(t, &lostRace{n: 3}, a, payload(reading(1, "60")))); got != "2 0 0 0" {
		t.Errorf("got %s", got)
	}
	_, err := adapters.Ingest(context.Background(), &lostRace{n: 100}, mapOf(t, a, payload(reading(1, "60"))))
	if !errors.Is(err, adapters.ErrConflict) {
		t.Errorf("got %v", err)
	}
}

func TestTwoPatientsAreNeverOne(t *testing.T) {
	a, repository := mustLoad(t, minimal), &adaptertest.Memory{}
	ingest(t, repository, a, payload(reading(1, "60")))
	report := ingest(t, repository, a, strings.Replace(payload(reading(1, "60")), "u1", "u2", 1))
	if got := counts(report); got != "2 0 0 0" {
		t.Errorf("%s\n%s", got, report.Text())
	}
}

func TestPayloadErrors(t *testing.T) {
	a := mustLoad(t, strings.Replace(minimal, "format: json", "format: json\nlimits: {bytes: 2000, items: 5}\npayload: {type: object, required: [user]}", 1))
	for _, test := range []struct{ name, payload, stage, want string }{
		{"not JSON", `{"user":`, "parse", "line 1, column 9"},
		{"duplicate name", `{"user":1,"user":2}`, "parse", "duplicate member name"},
		{"schema", `{"r":[]}`, "schema", "missing property"},
		{"bytes", `{"user":"` + strings.Repeat("x", 2000) + `"}`, "size", "more than the 2000"},
		{"items", `{"user":"u","r":[0,0,0,0,0,0,0,0,0,0,0,0]}`, "size", "more than the 5 items"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := a.Map(context.Background(), adapters.Input{Payload: []byte(test.payload), Now: received})
			var invalid *adapters.PayloadError
			if !errors.As(err, &invalid) || invalid.Stage != test.stage || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v", err)
			}
		})
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := mustLoad(t, minimal).Map(ctx, adapters.Input{Payload: []byte(`{"user":"u","r":[` + strings.Repeat("0,", 1000) + `0]}`)}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v", err)
	}
}
