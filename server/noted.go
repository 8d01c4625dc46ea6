package server

import (
	"net/http"

	"github.com/firth-health/firth/audit"
	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/store"
)

// noted is what a commit says of an exchange to the audit trail. Over a store that keeps a journal ([store.Journal]) the event is part of the commit, and need not be recorded behind it.
type noted struct {
	x       *exchange
	event   *audit.Event // as far as it is known before the commit
	results int          // how many of the commit's are of the exchange
}

// noted begins the event of an exchange whose operations are about to be committed.
func (s *Server) noted(x *exchange, ops int) noted {
	return noted{x: x, event: s.event(x, &reply{status: http.StatusOK}), results: ops}
}

// noting hands events to the commit of operations: those of the exchanges, in the order of their operations. The function returned is to be called when the commit has succeeded.
func noting(ops []store.Op, all ...noted) (committed func()) {
	note := &audit.Note{Tell: func(results []store.Result, record func(*audit.Event)) {
		for i := range all {
			own := results[:all[i].results]
			results = results[all[i].results:]
			record(all[i].completed(own))
		}
	}}
	ops[0].Note = note
	return func() {
		if note.Kept() {
			for i := range all {
				all[i].x.isNoted = true
			}
		}
	}
}

// completed is the event with what the commit decided. The exchange may have been given up meanwhile; of what is used here nothing changes then, but for the collector, which is safe.
func (n *noted) completed(results []store.Result) *audit.Event {
	e, x := n.event, n.x
	for i := range results {
		x.patients.Add(results[i].Version.Key, results[i].Version.JSON)
	}
	if ids := x.patients.IDs(); len(ids) > 0 {
		e.Patients = ids
	}
	if len(results) == 0 {
		return e
	}
	e.Status, e.Key = x.committedStatus(results), x.committedKey(e.Key, &results[0])
	return e
}

// committedStatus is the one that the answer will have.
func (x *exchange) committedStatus(results []store.Result) int {
	switch x.interaction.name {
	case audit.Ingest:
		for i := range results {
			if !results[i].Existing {
				return http.StatusCreated
			}
		}
	case "delete":
		if x.prefer.ret != returnOutcome {
			return http.StatusNoContent
		}
	case "create", "update", "patch":
		if results[0].Created {
			return http.StatusCreated
		}
	}
	return http.StatusOK
}

// committedKey is the resource that was written, where the interaction is about one.
func (x *exchange) committedKey(key fhir.Key, result *store.Result) fhir.Key {
	written := result.Version.Key
	switch {
	case written.Type != key.Type || key.ID != "" && key.ID != written.ID:
		return key
	case x.interaction.name == "delete" && (key.ID == "" || result.Version.Method != store.Delete):
		return key
	}
	return written
}
