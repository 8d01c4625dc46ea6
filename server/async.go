package server

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/firth-health/firth/fhir"
)

// Asynchronous requests (R4 async.html): with Prefer: respond-async a search, a history, a Bundle or an operation is answered with the address of a status,
// which says later what came out. Requests and results are kept in memory: a restart forgets them.

// asyncPath is the address of requests that run in the background.
const asyncPath = "/_async/"

// isAsync reports whether an exchange is to run in the background. Preferences that make no sense are ignored (RFC 7240).
func (x *exchange) isAsync() bool {
	return x.prefer.async && x.interaction.slow && x.interaction.level != operational && x.interaction.name != "$reindex" // which has a status of its own
}

// job is a request in the background. Its id cannot be guessed: who knows it may see the result.
type job struct {
	id     string
	owner  string // as its Grant says
	start  time.Time
	cancel context.CancelFunc
	done   chan struct{}

	// What came out, once done is closed.
	result []byte // a Bundle
	end    time.Time
}

func (j *job) isDone() bool {
	select {
	case <-j.done:
		return true
	default:
		return false
	}
}

// jobs are the requests in the background of a server, running and done.
type jobs struct {
	mu   sync.Mutex
	byID map[string]*job
}

// add takes a job on unless there are too many. Results nobody wants any more make room.
func (l *jobs) add(j *job, limit int, expired time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, old := range l.byID {
		if old.isDone() && old.end.Before(expired) {
			delete(l.byID, id)
		}
	}
	if len(l.byID) >= limit {
		return false
	}
	if l.byID == nil {
		l.byID = map[string]*job{}
	}
	l.byID[j.id] = j
	return true
}

// get finds a job of an owner; nil when there is none.
func (l *jobs) get(id, owner string) *job {
	l.mu.Lock()
	defer l.mu.Unlock()
	if j := l.byID[id]; j != nil && j.owner == owner {
		return j
	}
	return nil
}

// remove takes a job of an owner out of the list; nil when it is not there.
func (l *jobs) remove(id, owner string) *job {
	j := l.get(id, owner)
	if j != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.byID, id)
	}
	return j
}

// stop cancels all.
func (l *jobs) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, j := range l.byID {
		j.cancel()
	}
}

// startJob lets the exchange run in the background, once it is known to be allowed and sound.
func (s *Server) startJob(x *exchange) (reply, error) {
	if err := s.authorise(x); err != nil {
		return reply{}, err
	}
	if x.interaction.check != nil {
		if err := x.interaction.check(x); err != nil {
			return reply{}, err
		}
	}
	background := *x
	ctx, cancel := context.WithTimeout(context.WithoutCancel(x.ctx), s.limits.JobTime)
	background.ctx = ctx
	j := &job{id: rand.Text(), owner: x.grant.Owner(), start: s.clock(), cancel: cancel, done: make(chan struct{})}
	if s.isDraining.Load() || !s.jobs.add(j, s.limits.Jobs, j.start.Add(-s.limits.JobTime)) {
		cancel()
		return reply{}, refuse(http.StatusServiceUnavailable, fhir.CodeThrottled, "",
			"too many asynchronous requests are running or have results that were not deleted; delete those you have read, or try again later")
	}
	go s.runJob(j, &background)
	return reply{status: http.StatusAccepted, contentLocation: s.links.base + asyncPath + j.id, outcome: &fhir.OperationOutcome{Issues: []fhir.Issue{{
		Severity: fhir.Information, Code: fhir.CodeInformational, Diagnostics: "the request runs in the background; Content-Location tells where its result will be"}}}}, nil
}

// runJob performs the exchange and keeps what it answers as the entry of a batch-response.
func (s *Server) runJob(j *job, x *exchange) {
	defer close(j.done)
	defer j.cancel()
	out := s.performSafely(x)
	body, err := s.jobBundle(&out)
	if err != nil {
		out = s.failure(x, err)
		if body, err = s.jobBundle(&out); err != nil {
			s.log.Error("asynchronous request has no answer", "request_id", x.requestID, "error", err)
		}
	}
	j.result, j.end = body, s.clock()
	s.audited(x, out)
}

// performSafely is perform, with a panic answered as over HTTP.
func (s *Server) performSafely(x *exchange) (out reply) {
	defer func() {
		if cause := recover(); cause != nil {
			s.log.ErrorContext(x.ctx, "panic", "interaction", x.interaction.name, "request_id", x.requestID, "cause", cause, "stack", string(debug.Stack()))
			out = s.failure(x, errPanic)
		}
	}()
	return s.perform(x)
}

func (s *Server) jobBundle(out *reply) ([]byte, error) {
	var whole bytes.Buffer
	w := bufio.NewWriter(&whole)
	b := bundleWriter{w: w, links: s.links}
	b.begin("batch-response", s.newID(), s.clock())
	b.answered(out)
	err := errors.Join(b.end(), w.Flush())
	return whole.Bytes(), err
}

// jobStatus tells how far a job is: 202 while it runs, then 200 with the result.
func (s *Server) jobStatus(x *exchange) (reply, error) {
	j := s.jobs.get(x.job, x.grant.Owner())
	if j == nil {
		if !x.mayReindex() {
			return reply{}, noJob()
		}
		return s.reindexStatus(x.ctx, x.job)
	}
	expires := s.limits.JobTime
	if j.isDone() && s.clock().Sub(j.end) > expires {
		return reply{}, noJob()
	}
	if !j.isDone() {
		return reply{status: http.StatusAccepted, retryAfter: true, progress: fmt.Sprintf("running for %v", s.clock().Sub(j.start).Round(time.Second))}, nil
	}
	return reply{status: http.StatusOK, body: j.result, expires: j.end.Add(expires)}, nil
}

// jobCancel ends a job, or forgets its result.
func (s *Server) jobCancel(x *exchange) (reply, error) {
	j := s.jobs.remove(x.job, x.grant.Owner())
	if j == nil {
		if !x.mayReindex() {
			return reply{}, noJob()
		}
		return s.reindexCancel(x)
	}
	j.cancel()
	return reply{status: http.StatusAccepted}, nil
}

func noJob() error {
	return refuse(http.StatusNotFound, fhir.CodeNotFound, "", "no asynchronous request has this address; it was cancelled, its result expired, or the server was restarted")
}
