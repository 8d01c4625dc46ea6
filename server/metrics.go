package server

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/firth-health/firth/store"
)

// metrics counts what goes through the pipeline, in a registry of its own.
type metrics struct {
	registry *prometheus.Registry
	inFlight prometheus.Gauge
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec

	known sync.Map // series -> counters, so that a request looks up one map instead of hashing labels
}

type series struct {
	interaction string
	status      int
}

type counters struct {
	requests prometheus.Counter
	duration prometheus.Observer
}

func newMetrics(s store.Store) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{Name: "firth_requests_in_flight", Help: "Requests being handled now."}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "firth_requests_total", Help: "Requests by interaction and HTTP status."}, []string{"interaction", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "firth_request_duration_seconds", Help: "Time from the request's header to the end of the answer.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"interaction"}),
	}
	m.registry.MustRegister(m.inFlight, m.requests, m.duration, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.registry.MustRegister(storeCollector{store.Unwrap(s)})
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

func (m *metrics) begin() { m.inFlight.Inc() }

func (m *metrics) end(in *interaction, status int, took time.Duration) {
	m.inFlight.Dec()
	key := series{in.name, status}
	found, ok := m.known.Load(key)
	if !ok {
		found, _ = m.known.LoadOrStore(key, counters{
			requests: m.requests.WithLabelValues(in.name, strconv.Itoa(status)),
			duration: m.duration.WithLabelValues(in.name),
		})
	}
	c := found.(counters)
	c.requests.Inc()
	c.duration.Observe(took.Seconds())
}

// storeCollector reads the figures of the store when they are asked for.
type storeCollector struct{ store store.Store }

// Describe sends nothing: the figures are the store's own (an unchecked collector).
func (storeCollector) Describe(chan<- *prometheus.Desc) {}

// Collect sends the figures of this moment.
func (c storeCollector) Collect(out chan<- prometheus.Metric) {
	if s, ok := c.store.(store.Figures); ok {
		for name, value := range s.Figures() {
			out <- figure(name, nil, value)
		}
	}
	if s, ok := c.store.(store.LabelledFigures); ok {
		for _, f := range s.LabelledFigures() {
			out <- figure(f.Name, []string{f.Label}, f.Value, f.Of)
		}
	}
}

// figure is a figure of the store as Prometheus has it.
func figure(name string, labels []string, value float64, of ...string) prometheus.Metric {
	kind := prometheus.GaugeValue
	if strings.HasSuffix(name, "_total") {
		kind = prometheus.CounterValue
	}
	return prometheus.MustNewConstMetric(prometheus.NewDesc("firth_store_"+name, "Figure of the store.", labels, nil), kind, value, of...)
}
