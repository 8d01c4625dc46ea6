package importer

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/firth-health/firth/fhir"
)

// failed reports one failure.
func (im *importing) failed(f Failure) {
	im.report.fail(f)
	im.counters.failed.Add(1)
}

// done counts one resource.
func (im *importing) done(typ string, what Outcome) {
	im.report.add(typ, what)
	im.counters.done.Add(1)
}

// reply is what the server answered to a Bundle.
type reply struct {
	status int
	root   fhir.Node // absent when the body is not JSON
}

// tries is how often a request is sent that the server was too busy for.
const tries = 6

// post sends a Bundle and waits out 429 and 503, which promise that nothing was done.
func (im *importing) post(ctx context.Context, body []byte) (reply, error) {
	for try := 1; ; try++ {
		response, data, err := im.postOnce(ctx, body)
		if err != nil {
			return reply{}, err
		}
		busy := response.StatusCode == http.StatusServiceUnavailable || response.StatusCode == http.StatusTooManyRequests
		if !busy || try == tries {
			root, err := fhir.Parse(data)
			if err != nil {
				root = fhir.Node{}
			}
			return reply{response.StatusCode, root}, nil
		}
		select {
		case <-time.After(waitFor(response.Header.Get("Retry-After"), try)):
		case <-ctx.Done():
			return reply{}, ctx.Err()
		}
	}
}

func waitFor(retryAfter string, try int) time.Duration {
	if seconds, err := strconv.Atoi(retryAfter); err == nil && seconds >= 0 && seconds <= 60 {
		return time.Duration(seconds) * time.Second
	}
	return time.Duration(try*try) * 100 * time.Millisecond
}

func (im *importing) postOnce(ctx context.Context, body []byte) (*http.Response, []byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, im.opts.Base, bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	request.Header.Set("Content-Type", "application/fhir+json")
	request.Header.Set("Accept", "application/fhir+json")
	request.Header.Set("Prefer", "return=minimal")
	response, err := im.opts.Client.Do(request)
	if err != nil {
		return nil, nil, err
	}
	data, err := io.ReadAll(response.Body)
	if closeErr := response.Body.Close(); err == nil {
		err = closeErr
	}
	return response, data, err
}

// sendBundle posts a batch or transaction and books its entries.
func (im *importing) sendBundle(ctx context.Context, place Failure, b *fhir.Resource) {
	answer, err := im.post(ctx, b.Bytes())
	if err != nil || answer.status >= 300 {
		place.Reason = answer.problem(err)
		im.failed(place)
		return
	}
	request := b.Root().Get("entry").First()
	index := 0
	for entry := range answer.root.Get("entry").Children() {
		im.book(place, index, request, entry.Get("response"))
		request = request.Next()
		index++
	}
	if request.Ok() {
		place.Reason = fmt.Sprintf("the server answered %d entries, fewer than it was sent", index)
		im.failed(place)
	}
}

// book counts one entry of a response.
func (im *importing) book(place Failure, index int, request, response fhir.Node) {
	method := request.Path("request", "method").Text()
	typ, _, _ := strings.Cut(request.Path("request", "url").Text(), "/")
	typ, _, _ = strings.Cut(typ, "?")
	status, _, _ := strings.Cut(response.Get("status").Text(), " ")
	switch {
	case len(status) != 3 || status[0] != '2':
		place.Entry, place.Reason = index, outcomeText(response.Get("outcome"), "status "+response.Get("status").Text())
		im.failed(place)
	case method == http.MethodDelete:
		im.done(typ, Deleted)
	case method == http.MethodGet || method == http.MethodHead:
	case status == "201":
		im.done(typ, Created)
	case method == http.MethodPost:
		im.done(typ, Unchanged)
	default:
		im.done(typ, Updated)
	}
}

// sendItems posts items as one transaction. When the server refuses it, the items are sent as a batch, so that only the bad ones fail; when it is too
// large, in halves.
func (im *importing) sendItems(ctx context.Context, items []item) {
	body := bundleOf(items)
	answer, err := im.post(ctx, body)
	switch {
	case err == nil && answer.status < 300:
		im.bookItems(items, answer)
	case err == nil && answer.status == http.StatusRequestEntityTooLarge && len(items) > 1:
		im.sendItems(ctx, items[:len(items)/2])
		im.sendItems(ctx, items[len(items)/2:])
	case err == nil && answer.status < 500:
		im.sendBatch(ctx, items, body)
	default:
		im.failAll(items, answer.problem(err))
	}
}

func bundleOf(items []item) []byte {
	size := 64
	for _, it := range items {
		size += len(it.data) + 160
	}
	out := beginTransaction(make([]byte, 0, size))
	for _, it := range items {
		out = appendEntry(out, nil, it.data, it.key)
	}
	return endTransaction(out)
}

func (im *importing) sendBatch(ctx context.Context, items []item, transaction []byte) {
	body := bytes.Replace(transaction, []byte(`"type":"transaction"`), []byte(`"type":"batch"`), 1)
	answer, err := im.post(ctx, body)
	if err != nil || answer.status >= 300 {
		im.failAll(items, answer.problem(err))
		return
	}
	im.bookItems(items, answer)
}

func (im *importing) bookItems(items []item, answer reply) {
	entry := answer.root.Get("entry").First()
	for _, it := range items {
		response := entry.Get("response")
		status := response.Get("status").Text()
		switch {
		case strings.HasPrefix(status, "201"):
			im.done(it.key.Type, Created)
		case strings.HasPrefix(status, "2"):
			im.done(it.key.Type, Updated)
		default:
			place := it.place
			place.Reason = outcomeText(response.Get("outcome"), "the server's answer lacks this entry")
			im.failed(place)
		}
		entry = entry.Next()
	}
}

func (im *importing) failAll(items []item, reason string) {
	for _, it := range items {
		place := it.place
		place.Reason = reason
		im.failed(place)
	}
}

// problem says in one line why a request failed.
func (r reply) problem(err error) string {
	if err != nil {
		return err.Error()
	}
	return outcomeText(r.root, fmt.Sprintf("the server answered %d %s", r.status, http.StatusText(r.status)))
}

// maxIssues is how many issues of one outcome are told.
const maxIssues = 3

// outcomeText joins the errors of an OperationOutcome, or is otherwise when there are none.
func outcomeText(outcome fhir.Node, otherwise string) string {
	var parts []string
	for issue := range outcome.Get("issue").Children() {
		if s := issue.Get("severity"); !s.TextIs("error") && !s.TextIs("fatal") {
			continue
		}
		text := issue.Get("diagnostics").Text()
		if text == "" {
			text = issue.Path("details", "text").Text()
		}
		if text == "" {
			text = issue.Get("code").Text()
		}
		if where := issue.Get("expression").First().Text(); where != "" {
			text = where + ": " + text
		}
		if len(parts) == maxIssues {
			return strings.Join(parts, "; ") + "; and more"
		}
		parts = append(parts, text)
	}
	if len(parts) == 0 {
		return otherwise
	}
	return strings.Join(parts, "; ")
}
