package deploy

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/firth-health/firth/fhir/spec"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/server"
	"github.com/firth-health/firth/store/pebble"
)

// exposed are the metrics that there are, and their labels.
type exposed struct{ names, labels map[string]bool }

var sample = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{([^}]*)\})? `)

var labelName = regexp.MustCompile(`([a-zA-Z_]+)="`)

// metrics asks a server with the embedded store for its metrics, and adds those of a store on MongoDB from the list that its own test keeps.
func metrics(t *testing.T) exposed {
	t.Helper()
	e := exposed{names: map[string]bool{"up": true}, labels: map[string]bool{"job": true, "instance": true}}
	for line := range strings.Lines(scrape(t)) {
		found := sample.FindStringSubmatch(line)
		if found == nil || line[0] == '#' {
			continue
		}
		e.names[found[1]] = true
		for _, label := range labelName.FindAllStringSubmatch(found[2], -1) {
			e.labels[label[1]] = true
		}
	}
	for _, figure := range mongoFigures(t) {
		name, label, _ := strings.Cut(strings.TrimSuffix(figure, "}"), "{")
		e.names["firth_store_"+name] = true
		if label != "" {
			e.labels[label] = true
		}
	}
	if !e.names["firth_request_duration_seconds_bucket"] || !e.names["firth_store_disk_bytes"] || !e.names["firth_store_commands_total"] {
		t.Fatalf("metrics are missing: %v", e.names)
	}
	return e
}

func mongoFigures(t *testing.T) []string {
	return strings.Fields(read(t, "store/mongo/testdata/figures.txt"))
}

// scrape starts a server, sends it a request, and returns /metrics.
func scrape(t *testing.T) string {
	t.Helper()
	definitions, err := spec.R4()
	if err != nil {
		t.Fatal(err)
	}
	registry, err := search.NewRegistry(definitions, search.Options{References: true})
	if err != nil {
		t.Fatal(err)
	}
	kept, err := pebble.Open(t.TempDir(), pebble.Options{InMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := kept.Close(); err != nil {
			t.Error(err)
		}
	}()
	api, err := server.New(server.Config{Store: kept, Search: registry, Definitions: definitions, BaseURL: "http://127.0.0.1/fhir"})
	if err != nil {
		t.Fatal(err)
	}
	listener := httptest.NewServer(api.Handler())
	defer listener.Close()
	get(t, listener.URL+"/fhir/Patient/none", http.StatusNotFound)
	return get(t, listener.URL+"/metrics", http.StatusOK)
}

func get(t *testing.T, url string, status int) string {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != status {
		t.Fatalf("%s: %s, %v", url, response.Status, err)
	}
	return string(text)
}

var (
	quoted    = regexp.MustCompile(`"[^"]*"`)
	span      = regexp.MustCompile(`\[[^\]]*\]`)
	grouping  = regexp.MustCompile(`\b(?:by|without|on|ignoring) \(([^)]*)\)`)
	selector  = regexp.MustCompile(`\{([^}]*)\}`)
	word      = regexp.MustCompile(`[a-zA-Z_][a-zA-Z0-9_]*`)
	legend    = regexp.MustCompile(`\{\{\s*(?:\$labels\.)?([a-z_]+)\s*\}\}`)
	functions = []string{"rate", "increase", "sum", "histogram_quantile", "vector", "or"}
)

// check holds an expression of PromQL against what there is.
func (e exposed) check(t *testing.T, expression, text string) {
	t.Helper()
	rest := span.ReplaceAllString(quoted.ReplaceAllString(expression, ""), "")
	var labels []string
	for _, pattern := range []*regexp.Regexp{grouping, selector} {
		for _, found := range pattern.FindAllStringSubmatch(rest, -1) {
			labels = append(labels, word.FindAllString(found[1], -1)...)
		}
		rest = pattern.ReplaceAllString(rest, "")
	}
	for _, found := range legend.FindAllStringSubmatch(text, -1) {
		labels = append(labels, found[1])
	}
	for _, label := range labels {
		if !e.labels[label] {
			t.Errorf("%s: no metric has a label %s", expression, label)
		}
	}
	names := 0
	for _, name := range word.FindAllString(rest, -1) {
		if slices.Contains(functions, name) {
			continue
		}
		if names++; !e.names[name] {
			t.Errorf("%s: there is no metric %s", expression, name)
		}
	}
	if names == 0 {
		t.Errorf("%s: no metric at all", expression)
	}
}

func TestDashboard(t *testing.T) {
	var dashboard struct {
		UID    string `json:"uid"`
		Panels []struct {
			ID         int    `json:"id"`
			Title      string `json:"title"`
			Type       string `json:"type"`
			DataSource struct {
				UID string `json:"uid"`
			} `json:"datasource"`
			Position struct{ X, Y, W, H int } `json:"gridPos"`
			Targets  []struct {
				Expr   string `json:"expr"`
				Legend string `json:"legendFormat"`
			} `json:"targets"`
		} `json:"panels"`
	}
	if err := json.Unmarshal([]byte(read(t, "deploy/grafana/dashboards/firth.json")), &dashboard); err != nil {
		t.Fatal(err)
	}
	e := metrics(t)
	ids := map[int]bool{}
	for i, p := range dashboard.Panels {
		if ids[p.ID] || p.Title == "" {
			t.Errorf("panel %d %q: a second one, or without a title", p.ID, p.Title)
		}
		ids[p.ID] = true
		for _, q := range dashboard.Panels[:i] {
			a, b := p.Position, q.Position
			if a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H {
				t.Errorf("panels %q and %q lie on each other", p.Title, q.Title)
			}
		}
		if p.Type == "row" {
			continue
		}
		if p.DataSource.UID != "prometheus" || len(p.Targets) == 0 {
			t.Errorf("panel %q: data source %q, %d queries", p.Title, p.DataSource.UID, len(p.Targets))
		}
		for _, target := range p.Targets {
			e.check(t, target.Expr, target.Legend)
		}
	}
	if dashboard.UID != "firth" || len(ids) < 10 {
		t.Errorf("dashboard %q with %d panels", dashboard.UID, len(ids))
	}
}

func TestAlerts(t *testing.T) {
	var file struct {
		Groups []struct {
			Name  string `yaml:"name"`
			Rules []struct {
				Alert       string            `yaml:"alert"`
				Expr        string            `yaml:"expr"`
				Labels      map[string]string `yaml:"labels"`
				Annotations map[string]string `yaml:"annotations"`
			} `yaml:"rules"`
		} `yaml:"groups"`
	}
	decode(t, "deploy/prometheus/alerts.yml", &file)
	e := metrics(t)
	seen := map[string]bool{}
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			if seen[r.Alert] || r.Alert == "" || r.Annotations["summary"] == "" || r.Labels["severity"] == "" {
				t.Errorf("alert %q: a second one, or without summary or severity", r.Alert)
			}
			seen[r.Alert] = true
			e.check(t, r.Expr, r.Annotations["summary"])
		}
	}
	if len(seen) < 5 {
		t.Errorf("%d alerts", len(seen))
	}
}

// Whoever watches finds each figure explained.
func TestFiguresAreDocumented(t *testing.T) {
	manual := read(t, "docs/mongodb.md")
	for _, figure := range mongoFigures(t) {
		name, _, _ := strings.Cut(figure, "{")
		if !strings.Contains(manual, "`firth_store_"+name+"`") {
			t.Errorf("docs/mongodb.md does not explain firth_store_%s", name)
		}
	}
}
