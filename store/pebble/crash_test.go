package pebble_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	engine "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
	"github.com/firth-health/firth/store/pebble"
)

// TestCrash pulls the plug at random moments under load, on a file system that may lose whatever was not synced: no acknowledged transaction may be missing,
// none may be there in part, and the indexes must agree.
func TestCrash(t *testing.T) {
	ops := readings(t, 0, 9600, 10)
	for round := range 8 {
		t.Run(fmt.Sprint(round), func(t *testing.T) { crash(t, uint64(round), ops) })
	}
}

func crash(t *testing.T, seed uint64, ops []store.Op) {
	disk := vfs.NewCrashableMem()
	s := openOn(t, disk)
	var mu sync.Mutex
	acknowledged := map[string]bool{}
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for w := range 8 {
		all := ops[w*1200 : w*1200+1200]
		writers.Go(func() {
			for i := 0; i+3 <= len(all) && ctx.Err() == nil; i += 3 {
				if _, err := s.Apply(ctx, all[i:i+3]); err != nil {
					if !errors.Is(err, context.Canceled) && !errors.Is(err, fs.ErrClosed) {
						t.Error(err)
					}
					return
				}
				mu.Lock()
				acknowledged[all[i].Key.ID] = true
				mu.Unlock()
			}
		})
	}
	// The time is the subject: wherever in their work the power fails.
	time.Sleep(time.Duration(5+rand.New(rand.NewPCG(seed, 1)).IntN(150)) * time.Millisecond)
	mu.Lock()
	before := make([]string, 0, len(acknowledged))
	for id := range acknowledged {
		before = append(before, id)
	}
	mu.Unlock()
	after := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: int(seed * 14), RNG: rand.New(rand.NewPCG(seed, 2))})
	stop()
	writers.Wait()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	recovered(t, openOn(t, after), before)
}

func openOn(t *testing.T, disk vfs.FS) *pebble.Store {
	t.Helper()
	s, err := pebble.OpenEngine("store", pebble.Options{}, func(o *engine.Options) { o.FS = disk })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func recovered(t *testing.T, s *pebble.Store, acknowledged []string) {
	t.Helper()
	for _, id := range acknowledged {
		if _, err := s.Read(t.Context(), fhir.Key{Type: "Observation", ID: id}); err != nil {
			t.Errorf("an acknowledged write is missing: %v", err)
		}
	}
	page, err := s.Search(t.Context(), &search.Query{Type: "Observation", Plan: search.All{}})
	if err != nil || page.Total%3 != 0 || page.Total < 3*len(acknowledged) {
		t.Errorf("%d resources of transactions of three, %d acknowledged, %v", page.Total, len(acknowledged), err)
	}
	n, err := s.Check(t.Context(), func(f store.Finding) { t.Errorf("%s: %s", f.Key, f.Text) })
	if err != nil || n != page.Total {
		t.Errorf("%d resources checked of %d, %v", n, page.Total, err)
	}
	t.Logf("%d transactions acknowledged, %d there", len(acknowledged), page.Total/3)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
