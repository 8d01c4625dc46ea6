package server

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/firth-health/firth/search"
)

// reindexJob is a reindex as it is kept in the store: what it is about, and how far it is. A job that was under way when the process ended goes on from its cursor.
type reindexJob struct {
	ID         string         `json:"id"`
	Created    time.Time      `json:"created"`
	Started    time.Time      `json:"started,omitzero"`
	Ended      time.Time      `json:"ended,omitzero"`
	State      jobState       `json:"state"`
	Reason     string         `json:"reason,omitempty"`     // why it failed
	Parameters []string       `json:"parameters,omitempty"` // ids of the SearchParameters it was started for
	Types      []*reindexType `json:"types"`
	Errors     []reindexError `json:"errors,omitempty"` // the first ones

	// Keying is set in a job that makes all keys anew because they were made with something else (see checkKeying); KeyingRevision is that of the record in the store, which changes when
	// anybody writes keys of another kind meanwhile.
	Keying         *search.Keying `json:"keying,omitempty"`
	KeyingRevision uint64         `json:"keying_revision,omitempty"`

	revision uint64
}

// jobKind is the kind of the records of jobs.
const jobKind = "reindex"

type jobState string

const (
	jobQueued    jobState = "queued"
	jobRunning   jobState = "in-progress"
	jobCompleted jobState = "completed"
	jobFaulty    jobState = "completed-with-errors" // all was looked at, but not all could be indexed
	jobFailed    jobState = "failed"                // given up before the end
	jobCancelled jobState = "cancelled"
)

func (s jobState) isOver() bool { return s != jobQueued && s != jobRunning }

// reindexType is how far a job is with one type.
type reindexType struct {
	Type       string            `json:"type"`
	Begun      bool              `json:"begun,omitempty"`
	Ended      bool              `json:"ended,omitempty"`
	Cursor     string            `json:"cursor,omitempty"`
	Total      int               `json:"total"`                // resources when it began
	Done       int               `json:"done"`                 // looked at
	Changed    int               `json:"changed"`              // had other keys
	Superseded int               `json:"superseded"`           // somebody else wrote a version meanwhile, which has its keys
	Failed     int               `json:"failed"`               // could not be indexed, or not for all parameters
	Unread     int               `json:"unread,omitempty"`     // of these: for no parameter
	FailedFor  map[string]int    `json:"failed_for,omitempty"` // of these: for single parameters, by id
	Covers     map[string]string `json:"covers,omitempty"`     // tokens of the parameters it began with, by id
}

// reindexError is a resource that could not be indexed.
type reindexError struct {
	Resource string `json:"resource"`
	Text     string `json:"text"` // without content of the resource
}

// Bounds on jobs.
const (
	maxReindexErrors = 20                 // that are kept
	maxReindexJobs   = 100                // that are over and are kept
	keepReindexJobs  = 7 * 24 * time.Hour // after their end
)

func newReindexJob(now time.Time, types []string) *reindexJob {
	j := &reindexJob{ID: rand.Text(), Created: now.UTC().Truncate(time.Millisecond), State: jobQueued}
	j.extend(types)
	return j
}

// extend adds types.
func (j *reindexJob) extend(types []string) {
	for _, typ := range types {
		if j.of(typ) == nil {
			j.Types = append(j.Types, &reindexType{Type: typ})
		}
	}
}

// isAbout reports whether the types of the job are these.
func (j *reindexJob) isAbout(types []string) bool {
	return slices.EqualFunc(j.Types, types, func(t *reindexType, typ string) bool { return t.Type == typ })
}

// of is the progress in one type; nil when the job is not about it.
func (j *reindexJob) of(typ string) *reindexType {
	for _, t := range j.Types {
		if t.Type == typ {
			return t
		}
	}
	return nil
}

// willCover reports whether the job, as it stands, will make a parameter ready for a type.
func (j *reindexJob) willCover(id, token, typ string) bool {
	t := j.of(typ)
	return !j.State.isOver() && t != nil && !t.Ended && (!t.Begun || t.Covers[id] == token)
}

// fail counts a resource that could not be indexed: for one parameter, or with an empty id for all.
func (j *reindexJob) fail(t *reindexType, resource, parameter, text string) {
	if parameter == "" {
		t.Unread++
	} else {
		if t.FailedFor == nil {
			t.FailedFor = map[string]int{}
		}
		t.FailedFor[parameter]++
	}
	if len(j.Errors) < maxReindexErrors {
		j.Errors = append(j.Errors, reindexError{Resource: resource, Text: text})
	}
}

// outcome tells what a parameter is when the job is through with the type.
func (t *reindexType) outcome(parameter string) (typeReadiness, bool) {
	n := t.Unread + t.FailedFor[parameter]
	if n == 0 {
		return typeReadiness{State: isReady}, true
	}
	return typeReadiness{State: isFailed, Reason: fmt.Sprintf("%s of %s could not be indexed", count(n), counted(max(t.Total, t.Done), t.Type))}, true
}

// sum adds up all types.
func (j *reindexJob) sum() (total reindexType) {
	for _, t := range j.Types {
		total.Total += t.Total
		total.Done += t.Done
		total.Changed += t.Changed
		total.Failed += t.Failed
	}
	return total
}

// count writes a number for people: 1,200.
func count(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// counted is a number of resources of a type: 1 Condition, 20 Conditions.
func counted(n int, typ string) string {
	if n == 1 {
		return "1 " + typ
	}
	return count(n) + " " + typ + "s"
}

// clone is a copy that does not change with the job.
func (j *reindexJob) clone() *reindexJob {
	c := *j
	c.Types = make([]*reindexType, len(j.Types))
	for i, t := range j.Types {
		one := *t
		c.Types[i] = &one
	}
	c.Errors = slices.Clone(j.Errors)
	c.Parameters = slices.Clone(j.Parameters)
	return &c
}
