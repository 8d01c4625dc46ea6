package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/store"
)

// statusClientClosed is what logs and metrics show for a client that went away; it is never sent.
const statusClientClosed = 499

// refusal is an error whose status is not that of its issue code.
type refusal struct {
	status  int
	outcome *fhir.OperationOutcome
	allow   string // the Allow header of a 405

	challenge string // the WWW-Authenticate header of a 401
}

func (r *refusal) Error() string { return r.outcome.Error() }

func refuse(status int, code fhir.IssueType, expression, format string, args ...any) error {
	return &refusal{status: status, outcome: fhir.Invalidf(code, expression, format, args...)}
}

// pointed makes a refusal one about an element. What it says of a search parameter stays said in the diagnostics.
func pointed(expression string, err error) error {
	var outcome *fhir.OperationOutcome
	refused := (*refusal)(nil)
	if errors.As(err, &refused) {
		outcome = refused.outcome
	} else if !errors.As(err, &outcome) {
		return err
	}
	located := &fhir.OperationOutcome{Issues: slices.Clone(outcome.Issues)}
	for i := range located.Issues {
		if parameter, ok := strings.CutPrefix(located.Issues[i].Expression, "http."); ok {
			located.Issues[i].Diagnostics = parameter + ": " + located.Issues[i].Diagnostics
		}
		located.Issues[i].Expression = expression
	}
	if refused == nil {
		return located
	}
	moved := *refused
	moved.outcome = located
	return &moved
}

// entryError names the entry of a Bundle that an error is about.
type entryError struct {
	index int
	err   error
	alone bool // of a batch: the status is that of the entry, not of the request
}

func (e *entryError) Error() string { return fmt.Sprintf("Bundle.entry[%d]: %v", e.index, e.err) }
func (e *entryError) Unwrap() error { return e.err }

// keyedError is an error about a resource other than the one of the request's URL.
type keyedError struct {
	key fhir.Key
	err error
}

func (e *keyedError) Error() string { return e.err.Error() }
func (e *keyedError) Unwrap() error { return e.err }

func about(key fhir.Key, err error) error { return &keyedError{key, err} }

// The one table from what parts of Firth report to what a client is told (R4 http.html#Status-Codes). What is in neither list is a 500
// without a word about its cause.
var sentinels = [...]struct {
	err    error
	status int
	code   fhir.IssueType
	text   string
}{
	{store.ErrUnknown, http.StatusServiceUnavailable, fhir.CodeTransient, "the answer of the storage was lost, so that it is unknown whether this was done; read it to find out. " +
		"To send it again is safe where it is idempotent: PUT, DELETE, and a create with If-None-Exist"},
	{store.ErrNotFound, http.StatusNotFound, fhir.CodeNotFound, "not found"},
	{store.ErrGone, http.StatusGone, fhir.CodeDeleted, "has been deleted"},
	{store.ErrConflict, http.StatusConflict, fhir.CodeConflict, "another client changed it at the same time; read it again and retry"},
	{store.ErrPrecondition, http.StatusPreconditionFailed, fhir.CodeConflict, "the current version is not the one that If-Match or If-None-Match asks for"},
	{store.ErrMultiple, http.StatusPreconditionFailed, fhir.CodeMultipleMatches, "more than one resource matches the condition"},
	{store.ErrUnsupported, http.StatusNotImplemented, fhir.CodeNotSupported, "not supported with the storage this server runs on"},
	{store.ErrBusy, http.StatusServiceUnavailable, fhir.CodeThrottled, "the server is overloaded; nothing was done, try again later"},
	{store.ErrTooCostly, http.StatusBadRequest, fhir.CodeTooCostly, "takes more work than one search may cost; narrow it"},
	{store.ErrBadCursor, http.StatusBadRequest, fhir.CodeValue, "the page link is not valid for this search"},
	{context.DeadlineExceeded, http.StatusServiceUnavailable, fhir.CodeTimeout, "the request took too long and was given up"},
	{context.Canceled, statusClientClosed, fhir.CodeTransient, "the client went away"},
}

// issueStatus is the status of an issue type that came without one.
func issueStatus(code fhir.IssueType) int {
	switch code {
	case fhir.CodeLogin:
		return http.StatusUnauthorized
	case fhir.CodeForbidden, fhir.CodeSecurity:
		return http.StatusForbidden
	case fhir.CodeNotFound:
		return http.StatusNotFound
	case fhir.CodeDeleted:
		return http.StatusGone
	case fhir.CodeConflict:
		return http.StatusConflict
	case fhir.CodeMultipleMatches:
		return http.StatusPreconditionFailed
	case fhir.CodeTooLong, fhir.CodeTooCostly:
		return http.StatusRequestEntityTooLarge
	case fhir.CodeBusinessRule, fhir.CodeProcessing, fhir.CodeInvariant:
		return http.StatusUnprocessableEntity
	case fhir.CodeThrottled, fhir.CodeTransient, fhir.CodeTimeout:
		return http.StatusServiceUnavailable
	case fhir.CodeException:
		return http.StatusInternalServerError
	}
	return http.StatusBadRequest
}

// classify turns an error into what the client is told. known is false for errors nobody foresaw, which must be logged.
func classify(err error, key fhir.Key) (status int, outcome *fhir.OperationOutcome, known bool) {
	var refused *refusal
	if errors.As(err, &refused) {
		return refused.status, refused.outcome, true
	}
	for _, row := range sentinels {
		if errors.Is(err, row.err) {
			return row.status, fhir.Invalidf(row.code, "", "%s%s", subject(key), row.text), true
		}
	}
	if errors.As(err, &outcome) && len(outcome.Issues) > 0 {
		return statusOf(outcome), outcome, true
	}
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return http.StatusRequestEntityTooLarge, bodyTooLarge(tooLarge.Limit), true
	}
	return http.StatusInternalServerError, fhir.Invalidf(fhir.CodeException, "", "internal error; the log of the server has the details under the X-Request-Id of this answer"), false
}

func subject(key fhir.Key) string {
	switch {
	case key.Type == "":
		return ""
	case key.ID == "":
		return key.Type + ": "
	}
	return key.String() + ": "
}

// statusOf is the status of the first issue that is an error.
func statusOf(outcome *fhir.OperationOutcome) int {
	for _, issue := range outcome.Issues {
		if issue.Severity == fhir.Error || issue.Severity == fhir.Fatal {
			return issueStatus(issue.Code)
		}
	}
	return http.StatusBadRequest
}

func bodyTooLarge(limit int64) *fhir.OperationOutcome {
	return fhir.Invalidf(fhir.CodeTooLong, "", "the body is larger than the limit of %d bytes", limit)
}

// failure is the reply to an error; it logs what it does not tell.
func (s *Server) failure(x *exchange, err error) reply {
	key := x.key
	var entry *entryError
	if errors.As(err, &entry) {
		key = fhir.Key{}
	}
	if keyed := (*keyedError)(nil); errors.As(err, &keyed) {
		key = keyed.key
	}
	status, outcome, known := classify(err, key)
	if errors.Is(err, store.ErrPrecondition) && entry == nil {
		outcome = x.conditions.unmet(outcome)
	}
	if !known {
		s.log.ErrorContext(x.ctx, "interaction failed", "interaction", x.interaction.name, "request_id", x.requestID, "error", err)
	}
	if entry != nil {
		outcome = entry.locate(outcome)
		if !entry.alone && (status == http.StatusNotFound || status == http.StatusMethodNotAllowed) {
			status = http.StatusBadRequest // it is the Bundle that is wrong, not the address it was sent to
		}
	}
	out := reply{status: status, outcome: outcome, failed: true}
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable && !errors.Is(err, store.ErrUnknown) { // who follows Retry-After blindly would create twice
		out.retryAfter = true
	}
	if refused := (*refusal)(nil); errors.As(err, &refused) && entry == nil {
		out.allow, out.challenge = refused.allow, refused.challenge
	}
	return out
}

// locate makes the expressions of an outcome about the Bundle: Patient.birthDate becomes Bundle.entry[3].resource.birthDate.
func (e *entryError) locate(outcome *fhir.OperationOutcome) *fhir.OperationOutcome {
	at := fmt.Sprintf("Bundle.entry[%d]", e.index)
	located := &fhir.OperationOutcome{Issues: make([]fhir.Issue, len(outcome.Issues))}
	for i, issue := range outcome.Issues {
		switch expression := issue.Expression; {
		case strings.HasPrefix(expression, "http."):
			issue.Diagnostics = expression + ": " + issue.Diagnostics
			issue.Expression = at
		case strings.HasPrefix(expression, "Bundle.entry."):
			issue.Expression = at + strings.TrimPrefix(expression, "Bundle.entry")
		case expression == "":
			issue.Expression = at
		case expression[0] >= 'a': // an element of a resource whose type is not known
			issue.Expression = at + ".resource." + expression
		default:
			_, rest, nested := strings.Cut(expression, ".")
			issue.Expression = at + ".resource"
			if nested {
				issue.Expression += "." + rest
			}
		}
		located.Issues[i] = issue
	}
	return located
}
