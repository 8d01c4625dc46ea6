package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"
)

// Report is a whole run.
type Report struct {
	Facts   Facts   `json:"machine"`
	Clients int     `json:"clients,omitempty"`
	Seconds float64 `json:"secondsEach,omitempty"`
	Rows    []Row   `json:"rows,omitempty"`
	Start   *Start  `json:"start,omitempty"`
	Scale   *Scale  `json:"scale,omitempty"`
}

// Row is one measurement and its ceiling.
type Row struct {
	Name      string        `json:"name"`
	Unit      string        `json:"unit"`
	PerSecond float64       `json:"perSecond"`
	Requests  int           `json:"requests"`
	P50       time.Duration `json:"p50Nanoseconds"` // of a request
	P99       time.Duration `json:"p99Nanoseconds"`
	Ceiling   float64       `json:"ceilingPerSecond"`
	CeilingIs string        `json:"ceiling"`
	Ratio     float64       `json:"ratio"`
	Aim       float64       `json:"aimPerSecond"`       // budget of the design; 0 for none
	AimRatio  float64       `json:"aimRatio,omitempty"` // 0 for none
	Failed    string        `json:"failed,omitempty"`   // why there are no figures
}

// take fills in what a load saw, each good answer standing for that many of the unit.
func (r *Row) take(s *sample, each int) {
	r.Requests = s.latency.Count()
	r.PerSecond = s.perSecond() * float64(each)
	r.P50, r.P99 = s.latency.Quantile(0.5), s.latency.Quantile(0.99)
}

// WriteJSON writes the report as one indented JSON object.
func (r *Report) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

// WriteTable writes the report for people, in Markdown that also reads well on a terminal.
func (r *Report) WriteTable(w io.Writer) error {
	f := r.Facts
	fmt.Fprintf(w, "firth %s, %s, %s, %d cores", f.Version, f.Go, f.System, f.Cores)
	if f.CPU != "" {
		fmt.Fprintf(w, " (%s)", f.CPU)
	}
	if f.Memory > 0 {
		fmt.Fprintf(w, ", %.1f GiB", float64(f.Memory)/(1<<30))
	}
	fmt.Fprintf(w, ", sync %s\n", short(f.Sync))
	if len(r.Rows) > 0 {
		fmt.Fprintf(w, "%d clients, %g s each, generator and server on the same cores\n\n", r.Clients, r.Seconds)
		if err := r.writeRows(w); err != nil {
			return err
		}
	}
	if r.Start != nil {
		return r.Start.write(w)
	}
	if r.Scale != nil {
		return r.Scale.write(w)
	}
	return nil
}

func (r *Report) writeRows(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	fmt.Fprintln(table, "| work\t| rate\t| p50\t| p99\t| ceiling\t| ratio\t| aim\t| ceiling is\t|")
	fmt.Fprintln(table, "| ---\t| ---\t| ---\t| ---\t| ---\t| ---\t| ---\t| ---\t|")
	for _, row := range r.Rows {
		if row.Failed != "" {
			fmt.Fprintf(table, "| %s\t| not measured\t| \t| \t| \t| \t| \t| \t|\n", row.Name)
			continue
		}
		var aims []string
		if row.Aim > 0 {
			aims = append(aims, fmt.Sprintf("%.0f", row.Aim))
		}
		if row.AimRatio > 0 {
			aims = append(aims, fmt.Sprintf("%.2f", row.AimRatio))
		}
		fmt.Fprintf(table, "| %s\t| %.0f %s\t| %s\t| %s\t| %.0f\t| %.2f\t| %s\t| %s\t|\n",
			row.Name, row.PerSecond, row.Unit, short(row.P50), short(row.P99), row.Ceiling, row.Ratio, strings.Join(aims, ", "), row.CeilingIs)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, row := range r.Rows {
		if row.Failed != "" {
			fmt.Fprintf(w, "%s is not measured: %s\n", row.Name, row.Failed)
		}
	}
	return nil
}

// short rounds to three digits.
func short(d time.Duration) string {
	unit := time.Duration(1)
	for d/unit >= 1000 {
		unit *= 10
	}
	return d.Round(unit).String()
}

func readAllAndClose(response *http.Response) ([]byte, error) {
	body, err := io.ReadAll(response.Body)
	return body, errors.Join(err, response.Body.Close())
}
