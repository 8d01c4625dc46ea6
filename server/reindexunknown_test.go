package server

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/firth-health/firth/store"
)

// forgetfulStore does what it is told, and cannot say so: the answers of a reindex are lost, as when a database loses its primary.
type forgetfulStore struct {
	reindexable
	seen, last atomic.Int64 // answers so far; the last that is lost, and all before it but the first, which is about the making of a job
}

func (s *forgetfulStore) lost() bool { n := s.seen.Add(1); return n > 1 && n <= s.last.Load() }

func (s *forgetfulStore) PutState(ctx context.Context, kind, id string, value []byte, ifRevision uint64) (uint64, error) {
	revision, err := s.reindexable.PutState(ctx, kind, id, value, ifRevision)
	if err == nil && kind == jobKind && s.lost() {
		return 0, store.ErrUnknown
	}
	return revision, err
}

func (s *forgetfulStore) Rekey(ctx context.Context, all []store.Rekey) ([]store.RekeyResult, error) {
	results, err := s.reindexable.Rekey(ctx, all)
	if err == nil && s.lost() {
		return nil, store.ErrUnknown
	}
	return results, err
}

// TestReindexAnswersLost has a job go on when nobody knows whether one of its steps was done.
func TestReindexAnswersLost(t *testing.T) {
	for _, last := range []int64{2, 3, 4} { // the beginning, a batch of resources, how far it came
		var forgetful *forgetfulStore
		f := newFixture(t, func(c *Config) {
			forgetful = &forgetfulStore{reindexable: c.Store.(reindexable)}
			c.Store = forgetful
		})
		t.Cleanup(f.server.Drain)
		f.putConditions(3)
		f.do("PUT", "/SearchParameter/asserted", asserted)
		f.await(t, f.jobAddress())
		forgetful.seen.Store(0)
		forgetful.last.Store(last)
		got := f.do("POST", "/Condition/$reindex", "")
		report := readReport(t, f.await(t, got.header.Get("Content-Location")).body)
		if report.State != "completed" || report.Total != 3 {
			t.Errorf("up to answer %d lost: %+v", last, report)
		}
		f.finds(t, "/Condition?asserted-date=ge2002", "c2", "c3")
	}
}
