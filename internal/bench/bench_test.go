package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir"
)

func TestHistogram(t *testing.T) {
	var h, half Histogram
	for i := 1; i <= 1000; i++ {
		half.Add(time.Duration(i) * time.Microsecond)
	}
	h.Merge(&half)
	for _, c := range []struct {
		q    float64
		want time.Duration
	}{{0, time.Microsecond}, {0.5, 501 * time.Microsecond}, {0.99, 991 * time.Microsecond}} {
		got := h.Quantile(c.q)
		if got < c.want || got > c.want+c.want/32+1 {
			t.Errorf("Quantile(%v) = %v, want %v and up to 1/32 more", c.q, got, c.want)
		}
	}
	if h.Count() != 1000 || (&Histogram{}).Quantile(0.5) != 0 {
		t.Errorf("count %d", h.Count())
	}
}

func TestBucketsCoverEverything(t *testing.T) {
	last := -1
	for _, v := range []uint64{0, 1, 31, 32, 33, 63, 64, 65, 127, 128, 1 << 20, 1<<20 + 1<<15, 1 << 62, 1<<63 - 1} {
		b := bucketOf(v)
		if b < last || v > bucketEnd(b) || b > 0 && v <= bucketEnd(b-1) {
			t.Errorf("%d in bucket %d, which ends at %d; the one before at %d", v, b, bucketEnd(b), bucketEnd(max(b-1, 0)))
		}
		last = b
	}
}

func TestWireReadsWhatNetHTTPWrites(t *testing.T) {
	large := strings.Repeat("x", 100_000)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/length":
			fmt.Fprint(w, "short")
		case "/chunks":
			for range 3 {
				fmt.Fprint(w, large)
				w.(http.Flusher).Flush()
			}
		case "/nothing":
			w.WriteHeader(http.StatusNoContent)
		case "/echo":
			if _, err := io.Copy(w, r.Body); err != nil {
				panic(err)
			}
		default:
			http.Error(w, "no such thing", http.StatusNotFound)
		}
	}))
	defer server.Close()
	address := server.Listener.Addr().String()
	w, err := dial(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	w.keep = true
	for _, c := range []struct {
		method, target, body string
		status               int
		want                 string
	}{
		{"GET", "/length", "", 200, "short"},
		{"GET", "/chunks", "", 200, large + large + large},
		{"DELETE", "/nothing", "", 204, ""},
		{"POST", "/echo", "echo", 200, "echo"},
		{"GET", "/other", "", 404, "no such thing\n"},
	} {
		contentType := ""
		if c.body != "" {
			contentType = "text/plain"
		}
		status, err := w.exchange(appendRequest(nil, c.method, address, c.target, contentType, []byte(c.body)))
		if err != nil || status != c.status || string(w.body) != c.want {
			t.Errorf("%s %s = %d, %d bytes, %v", c.method, c.target, status, len(w.body), err)
		}
	}
	if err := w.close(); err != nil {
		t.Error(err)
	}
}

func TestWireRefusesOtherProtocols(t *testing.T) {
	for _, said := range []string{"SSH-2.0-x\r\n", "HTTP/1.1 abc\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"} {
		here, there := net.Pipe()
		go func() {
			request := make([]byte, 64)
			if _, err := there.Read(request); err == nil {
				_, err = io.WriteString(there, said)
				if err != nil {
					return
				}
			}
		}()
		w := wireOf(here)
		if status, err := w.exchange([]byte("GET / HTTP/1.1\r\n\r\n")); err == nil {
			t.Errorf("%q was read as %d", said, status)
		}
		if err := w.close(); err != nil {
			t.Error(err)
		}
	}
}

func TestDataIsFHIR(t *testing.T) {
	seen := map[string]bool{}
	for i := range 60 {
		r, err := fhir.ParseResource(AppendObservation(nil, ObservationID(i), i, 5))
		if err != nil {
			t.Fatal(err)
		}
		what := r.Root().Path("subject", "reference").Text() + r.Root().Path("code").Index(0).Index(0).Get("code").Text() + r.Root().Get("effectiveDateTime").Text()
		if seen[what] || r.ID() != ObservationID(i) {
			t.Errorf("%d: again %s", i, what)
		}
		seen[what] = true
	}
	if _, err := fhir.ParseResource(AppendPatient(nil, 3)); err != nil {
		t.Error(err)
	}
	bundle, err := fhir.ParseResource(appendImport(nil, 400))
	if err != nil {
		t.Fatal(err)
	}
	entry := bundle.Root().Get("entry").Index(199)
	if n, url := bundle.Root().Get("entry").Len(), entry.Path("request", "url").Text(); n != 200 || url != "Observation/bench-o-599" || entry.Path("resource", "id").Text() != "bench-o-599" {
		t.Errorf("%d entries, the last of %s", n, url)
	}
	want := `{"resourceType":"Observation","id":"bench-o-17","meta":{"profile":["http://hl7.org/fhir/StructureDefinition/bodytemp"]},"status":"final",` +
		`"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs","display":"Vital Signs"}]}],` +
		`"code":{"coding":[{"system":"http://loinc.org","code":"8310-5","display":"Body temperature"}]},"subject":{"reference":"Patient/bench-2"},` +
		`"effectiveDateTime":"2024-01-01T00:00:30Z","device":{"reference":"Device/bench-2"},` +
		`"valueQuantity":{"value":38.5,"unit":"C","system":"http://unitsofmeasure.org","code":"Cel"}}`
	if diff := cmp.Diff(want, string(AppendObservation(nil, "bench-o-17", 17, 5))); diff != "" {
		t.Errorf("Observation (-want +got):\n%s", diff)
	}
}

// testSystem answers every request from memory; it proves the plumbing of Run, not a speed.
func testSystem() System {
	var stored atomic.Int64
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		observation := AppendObservation(nil, "x", 1, 1)
		switch {
		case r.URL.Path == "/ingest/x":
			stored.Add(ReadingsPerRequest)
			w.WriteHeader(http.StatusCreated)
		case r.URL.Path == "/fhir":
			stored.Add(ImportedPerRequest)
		case r.Method == http.MethodPost:
			stored.Add(1)
			w.WriteHeader(http.StatusCreated)
		case r.URL.Query().Get("_summary") == "count":
			fmt.Fprintf(w, `{"total":%d}`, stored.Load())
		case r.URL.Path == "/fhir/Observation":
			fmt.Fprintf(w, `{"entry":[{"resource":%s}]}`, observation)
		default:
			if _, err := w.Write(observation); err != nil {
				panic(err)
			}
		}
	})
	return System{
		Version: "test",
		Serve: func(context.Context, string) (string, func() error, error) {
			s := httptest.NewServer(handler)
			return s.Listener.Addr().String(), func() error { s.Close(); return nil }, nil
		},
		Fill: func(_ context.Context, _ string, n int, item func([]byte, int) []byte) error {
			for i := range n {
				if _, err := fhir.ParseResource(item(nil, i)); err != nil {
					return err
				}
			}
			return nil
		},
		Engine: func(_ context.Context, _ string, l EngineLoad) (float64, error) {
			return float64(100 * l.Batch * len(l.Resources)), nil
		},
		Readings:   func(dst []byte, client, n int) []byte { return fmt.Appendf(dst, "{%d:%d}", client, n) },
		IngestPath: "/ingest/x",
	}
}

func TestRun(t *testing.T) {
	opts := Options{Clients: 4, Duration: 500 * time.Millisecond, Warmup: 10 * time.Millisecond, Resources: 100, Dir: t.TempDir()}
	report, err := Run(t.Context(), testSystem(), opts, Scenarios()...)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, row := range report.Rows {
		names = append(names, row.Name)
		if row.PerSecond <= 0 || row.P50 <= 0 || row.P99 < row.P50 || row.Ceiling <= 0 || row.Ratio <= 0 {
			t.Errorf("%+v", row)
		}
	}
	if diff := cmp.Diff(Scenarios(), names); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if report.Facts.Cores < 1 || report.Facts.Sync <= 0 {
		t.Errorf("facts %+v", report.Facts)
	}
}

// Who compares rates wants no ceilings.
func TestRunRates(t *testing.T) {
	system := testSystem()
	system.Engine = func(context.Context, string, EngineLoad) (float64, error) {
		return 0, errors.New("the engine was asked")
	}
	opts := Options{Clients: 2, Duration: 300 * time.Millisecond, Resources: 20, RatesOnly: true, Dir: t.TempDir()}
	report, err := Run(t.Context(), system, opts, Scenarios()...)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range report.Rows {
		if row.PerSecond <= 0 || row.Ceiling != 0 || row.Ratio != 0 {
			t.Errorf("%+v", row)
		}
	}
}

// On a database the stores are placed elsewhere and removed in the end, finds are the ceiling of reads, and what cannot be measured leaves the rest of the table.
func TestRunElsewhere(t *testing.T) {
	var placed, removed, found []string
	system := testSystem()
	system.Place = func(purpose string) string {
		placed = append(placed, "db_"+purpose)
		return "db_" + purpose
	}
	system.Remove = func(_ context.Context, store string) error {
		removed = append(removed, store)
		return nil
	}
	system.Ceilings = map[string]Ceiling{"read": {Is: "finds", AimRatio: 0.7}, "ingest": {Is: "inserts"}}
	system.Finds = func(_ context.Context, store string, l FindLoad) (float64, error) {
		found = append(found, store, l.Targets[0])
		return 1e6, nil
	}
	system.Engine = func(context.Context, string, EngineLoad) (float64, error) { return 0, errors.New("no transactions") }
	opts := Options{Clients: 2, Duration: 500 * time.Millisecond, Resources: 10, Dir: t.TempDir()}
	report, err := Run(t.Context(), system, opts, "ingest", "read")
	if err == nil || err.Error() != "ingest: no transactions" {
		t.Errorf("error %v", err)
	}
	if report == nil || len(report.Rows) != 2 || report.Rows[0].Failed != "no transactions" || report.Rows[1].Ceiling != 1e6 || report.Rows[1].CeilingIs != "finds" {
		t.Fatalf("report %+v", report)
	}
	if diff := cmp.Diff([]string{"db_ingest", "db_engine-100", "db_filled"}, placed); diff != "" {
		t.Errorf("placed (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(placed, removed); diff != "" {
		t.Errorf("removed (-placed +removed):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"db_filled", "/fhir/Observation/bench-o-0"}, found); diff != "" {
		t.Errorf("found (-want +got):\n%s", diff)
	}
}

func TestScaleReport(t *testing.T) {
	r := &Report{Facts: Facts{Version: "devel", Go: "go1.26.0", System: "linux/amd64", Cores: 2}, Scale: &Scale{Resources: 1000, Long: 10, Fill: 25_000.4, Disk: 1_230_000_000,
		Rows: []ScaleRow{{Name: "read by id", Clients: 64, PerSecond: 40_000.2, Processor: 45_678, P50: 1_234_567, P99: 5 * time.Millisecond}}}}
	var out bytes.Buffer
	if err := r.WriteTable(&out); err != nil {
		t.Fatal(err)
	}
	want := `firth devel, go1.26.0, linux/amd64, 2 cores, sync 0s
1000 Observations and 10 of one more patient, 1.23 GB on disk, filled at 25000 resources/s

| work       | clients | rate    | processor | p50    | p99 |
| ---        | ---     | ---     | ---       | ---    | --- |
| read by id | 64      | 40000/s | 45.7µs    | 1.23ms | 5ms |
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

func TestRunRefusesWrongAnswers(t *testing.T) {
	system := testSystem()
	system.Serve = func(context.Context, string) (string, func() error, error) {
		s := httptest.NewServer(http.NotFoundHandler())
		return s.Listener.Addr().String(), func() error { s.Close(); return nil }, nil
	}
	opts := Options{Clients: 2, Duration: time.Nanosecond, Dir: t.TempDir()} // one request each is enough to see it
	_, err := Run(t.Context(), system, opts, "create")
	if err == nil || !strings.Contains(err.Error(), "status 404 instead of 201: 404 page not found") {
		t.Errorf("error %v", err)
	}
	if _, err := Run(t.Context(), system, opts, "magic"); err == nil || err.Error() != `no measurement is named "magic"` {
		t.Errorf("error %v", err)
	}
}

func TestLoadEndsWithItsContext(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer s.Close()
	address := s.Listener.Addr().String()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	request := func(dst []byte, _ int, _ *rand.Rand) []byte { return appendRequest(dst, "GET", address, "/", "", nil) }
	l := load{address: address, clients: 2, duration: time.Hour, expect: 200, request: request}
	if _, err := l.run(ctx); err == nil {
		t.Error("no error")
	}
}

func TestReportTable(t *testing.T) {
	r := &Report{
		Facts:   Facts{Version: "devel", Go: "go1.26.0", System: "linux/amd64", CPU: "Test", Cores: 2, Memory: 8 << 30, Sync: 1_234_567},
		Clients: 64, Seconds: 10,
		Rows: []Row{
			{Name: "create", Unit: "Observations/s", PerSecond: 4321.4, P50: 14_512_345, P99: 31_987_654, Ceiling: 6000, CeilingIs: "engine", Ratio: 0.7202, Aim: 4000, AimRatio: 0.6},
			{Name: "ingest", Failed: "no transactions"},
			{Name: "read", Unit: "reads/s", PerSecond: 900, P50: 7_000_000, P99: 20_000_000, Ceiling: 2000, CeilingIs: "finds", Ratio: 0.45, AimRatio: 0.7},
			{Name: "search", Unit: "searches/s", PerSecond: 9000, P50: 7_000_000, P99: 20_000_000, Ceiling: 20_000, CeilingIs: "bare", Ratio: 0.45, Aim: 8000},
		},
		Start: &Start{Resources: 1_000_000, Starts: 5, Ready: 312_345_678, Idle: 100 << 20, Used: 120 << 20},
	}
	var out bytes.Buffer
	if err := r.WriteTable(&out); err != nil {
		t.Fatal(err)
	}
	want := `firth devel, go1.26.0, linux/amd64, 2 cores (Test), 8.0 GiB, sync 1.23ms
64 clients, 10 s each, generator and server on the same cores

| work   | rate                | p50    | p99  | ceiling | ratio | aim        | ceiling is |
| ---    | ---                 | ---    | ---  | ---     | ---   | ---        | ---        |
| create | 4321 Observations/s | 14.5ms | 32ms | 6000    | 0.72  | 4000, 0.60 | engine     |
| ingest | not measured        |        |      |         |       |            |            |
| read   | 900 reads/s         | 7ms    | 20ms | 2000    | 0.45  | 0.70       | finds      |
| search | 9000 searches/s     | 7ms    | 20ms | 20000   | 0.45  | 8000       | bare       |
ingest is not measured: no transactions
start with 1000000 Observations: ready after 312ms, resident 100 MiB idle, 120 MiB after 300 searches (median of 5; aims at 1,000,000: 1 s, 150 MB idle)
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
	out.Reset()
	if err := r.WriteJSON(&out); err != nil {
		t.Fatal(err)
	}
	root, err := fhir.Parse(out.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if got := root.Get("rows").Index(0).Get("p50Nanoseconds").Text(); got != "14512345" {
		t.Errorf("p50 in JSON: %s", got)
	}
}

func TestRunScaleOnly(t *testing.T) {
	system := testSystem()
	opts := Options{Clients: 2, Duration: 100 * time.Millisecond, Resources: 10, Dir: t.TempDir(), Only: "newest 20"}
	report, err := RunScale(t.Context(), system, opts, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, row := range report.Scale.Rows {
		names = append(names, row.Name)
	}
	want := []string{"patient + code, newest 20", "patient + category, newest 20, total", "patient + code + value > 90, newest 20",
		"patient's identifier (chain) + code, newest 20", "newest 20 of all", "long history: newest 20"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}
