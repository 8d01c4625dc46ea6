package pebble_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
	"github.com/firth-health/firth/store/pebble"
)

// ids keeps a journal of the ids that were written.
type ids struct{ next int }

type idEntry struct{ records []store.Record }

func (k *ids) Enter(notes []store.Noted) (store.Entry, error) {
	var list []string
	for _, n := range notes {
		list = append(list, n.Note.(string))
	}
	k.next++
	return &idEntry{[]store.Record{{Kind: "journal", ID: fmt.Sprintf("%08d", k.next), Value: []byte(strings.Join(list, " "))}}}, nil
}

func (e *idEntry) Records() []store.Record { return e.records }
func (*idEntry) Abandoned(error)           {}
func (*idEntry) Durable(error)             {}

// TestJournalCrash pulls the plug under load, on a file system that may lose whatever was not synced: each resource that is there is in the journal, and each that is in the journal is there.
func TestJournalCrash(t *testing.T) {
	ops := readings(t, 0, 9600, 10)
	for round := range 6 {
		t.Run(fmt.Sprint(round), func(t *testing.T) { journalCrash(t, uint64(round), ops) })
	}
}

func journalCrash(t *testing.T, seed uint64, ops []store.Op) {
	disk := vfs.NewCrashableMem()
	s := openOn(t, disk)
	if err := s.Keep(t.Context(), &ids{}); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(seed, 3))
	due := int64(1 + random.IntN(2000))
	var answered atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	var after *vfs.MemFS
	var pull sync.Once
	var writers sync.WaitGroup
	for w := range 8 {
		writers.Go(func() {
			for _, op := range ops[w*1200 : w*1200+1200] {
				op.Note = op.Key.ID
				if _, err := s.Apply(ctx, []store.Op{op}); err != nil {
					if !errors.Is(err, context.Canceled) && !errors.Is(err, fs.ErrClosed) {
						t.Error(err)
					}
					return
				}
				if answered.Add(1) == due {
					pull.Do(func() { after = disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: int(seed * 20), RNG: random}) })
					stop()
				}
			}
		})
	}
	writers.Wait()
	stop()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openOn(t, after)
	defer s.Close()
	there, inJournal := written(t, s), journalled(t, s)
	if diff := cmp.Diff(there, inJournal); diff != "" {
		t.Errorf("-there +in the journal\n%s", diff)
	}
	t.Logf("%d answered, %d there", due, len(there))
	if int64(len(there)) < due {
		t.Errorf("%d answered, %d there", due, len(there))
	}
}

// written are the resources of a store.
func written(t *testing.T, s *pebble.Store) map[string]bool {
	t.Helper()
	page, err := s.Search(t.Context(), &search.Query{Type: "Observation", Plan: search.All{}, Count: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for i := range page.Matches {
		found[page.Matches[i].Key.ID] = true
	}
	return found
}

// journalled are those its journal names.
func journalled(t *testing.T, s *pebble.Store) map[string]bool {
	t.Helper()
	records, err := s.ListState(t.Context(), "journal", "", 10_000)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for i := range records {
		for _, id := range strings.Fields(string(records[i].Value)) {
			found[id] = true
		}
	}
	return found
}
