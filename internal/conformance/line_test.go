package conformance

import (
	"slices"
	"strings"
	"testing"

	"github.com/firth-health/firth/internal/firthtest"
	"github.com/firth-health/firth/internal/teststore"
)

// line is one line of the checklist: what is asserted, and the checks that assert it.
type line struct {
	group, name string // together the name of the test
	says        string
	notes       []note
	server      serverKind
	run         func(*session)
}

func (l line) id() string { return l.group + "/" + l.name }

// note says what of a line is not as the line has it, and why. What is so instead is checked too.
type note struct {
	kind   verdict
	reason string
}

type verdict string

const (
	holds     verdict = "holds"
	otherwise verdict = "decided otherwise"
	later     verdict = "later"
)

// serverKind is the server that a line talks to.
type serverKind int

const (
	shared  serverKind = iota // lines write to it as they like, each under names of its own
	library                   // holds testdata/library.ndjson and is only read
	limited                   // with small limits, see startServers
	empty                     // one for this line alone
)

// checklist is section by section what docs/conformance/rest.md lists.
func checklist() []line {
	return slices.Concat(negotiationLines(), readLines(), createLines(), updateLines(), patchLines(), deleteLines(), historyLines(),
		searchLines(), searchTypeLines(), bundleLines(), capabilityLines(), errorLines())
}

// servers are the processes that the lines share.
type servers struct {
	shared, library, limited *firthtest.Process
}

func startServers(t *testing.T) servers {
	t.Helper()
	all := servers{
		shared:  serve(t),
		library: serve(t),
		limited: serve(t, "--max-body", "64KiB", "--max-deletes", "3", "--max-entries", "5", "--page-size", "3", "--max-page-size", "7"),
	}
	fill(t, all.library.Base)
	return all
}

// serve starts the program on an empty store.
func serve(t *testing.T, extra ...string) *firthtest.Process {
	t.Helper()
	return binary.Serve(t, teststore.NewPlace(t).Name(), append(teststore.Flags(), extra...)...)
}

// session is the run of one line.
type session struct {
	t      *testing.T
	base   string
	all    servers
	checks int
	failed int
}

func (all servers) session(t *testing.T, kind serverKind) *session {
	t.Helper()
	s := &session{t: t, all: all}
	switch kind {
	case shared:
		s.base = all.shared.Base
	case library:
		s.base = all.library.Base
	case limited:
		s.base = all.limited.Base
	case empty:
		s.base = serve(t).Base
	}
	return s
}

// on runs checks of the line against another server.
func (s *session) on(kind serverKind, do func(*session)) {
	s.t.Helper()
	other := s.all.session(s.t, kind)
	do(other)
	s.checks += other.checks
	s.failed += other.failed
}

// check counts one check and reports when it does not hold.
func (s *session) check(ok bool, format string, args ...any) {
	s.t.Helper()
	s.checks++
	if !ok {
		s.failed++
		s.t.Errorf(format, args...)
	}
}

// together makes one check of many, whose number may change with what the server has.
func (s *session) together(do func(*session)) {
	s.t.Helper()
	many := &session{t: s.t, base: s.base, all: s.all}
	do(many)
	s.checks++
	if many.failed > 0 || many.checks == 0 {
		s.failed++
		s.t.Errorf("%d of %d checks failed", many.failed, many.checks)
	}
}

// each is the table form of checks: do for every value.
func (s *session) each(values string, do func(value string)) {
	for value := range strings.SplitSeq(values, " ; ") {
		do(value)
	}
}
