package pebble

import (
	"sync"
	"time"

	engine "github.com/cockroachdb/pebble/v2"
)

// scheduler lets the engine run as many compactions as it allows itself, but none before it is open: opening waits for compactions under way, and after a
// crash or a large import there is always one to begin with. It does what the engine's own scheduler does, which cannot be told to wait.
type scheduler struct {
	db engine.DBForCompaction

	mu      sync.Mutex // never held when db is called
	running int
	begun   bool
	ended   bool

	granting sync.Mutex // one grant at a time
	poke     chan struct{}
	stop     chan struct{}
	loop     sync.WaitGroup
}

// recheck is how often the scheduler looks whether the engine allows itself more.
const recheck = 100 * time.Millisecond

func newScheduler() *scheduler {
	return &scheduler{poke: make(chan struct{}, 1), stop: make(chan struct{})}
}

// begin permits compactions.
func (s *scheduler) begin() {
	s.mu.Lock()
	s.begun = true
	s.mu.Unlock()
	s.UpdateGetAllowedWithoutPermission()
	s.loop.Go(func() {
		ticker := time.NewTicker(recheck)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				s.grant()
			case <-s.poke:
				s.grant()
			case <-s.stop:
				return
			}
		}
	})
}

// Register implements [engine.CompactionScheduler].
func (s *scheduler) Register(_ int, db engine.DBForCompaction) { s.db = db }

// Unregister implements [engine.CompactionScheduler].
func (s *scheduler) Unregister() {
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	close(s.stop)
	s.loop.Wait()
	s.granting.Lock() // wait for a grant by a compaction that has just ended
	defer s.granting.Unlock()
}

// TrySchedule implements [engine.CompactionScheduler].
func (s *scheduler) TrySchedule() (bool, engine.CompactionGrantHandle) {
	if !s.reserve() {
		return false, nil
	}
	return true, &grant{s: s}
}

// UpdateGetAllowedWithoutPermission implements [engine.CompactionScheduler].
func (s *scheduler) UpdateGetAllowedWithoutPermission() {
	select {
	case s.poke <- struct{}{}:
	default:
	}
}

func (s *scheduler) reserve() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.begun || s.ended || s.running >= s.db.GetAllowedWithoutPermission() {
		return false
	}
	s.running++
	return true
}

func (s *scheduler) giveBack() {
	s.mu.Lock()
	s.running--
	s.mu.Unlock()
}

// grant starts compactions that wait, as many as are allowed.
func (s *scheduler) grant() {
	s.granting.Lock()
	defer s.granting.Unlock()
	for s.reserve() {
		if waiting, _ := s.db.GetWaitingCompaction(); !waiting || !s.db.Schedule(&grant{s: s}) {
			s.giveBack()
			return
		}
	}
}

// grant is the permission for one compaction. What the engine reports of it is of no interest here.
type grant struct{ s *scheduler }

// Started implements [engine.CompactionGrantHandle].
func (*grant) Started() {}

// MeasureCPU implements [engine.CompactionGrantHandle].
func (*grant) MeasureCPU(engine.CompactionGoroutineKind) {}

// CumulativeStats implements [engine.CompactionGrantHandle].
func (*grant) CumulativeStats(engine.CompactionGrantHandleStats) {}

// Done implements [engine.CompactionGrantHandle].
func (g *grant) Done() {
	g.s.giveBack()
	g.s.grant()
}
