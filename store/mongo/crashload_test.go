package mongo_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firth-health/firth/internal/mongoproxy"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
	"github.com/firth-health/firth/store/mongo"
)

// Sizes of the load under which connections are cut at random.
const (
	loadStores  = 4 // processes
	loadWriters = 2 // in each
	loadFor     = 3 * time.Second
	cutOneIn    = 15 // commands
)

// TestCrashLoad cuts connections at random under load from several processes, and then compares what is there with what each caller was told. On a real server it also
// cuts connections while the server is at work, and the writers share resources; FerretDB finds and replaces in two steps, between which it would lose writes itself.
func TestCrashLoad(t *testing.T) {
	if testing.Short() {
		t.Skip("seconds of load; runs without -short")
	}
	lane := newCrashLane(t)
	load := &crashLoad{T: t, lane: lane}
	if !real() {
		load.ledger.sample = 8
	}
	stores := make([]*mongo.Store, loadStores)
	for i := range stores {
		s, err := lane.open(t.Context(), 10*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		stores[i] = s
	}
	dice := rand.New(rand.NewPCG(1, 2)) // used by one call of the script at a time
	lane.proxy.Script(func(mongoproxy.Command) mongoproxy.Action {
		switch dice.IntN(2 * cutOneIn) {
		case 0:
			return mongoproxy.Action{Cut: mongoproxy.Before}
		case 1:
			return mongoproxy.Action{Cut: mongoproxy.After}
		}
		return mongoproxy.Action{}
	})
	ctx, stop := context.WithTimeout(t.Context(), loadFor)
	defer stop()
	var writers sync.WaitGroup
	for i := range loadStores * loadWriters {
		writers.Go(func() { load.write(ctx, stores[i%loadStores], i) })
	}
	if real() {
		for ctx.Err() == nil {
			time.Sleep(time.Duration(100+rand.IntN(300)) * time.Millisecond)
			lane.proxy.Cut()
		}
	}
	writers.Wait()
	cuts := lane.proxy.Fired()
	lane.proxy.Arm()
	for _, s := range stores {
		if err := s.Close(); err != nil {
			t.Logf("close: %v", err) // the end of its sessions may not reach the server
		}
	}
	load.judge(cuts)
}

// crashLoad is the load and what came of it.
type crashLoad struct {
	*testing.T
	lane   *crashLane
	ledger ledger
	serial atomic.Int64
}

func (l *crashLoad) op(method store.Method, id string, keys ...string) store.Op {
	return writeOp(l.T, method, "Patient", id, fmt.Sprintf("%s-%d", id, l.serial.Add(1)), keys...)
}

// write writes at random until the context ends. What a call has begun it ends.
func (l *crashLoad) write(ctx context.Context, s *mongo.Store, number int) {
	dice := rand.New(rand.NewPCG(3, uint64(number)))
	for round := 0; ctx.Err() == nil; round++ {
		id := fmt.Sprintf("w%d-%d", number, dice.IntN(3))
		if real() && dice.IntN(4) == 0 {
			id = fmt.Sprintf("shared-%d", dice.IntN(2))
		}
		switch n := dice.IntN(10); {
		case n == 0:
			l.ledger.apply(l.Context(), s, l.op(store.Delete, id))
		case n == 1:
			l.ledger.apply(l.Context(), s, l.op(store.Create, fmt.Sprintf("c%d-%d", number, round)))
		case n == 2 && real():
			l.ledger.apply(l.Context(), s, l.op(store.Update, fmt.Sprintf("w%d-%d", number, 0)), l.op(store.Update, fmt.Sprintf("w%d-%d", number, 1)),
				l.op(store.Create, fmt.Sprintf("t%d-%d", number, round)))
		case n == 3 && real():
			key := fmt.Sprintf("cond\x01t%d", dice.IntN(3))
			op := l.op(store.Create, fmt.Sprintf("n%d-%d", number, round), key)
			op.IfNoneExist = &search.Query{Type: "Patient", Plan: exactly(key)}
			l.ledger.apply(l.Context(), s, op)
		default:
			l.ledger.apply(l.Context(), s, l.op(store.Update, id))
		}
	}
}

// judge compares, over a connection that nobody cuts.
func (l *crashLoad) judge(cuts int) {
	if err := l.ledger.verify(l.Context(), l.lane.direct); err != nil {
		l.Error(err)
	}
	if real() {
		for i := range 3 {
			page, err := l.lane.direct.Search(l.Context(), &search.Query{Type: "Patient", Plan: exactly(fmt.Sprintf("cond\x01t%d", i)), Count: 10})
			if err != nil || len(page.Matches) > 1 {
				l.Errorf("DUPLICATE: %d resources of one conditional create, %v", len(page.Matches), err)
			}
		}
	}
	outcomes, errs := map[string]int{}, map[string]int{}
	for _, e := range l.ledger.efforts {
		outcomes[e.outcome()]++
		if e.err != nil && !e.refused() {
			text, _, _ := strings.Cut(e.err.Error(), ":")
			errs[text]++
		}
	}
	if cuts == 0 || outcomes["acknowledged"] == 0 {
		l.Errorf("%d cuts, outcomes %v", cuts, outcomes)
	}
	l.Logf("%d calls, %d cuts: %v; unknown: %v", len(l.ledger.efforts), cuts, outcomes, errs)
}

// outage is how long no server can be reached in TestPrimaryLoss.
const outage = 3 * time.Second

// TestPrimaryLoss takes the server away for some seconds: those who wait longer succeed, those who do not are told that the server is busy, and nothing that was
// acknowledged is lost.
func TestPrimaryLoss(t *testing.T) {
	if testing.Short() {
		t.Skip("an outage of seconds; runs without -short")
	}
	lane := newCrashLane(t)
	load := &crashLoad{T: t, lane: lane}
	patient, err := lane.open(t.Context(), 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	hasty, err := lane.open(t.Context(), 700*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*mongo.Store{patient, hasty} {
		if e := load.ledger.apply(t.Context(), s, load.op(store.Update, "a")); e.err != nil {
			t.Fatal(e.err)
		}
	}
	lane.proxy.Arm()
	lane.proxy.Refuse(true)
	began := time.Now()
	var calls, vain sync.WaitGroup
	for i := range 4 {
		calls.Go(func() {
			e := load.ledger.apply(t.Context(), patient, load.op(store.Update, fmt.Sprintf("p%d", i)))
			if took := time.Since(began); e.err != nil || took < outage || took > outage+20*time.Second {
				t.Errorf("a write that waits: %v after %s", e.err, took)
			}
		})
		vain.Go(func() {
			for round := 0; time.Since(began) < outage-2*time.Second; round++ {
				before := time.Now()
				e := load.ledger.apply(t.Context(), hasty, load.op(store.Update, fmt.Sprintf("h%d", i)))
				if took := time.Since(before); !errors.Is(e.err, store.ErrBusy) || took > 8*time.Second {
					t.Errorf("a write that waits 0.7 s: %v after %s", e.err, took)
				}
				if _, err := hasty.Search(t.Context(), &search.Query{Type: "Patient", Plan: search.All{}, Count: 1}); !errors.Is(err, store.ErrBusy) {
					t.Errorf("a search that waits 0.7 s: %v", err)
				}
			}
		})
	}
	time.Sleep(outage)
	vain.Wait() // on a busy machine the outage is longer: nobody who is to be told of it comes too late
	lane.proxy.Refuse(false)
	calls.Wait()
	for _, s := range []*mongo.Store{patient, hasty} {
		var e *effort
		for within := time.Now().Add(time.Minute); ; {
			if e = load.ledger.apply(t.Context(), s, load.op(store.Update, "a")); e.err == nil || time.Now().After(within) {
				break
			}
		}
		if e.err != nil {
			t.Errorf("a write after the outage: %v", e.err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := load.ledger.verify(t.Context(), lane.direct); err != nil {
		t.Error(err)
	}
	t.Logf("%d calls", len(load.ledger.efforts))
}
