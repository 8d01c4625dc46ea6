package server

import (
	"net/http"
	"time"

	"github.com/firth-health/firth/store"
)

// delete removes the current version and keeps the history. Deleting what is not there succeeds (R4 http.html#delete).
func (s *Server) delete(x *exchange) (reply, error) {
	op, err := prepareDelete(x)
	if err != nil {
		return reply{}, err
	}
	result, err := s.apply(x, op)
	if err != nil {
		return reply{}, err
	}
	return s.deleted(x, &result), nil
}

// deleted answers a deletion. One that found nothing to delete has no version.
func (s *Server) deleted(x *exchange, result *store.Result) reply {
	out := reply{status: http.StatusNoContent, version: result.Version.Key.Version, lastModified: result.Version.LastUpdated}
	if result.Version.Method != store.Delete {
		out.version, out.lastModified = "", time.Time{}
	}
	if x.prefer.ret == returnOutcome {
		what := "deleted " + x.key.String()
		if result.Version.Method != store.Delete {
			what = "there is no " + x.key.String() + ", so that nothing was deleted"
		}
		out.status, out.outcome = http.StatusOK, informational(what)
	}
	return out
}

func prepareDelete(x *exchange) (store.Op, error) {
	version, err := x.conditions.matchVersion()
	return store.Op{Method: store.Delete, Key: x.key, IfMatch: version}, err
}
