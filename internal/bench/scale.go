package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// longPatient has the long history; no other reading is of this patient.
const longPatient = "bench-long"

// Scale is what a store of many Observations answers.
type Scale struct {
	Resources int        `json:"resources"`               // besides the long history
	Long      int        `json:"long"`                    // readings of the one patient who has a long history
	Fill      float64    `json:"fillPerSecond,omitempty"` // 0 when the store was there
	Disk      int64      `json:"diskBytes"`
	Rows      []ScaleRow `json:"rows"`
}

// ScaleRow is one kind of request, over all of the store's patients or resources and not over a few that stay in a cache.
type ScaleRow struct {
	Name      string        `json:"name"`
	Clients   int           `json:"clients"`
	PerSecond float64       `json:"perSecond"`
	Processor time.Duration `json:"processorNanoseconds,omitempty"` // processor time a request, of server and generator; 0 where the system does not tell
	P50       time.Duration `json:"p50Nanoseconds"`
	P99       time.Duration `json:"p99Nanoseconds"`
}

// RunScale measures reads, searches and operations on a store of opts.Resources Observations and one patient with opts.Long more: the store in keep, which is
// filled when it is not there and stays, or a temporary one when keep is empty.
func RunScale(ctx context.Context, system System, opts Options, keep string) (_ *Report, err error) {
	r, facts, err := begin(system, opts)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(r.dir)) }()
	if keep == "" {
		keep = filepath.Join(r.dir, "scale")
	}
	scale := &Scale{Resources: opts.Resources, Long: opts.Long}
	if _, statErr := os.Stat(keep); errors.Is(statErr, fs.ErrNotExist) {
		if scale.Fill, err = r.fillScale(ctx, keep); err != nil {
			return nil, err
		}
	}
	if scale.Disk, err = diskBytes(keep); err != nil {
		return nil, err
	}
	err = r.serve(ctx, keep, func(address string) error {
		scale.Rows, err = r.scaleRows(ctx, address)
		return err
	})
	return &Report{Facts: facts, Seconds: opts.Duration.Seconds(), Scale: scale}, err
}

// fillScale returns how many resources a second the store took.
func (r *run) fillScale(ctx context.Context, dir string) (float64, error) {
	started := time.Now()
	if err := fillStore(ctx, r.System, dir, r.Resources, r.say); err != nil {
		return 0, err
	}
	r.say("adding the long history: %d Observations of one patient", r.Long)
	err := r.Fill(ctx, dir, r.Long, func(dst []byte, i int) []byte {
		return appendReading(dst, longPatient+"-"+strconv.Itoa(i), longPatient, 0, i, i)
	})
	return float64(r.Resources+r.Long) / time.Since(started).Seconds(), err
}

// request is one kind of request; target appends its path and query. With a body it is a POST.
type request struct {
	name    string
	clients int
	target  func(dst []byte, random *rand.Rand) []byte
	body    string
}

// appendTo appends the whole request.
func (q *request) appendTo(dst []byte, address string, random *rand.Rand) []byte {
	if q.body == "" {
		return appendRequest(dst, "GET", address, string(q.target(nil, random)), "", nil)
	}
	return appendRequest(dst, "POST", address, string(q.target(nil, random)), "application/fhir+json", []byte(q.body))
}

func (r *run) scaleRows(ctx context.Context, address string) ([]ScaleRow, error) {
	var rows []ScaleRow
	for _, q := range r.scaleRequests() {
		if !strings.Contains(q.name, r.Only) {
			continue
		}
		r.say("%s, %d clients for %v", q.name, q.clients, r.Duration)
		l := load{address: address, clients: q.clients, warmup: r.Warmup, duration: r.Duration, expect: 200}
		l.request = func(dst []byte, _ int, random *rand.Rand) []byte { return q.appendTo(dst, address, random) }
		before := make(chan time.Duration, 1)
		time.AfterFunc(r.Warmup, func() { before <- processorTime() })
		s, err := l.run(ctx)
		if err == nil && s.failed > 0 {
			err = s.why
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", q.name, err)
		}
		busy := (processorTime() - <-before) / time.Duration(max(1, s.latency.Count()))
		rows = append(rows, ScaleRow{Name: q.name, Clients: q.clients, PerSecond: s.perSecond(), Processor: busy, P50: s.latency.Quantile(0.5), P99: s.latency.Quantile(0.99)})
	}
	return rows, nil
}

// scaleRequests are what a ward's screens, an app and an auditor ask.
func (r *run) scaleRequests() []request {
	patients := Patients(r.Resources)
	all := measures()
	// each is a format of a patient's number and a code.
	each := func(name, format string) request {
		return request{name: name, clients: r.Clients, target: func(dst []byte, random *rand.Rand) []byte {
			return fmt.Appendf(dst, "/fhir/Observation"+format, random.IntN(patients), "http://loinc.org%7C"+all[random.IntN(len(all))].code)
		}}
	}
	return append([]request{
		{name: "read by id", clients: r.Clients, target: func(dst []byte, random *rand.Rand) []byte {
			return append(append(dst, "/fhir/Observation/"...), ObservationID(random.IntN(r.Resources))...)
		}},
		each("patient + code, newest 20", "?patient=bench-%d&code=%s&_sort=-date&_count=20"),
		each("patient + code + ten minutes", "?patient=bench-%d&code=%s&date=ge2024-01-01T01:00:00Z&date=lt2024-01-01T01:10:00Z&_sort=date&_count=50"),
		each("patient + category, newest 20, total", "?patient=bench-%d&category=vital-signs&_sort=-date&_count=20&_total=accurate%.0s"),
		each("patient + code + value > 90, newest 20", "?patient=bench-%d&code=%s&value-quantity=gt90&_sort=-date&_count=20"),
		each("patient's identifier (chain) + code, newest 20", "?patient.identifier=urn:firth:bench%%7C%d&code=%s&_sort=-date&_count=20"),
		{name: "newest 20 of all", clients: r.Clients, target: func(dst []byte, _ *rand.Rand) []byte {
			return append(dst, "/fhir/Observation?_sort=-_lastUpdated&_count=20&_total=none"...)
		}},
		each("$lastn of a patient", "/$lastn?patient=Patient/bench-%d&category=vital-signs%.0s"),
	}, longRequests()...)
}

// longRequests are about the one long history, one at a time.
func longRequests() []request {
	const code = "code=http://loinc.org%7C8867-4"
	one := func(name, target string) request {
		return request{name: "long history: " + name, clients: 1, target: func(dst []byte, _ *rand.Rand) []byte { return append(dst, "/fhir/Observation"+target...) }}
	}
	day := one("$stats of a day", "/$stats")
	day.body = `{"resourceType":"Parameters","parameter":[{"name":"subject","valueUri":"Patient/` + longPatient + `"},` +
		`{"name":"coding","valueCoding":{"system":"http://loinc.org","code":"8867-4"}},{"name":"statistic","valueCode":"average"},` +
		`{"name":"period","valuePeriod":{"start":"2024-01-03","end":"2024-01-03"}}]}`
	return []request{
		one("newest 20", "?patient="+longPatient+"&"+code+"&_sort=-date&_count=20"),
		one("$lastn", "/$lastn?patient=Patient/"+longPatient+"&category=vital-signs&max=3"),
		one("$stats", "/$stats?subject=Patient/"+longPatient+"&code=8867-4&system=http://loinc.org"+
			"&statistic=average&statistic=minimum&statistic=maximum&statistic=count&statistic=std-dev&statistic=median"),
		day,
	}
}

// diskBytes is the size of the files of a store.
func diskBytes(dir string) (total int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	return total, err
}

func (s *Scale) write(w io.Writer) error {
	fmt.Fprintf(w, "%d Observations and %d of one more patient, %.2f GB on disk", s.Resources, s.Long, float64(s.Disk)/1e9)
	if s.Fill > 0 {
		fmt.Fprintf(w, ", filled at %.0f resources/s", s.Fill)
	}
	fmt.Fprint(w, "\n\n")
	table := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	fmt.Fprintln(table, "| work\t| clients\t| rate\t| processor\t| p50\t| p99\t|")
	fmt.Fprintln(table, "| ---\t| ---\t| ---\t| ---\t| ---\t| ---\t|")
	for _, row := range s.Rows {
		fmt.Fprintf(table, "| %s\t| %d\t| %.0f/s\t| %s\t| %s\t| %s\t|\n", row.Name, row.Clients, row.PerSecond, short(row.Processor), short(row.P50), short(row.P99))
	}
	return table.Flush()
}
