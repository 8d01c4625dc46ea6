package server

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

var async = []string{"Prefer", "respond-async"}

// await asks for the status until the request is done.
func (f *fixture) await(t *testing.T, address string) answer {
	t.Helper()
	for begun := time.Now(); time.Since(begun) < patience; time.Sleep(5 * time.Millisecond) {
		if got := f.do("GET", address, ""); got.status != 202 {
			return got
		}
	}
	t.Fatal("the request does not end")
	return answer{}
}

// TestAsync sends what can be long to the background and reads the result at the address of its status.
func TestAsync(t *testing.T) {
	f := newFixture(t)
	referring(f)
	accepted := info("the request runs in the background; Content-Location tells where its result will be")
	for _, test := range []struct{ name, method, path, body, status, want string }{
		{"search", "GET", "/Patient?family=berg", "", "200 OK", `"type":"searchset","total":1,"link":[{"relation":"self","url":"BASE/Patient?family=berg"}`},
		{"search in a compartment", "GET", "/Patient/p/*", "", "200 OK", `"fullUrl":"BASE/Observation/a"`},
		{"search of the system", "GET", "?_type=Device", "", "200 OK", `"fullUrl":"BASE/Device/d"`},
		{"history", "GET", "/_history?_count=1", "", "200 OK", `"type":"history"`},
		{"batch", "POST", "", `{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"Patient/q"}}]}`, "200 OK", `"type":"batch-response","entry":[{"resource":{"resourceType":"Patient"`},
		{"transaction that fails", "POST", "", `{"resourceType":"Bundle","type":"transaction","entry":[{"resource":{"resourceType":"Patient","id":"p"},"request":{"method":"PUT","url":"Patient/p","ifMatch":"W/\"9\""}}]}`, "412 Precondition Failed", `"outcome":{"resourceType":"OperationOutcome"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := f.do(test.method, test.path, test.body, async...)
			location := got.header.Get("Content-Location")
			diff(t, []any{202, accepted, true}, []any{got.status, got.body, strings.HasPrefix(location, f.base+"/_async/")})
			done := f.await(t, location)
			b := parseBundle(t, done.body)
			diff(t, []any{200, "batch-response", []string{test.status}}, []any{done.status, b.Type, b.statuses()})
			if part := strings.ReplaceAll(test.want, "BASE", f.base); !strings.Contains(done.body, part) {
				t.Errorf("no %s in %s", part, done.body)
			}
			if _, err := time.Parse(time.RFC1123, done.header.Get("Expires")); err != nil {
				t.Error(err)
			}
			f.run(t, []step{
				{name: "as XML", method: "GET", path: location, headers: []string{"Accept", "application/fhir+xml"}, status: 200, answer: `...<type value="batch-response"/>`},
				{name: "forget", method: "DELETE", path: location, status: 202},
				{name: "forgotten", method: "GET", path: location, status: 404, answer: "...no asynchronous request has this address"},
				{name: "forget again", method: "DELETE", path: location, status: 404, answer: "*"},
			})
		})
	}
	f.run(t, []step{
		{name: "refused at once", method: "GET", path: "/Patient?birthdate=x", headers: async, status: 400, want: []string{"Content-Location:"}, answer: "*"},
		{name: "a read is short", method: "GET", path: "/Patient/p", headers: async, status: 200, want: []string{"Content-Location:"}, answer: "*"},
	})
}

// TestAsyncJobs drives requests that wait: their progress, their end by cancellation, by a panic and by the end of the server, and their number.
func TestAsyncJobs(t *testing.T) {
	var now atomic.Int64
	f := newFixture(t, func(c *Config) {
		c.Limits.Jobs, c.Limits.JobTime = 2, time.Minute
		c.Clock = func() time.Time { return fixedClock().Add(time.Duration(now.Load())) }
	})
	goOn, ended := make(chan string), make(chan error, 10)
	waiting := &interaction{name: "waiting", level: systemLevel, method: "GET", path: "/$wait", slow: true, handle: func(x *exchange) (reply, error) {
		select {
		case what := <-goOn:
			if what == "panic" {
				panic("on purpose")
			}
			return reply{status: 200, body: []byte(`{"resourceType":"Basic"}`)}, nil
		case <-x.ctx.Done():
			ended <- x.ctx.Err()
			return reply{}, x.ctx.Err()
		}
	}}
	f.server.engine.GET(Mount+"/$wait", f.server.route(waiting))
	start := func() string { return f.do("GET", "/$wait", "", async...).header.Get("Content-Location") }
	one, two := start(), start()
	now.Store(int64(5 * time.Second))
	f.run(t, []step{
		{name: "progress", method: "GET", path: one, status: 202, want: []string{"X-Progress: running for 5s", "Retry-After: 1"}},
		{name: "too many", method: "GET", path: "/$wait", headers: async, status: 503, want: []string{"Retry-After: 1"}, answer: "...too many asynchronous requests"},
		{name: "cancel", method: "DELETE", path: one, status: 202},
		{name: "cancelled", method: "GET", path: one, status: 404, answer: "*"},
	})
	if err := <-ended; err == nil {
		t.Error("the request was not cancelled")
	}
	goOn <- "panic"
	diff(t, []string{"500 Internal Server Error"}, parseBundle(t, f.await(t, two).body).statuses())
	three := start()
	goOn <- "on"
	got := f.await(t, three)
	diff(t, []string{"200 OK"}, parseBundle(t, got.body).statuses())
	now.Store(int64(2 * time.Minute))
	f.run(t, []step{{name: "expired", method: "GET", path: three, status: 404, answer: "*"}})
	four := start() // takes the place of what expired
	f.server.Drain()
	<-ended
	diff(t, []string{fmt.Sprint(499, " ")}, parseBundle(t, f.await(t, four).body).statuses())
	f.run(t, []step{{name: "no more", method: "GET", path: "/$wait", headers: async, status: 503, answer: "*"}})
}
