package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/store"
)

// maxWaitingJobs is how many reindex jobs may wait or run.
const maxWaitingJobs = 200

// reindex makes the index keys of resources anew (definitions/Resource-reindex.json): of an instance at once, of a type or of all in a job whose status is at the
// address that the answer gives.
func (s *Server) reindex(x *exchange, in *arguments) (reply, error) {
	if s.parameters == nil {
		return reply{}, store.ErrUnsupported
	}
	if x.interaction.level == instanceLevel {
		return s.reindexInstance(x)
	}
	types, err := s.reindexTypes(x, in)
	if err != nil {
		return reply{}, err
	}
	jobs := s.parameters.jobs
	if jobs.waiting() >= maxWaitingJobs || s.isDraining.Load() {
		return reply{}, refuse(http.StatusServiceUnavailable, fhir.CodeThrottled, "", "%d reindex jobs are waiting; try again later", maxWaitingJobs)
	}
	var id string
	if everything := x.interaction.level == systemLevel && len(in.all("type")) == 0; everything && s.parameters.outdated.Load() {
		id, err = s.parameters.startKeying(x.ctx)
	} else {
		id, err = jobs.queue(x.ctx, types, nil)
	}
	if err != nil {
		return reply{}, err
	}
	jobs.wake()
	return reply{status: http.StatusAccepted, contentLocation: s.links.base + asyncPath + id, outcome: informational("the reindex runs in the background; Content-Location tells how far it is")}, nil
}

// mayReindex reports whether jobs of $reindex are the caller's business.
func (x *exchange) mayReindex() bool {
	return x.grant.Allow(x.ctx, Access{Interaction: "operation", Operation: "reindex"}) == nil
}

// reindexTypes lists what a job is about: types that were asked for, or all that have resources.
func (s *Server) reindexTypes(x *exchange, in *arguments) ([]string, error) {
	asked := in.all("type")
	if x.interaction.level == typeLevel {
		if len(asked) > 0 {
			return nil, fhir.Invalidf(fhir.CodeInvalid, "http.type", "the URL names the type already")
		}
		return []string{x.key.Type}, nil
	}
	var types []string
	for _, arg := range asked {
		if !s.definitions.IsResource(arg.text) {
			return nil, fhir.Invalidf(fhir.CodeValue, "http.type", "%q is not a resource type", printable(arg.text))
		}
		if !slices.Contains(types, arg.text) {
			types = append(types, arg.text)
		}
	}
	if len(asked) > 0 {
		return types, nil
	}
	for _, typ := range s.definitions.ResourceTypes() {
		n, err := s.parameters.total(x.ctx, typ)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			types = append(types, typ)
		}
	}
	return types, nil
}

// reindexInstance makes the keys of one resource anew and answers when that is done.
func (s *Server) reindexInstance(x *exchange) (reply, error) {
	for range conflictRetries {
		v, err := s.store.Read(x.ctx, x.key)
		if err != nil {
			return reply{}, err
		}
		b := reindexed{}
		if err := b.run(x.ctx, s.parameters, []store.Version{*v}); err != nil {
			return reply{}, err
		}
		if b.superseded > 0 {
			continue
		}
		j := newReindexJob(s.clock(), []string{x.key.Type})
		j.State, j.Started, j.Ended = jobCompleted, j.Created, j.Created
		b.note(j, j.Types[0])
		if j.Types[0].Total = 1; b.failed > 0 {
			j.State = jobFaulty
		}
		return reply{status: http.StatusOK, body: j.parameters()}, nil
	}
	return reply{}, store.ErrConflict
}

// reindexStatus tells how far a reindex is: 202 while it waits or runs, then 200.
func (s *Server) reindexStatus(ctx context.Context, id string) (reply, error) {
	var j *reindexJob
	if s.parameters != nil {
		if err := s.parameters.jobs.refresh(ctx); err != nil {
			return reply{}, err
		}
		j = s.parameters.jobs.find(id)
	}
	if j == nil {
		return reply{}, noJob()
	}
	out := reply{status: http.StatusOK, body: j.parameters()}
	if !j.State.isOver() {
		sum := j.sum()
		out.status, out.retryAfter = http.StatusAccepted, true
		out.progress = fmt.Sprintf("%s: %d of %d resources", j.State, sum.Done, sum.Total)
		return out, nil
	}
	out.expires = j.Ended.Add(keepReindexJobs)
	return out, nil
}

// reindexCancel ends a reindex, whose status stays, or forgets one that is over.
func (s *Server) reindexCancel(x *exchange) (reply, error) {
	if s.parameters != nil {
		if found, err := s.parameters.jobs.abandon(x.ctx, x.job); found || err != nil {
			return reply{status: http.StatusAccepted}, err
		}
	}
	return reply{}, noJob()
}

// waiting counts the jobs that are not over.
func (r *reindexing) waiting() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, j := range r.jobs {
		if !j.State.isOver() {
			n++
		}
	}
	return n
}

// jobPart is Parameters.parameter.
type jobPart struct {
	Name           string          `json:"name"`
	ValueCode      string          `json:"valueCode,omitempty"`
	ValueString    string          `json:"valueString,omitempty"`
	ValueInstant   string          `json:"valueInstant,omitempty"`
	ValueInteger   *int            `json:"valueInteger,omitempty"`
	ValueReference *jobReference   `json:"valueReference,omitempty"`
	Resource       json.RawMessage `json:"resource,omitempty"`
	Part           []jobPart       `json:"part,omitempty"`
}

type jobReference struct {
	Reference string `json:"reference"`
}

func integer(name string, n int) jobPart { return jobPart{Name: name, ValueInteger: &n} }

// numbers are those of one type, or of all.
func (t *reindexType) numbers() []jobPart {
	return []jobPart{integer("total", t.Total), integer("done", t.Done), integer("changed", t.Changed), integer("failed", t.Failed)}
}

// parameters is the job as Parameters.
func (j *reindexJob) parameters() []byte {
	sum := j.sum()
	list := append([]jobPart{{Name: "state", ValueCode: string(j.State)}}, sum.numbers()...)
	if j.Reason != "" {
		list = append(list, jobPart{Name: "reason", ValueString: j.Reason})
	}
	for _, at := range []struct {
		name string
		t    time.Time
	}{{"created", j.Created}, {"started", j.Started}, {"ended", j.Ended}} {
		if !at.t.IsZero() {
			list = append(list, jobPart{Name: at.name, ValueInstant: at.t.UTC().Format(fhir.InstantFormat)})
		}
	}
	for _, id := range j.Parameters {
		list = append(list, jobPart{Name: "searchParameter", ValueReference: &jobReference{"SearchParameter/" + id}})
	}
	for _, t := range j.Types {
		list = append(list, jobPart{Name: "type", Part: append([]jobPart{{Name: "name", ValueCode: t.Type}}, t.numbers()...)})
	}
	if len(j.Errors) > 0 {
		outcome := fhir.OperationOutcome{}
		for _, e := range j.Errors {
			outcome.Issues = append(outcome.Issues, fhir.Issue{Severity: fhir.Error, Code: fhir.CodeProcessing, Diagnostics: e.Resource + ": " + e.Text})
		}
		list = append(list, jobPart{Name: "errors", Resource: outcome.AppendJSON(nil)})
	}
	body, err := json.Marshal(struct {
		ResourceType string    `json:"resourceType"`
		Parameter    []jobPart `json:"parameter"`
	}{"Parameters", list})
	if err != nil {
		return nil // strings and numbers always encode
	}
	return body
}

// collectors are the metrics of reindexing.
func (r *reindexing) collectors() []prometheus.Collector {
	locked := func(n *int) func() float64 {
		return func() float64 {
			r.mu.Lock()
			defer r.mu.Unlock()
			return float64(*n)
		}
	}
	return []prometheus.Collector{
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "firth_reindex_jobs", Help: "Reindex jobs that wait or run."}, func() float64 { return float64(r.waiting()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "firth_reindex_keys_outdated", Help: "1 while index keys are being made anew since a release or a setting changed, so that searches may miss resources."}, func() float64 {
			if r.p.outdated.Load() {
				return 1
			}
			return 0
		}),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "firth_reindex_resources_total", Help: "Resources that reindex jobs looked at since the start."}, locked(&r.resources)),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "firth_reindex_failures_total", Help: "Resources that reindex jobs could not index since the start."}, locked(&r.failures)),
	}
}

// startParameters reads the search parameters that are stored and goes on with the jobs of earlier runs.
func (s *Server) startParameters(refresh time.Duration) error {
	p := newParameters(s.store, s.search, s.log)
	if p == nil {
		return nil
	}
	p.jobs, p.changed, p.types = newReindexing(p, s.clock, s.log), s.capabilitiesChanged, s.definitions.ResourceTypes()
	p.others = newProcesses(s.store, p.state, s.search.Keying(), refresh, s.log)
	s.parameters, s.store = p, keyedStore{Store: s.store, p: p}
	s.metrics.registry.MustRegister(p.jobs.collectors()...)
	ctx := p.jobs.ctx
	if err := errors.Join(p.join(ctx), p.jobs.load(ctx), p.load(ctx)); err != nil {
		p.jobs.stop()
		return fmt.Errorf("server: search parameters in the store: %w", err)
	}
	p.listen()
	return nil
}
