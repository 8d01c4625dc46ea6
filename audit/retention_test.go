package audit

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/firth-health/firth/store"
)

// TestRetention removes old events twice: what is left stays proven, the gap is signed, and a forged gap is found.
func TestRetention(t *testing.T) {
	s := memoryStore(t)
	clock := newTicking()
	trail := openTrail(t, Options{Store: s, CheckpointEvents: 100, Delay: time.Hour, Clock: clock.now})
	fill := func(n int) {
		t.Helper()
		for i := range n {
			must(t, trail, readOf(i))
		}
		if err := trail.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	retain := func(before time.Time, want uint64) {
		t.Helper()
		n, err := trail.Retain(t.Context(), before)
		if err != nil || n != want {
			t.Fatalf("%d events removed, want %d: %v", n, want, err)
		}
	}
	fill(50)
	fill(50)
	first := clock.now()
	fill(50)
	retain(first, 101) // the start, and two blocks of 50
	retain(first, 0)
	fill(50)
	second := clock.now()
	fill(50)
	retain(second, 101)     // 50, the event of the first retention, 50
	fill(1)                 // which is one block, whatever the writer is at
	retain(clock.now(), 51) // all but the newest block
	closeTrail(t, trail)
	r := intact(t, s)
	if r.Removed != 253 || r.From != 254 {
		t.Errorf("%+v", r)
	}
	reader, err := OpenReader(s, testRegistry(t), testBase)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	n, err := reader.Export(t.Context(), ExportOptions{}, testRegistry(t), &out)
	if err != nil || uint64(n) != r.Events {
		t.Errorf("%d exported of %d: %v", n, r.Events, err)
	}
	if !strings.Contains(out.String(), "chain 1, events 203 to 253, recorded before") {
		t.Error("no event tells of the last retention")
	}
	tombs, err := reader.state.ListState(t.Context(), kindTombstones+onlyChain, "", 10)
	if err != nil || len(tombs) != 3 {
		t.Fatal(tombs, err)
	}
	forgeTombstone(t, reader.state, tombs[1])
	if got := verified(t, s, VerifyOptions{}); got.Finding == nil || got.Finding.Problem != Unproven || got.Finding.First != 102 {
		t.Errorf("a forged gap: %v", got.Finding)
	}
}

// forgeTombstone makes a gap look older than it is.
func forgeTombstone(t *testing.T, s store.State, r store.Record) {
	t.Helper()
	var tomb Tombstone
	if err := json.Unmarshal(r.Value, &tomb); err != nil {
		t.Fatal(err)
	}
	tomb.Time = tomb.Time.Add(-time.Hour)
	value, err := json.Marshal(tomb)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.PutState(t.Context(), r.Kind, r.ID, value, r.Revision); err != nil {
		t.Fatal(err)
	}
}

// TestRetentionByAge lets a trail remove by itself what is older than it is to keep.
func TestRetentionByAge(t *testing.T) {
	s := memoryStore(t)
	clock := newTicking()
	trail := openTrail(t, Options{Store: s, Clock: clock.now})
	for range 3 {
		must(t, trail, readOf(1))
		if err := trail.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	closeTrail(t, trail)
	clock.t = clock.t.Add(48 * time.Hour)
	trail = openTrail(t, Options{Store: s, Clock: clock.now, Keep: 24 * time.Hour})
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		b, err := trail.blockFrom(t.Context(), onlyChain, 1)
		if err != nil || time.Now().After(deadline) {
			t.Fatal("nothing was removed", err)
		}
		if b.ID > recordID(3) {
			break
		}
	}
	closeTrail(t, trail)
	if r := intact(t, s); r.Removed == 0 {
		t.Errorf("%+v", r)
	}
}
