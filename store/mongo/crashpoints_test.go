package mongo_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/connstring"

	"github.com/firth-health/firth/internal/mongoproxy"
	"github.com/firth-health/firth/internal/teststore"
	"github.com/firth-health/firth/store"
	"github.com/firth-health/firth/store/mongo"
)

// crashMode is what happens after the cut.
type crashMode struct {
	name    string
	repeats bool // the next commands are cut too
	goesOn  bool // the process finds the server again
	faults  func(nth int, action mongoproxy.Action) []mongoproxy.Fault
	within  time.Duration // SelectWithin of the process that is cut
}

func crashModes() []crashMode {
	return []crashMode{
		{"one cut", false, true, func(nth int, a mongoproxy.Action) []mongoproxy.Fault {
			return []mongoproxy.Fault{{Nth: nth, Action: a}}
		}, 5 * time.Second},
		{"cuts in a row", true, false, func(nth int, a mongoproxy.Action) []mongoproxy.Fault {
			return []mongoproxy.Fault{{Nth: nth, Action: a}, {Nth: nth + 1, Times: 2, Action: mongoproxy.Action{Cut: mongoproxy.Before}}}
		}, 5 * time.Second},
		{"death", false, false, func(nth int, a mongoproxy.Action) []mongoproxy.Fault {
			a.Crash = true
			return []mongoproxy.Fault{{Nth: nth, Action: a}}
		}, time.Second},
	}
}

// TestCrashPoints cuts each way to write before and after each of its commands, and looks what is there over another connection, as another process would after a crash. The
// first process may go on, may be cut twice more, or is dead. See [ledger.verify] for what must hold.
func TestCrashPoints(t *testing.T) {
	if testing.Short() {
		t.Skip("hundreds of cuts, each of which the driver answers with a pause; runs without -short")
	}
	parallel(t)
	lanes := make(chan *crashLane, 10)
	for range cap(lanes) {
		lanes <- newCrashLane(t)
	}
	table := &crashTable{gaps: map[string]int{}}
	var cases sync.WaitGroup
	number := 0
	for _, path := range crashPaths() {
		if path.transactions && !real() {
			t.Run(path.name, func(t *testing.T) { t.Skip(noTransactions + ": runs with " + teststore.ServerVariable) })
			continue
		}
		lane := <-lanes
		number++
		commands, err := lane.learn(&crashCase{T: t, path: path, number: number})
		lanes <- lane
		if err != nil || len(commands) == 0 {
			t.Errorf("%s, uncut: %v, %v", path.name, commands, err)
			continue
		}
		table.learned(path.name, commands)
		for at, command := range commands {
			for _, mode := range crashModes() {
				for _, point := range []mongoproxy.Point{mongoproxy.Before, mongoproxy.After} {
					if !real() && readsOnly(command) && (point == mongoproxy.After || mode.repeats) {
						continue // scans take long; what only reads is the same before and after
					}
					number++
					c := &crashCase{T: t, path: path, mode: mode, number: number}
					lane := <-lanes
					cases.Go(func() {
						defer func() { lanes <- lane }()
						what := fmt.Sprintf("%s, %s %s, command %d of %v", path.name, mode.name, point, at+1, commands)
						if err := c.known(lane.crash(c, at+1, point), table); err != nil {
							t.Errorf("%s: told %v:\n%v", what, c.acted, err)
						}
						table.cut(path.name, c.outcome())
					})
				}
			}
		}
	}
	cases.Wait()
	for _, path := range crashPaths() {
		for word, why := range path.gaps {
			if table.gaps[path.name+": "+word] == 0 {
				t.Errorf("%s: no %s, although %s: take it off the list", path.name, word, why)
			}
		}
	}
	t.Log("\n" + table.String())
}

// readsOnly reports whether a command changes nothing.
func readsOnly(command string) bool {
	name, _, _ := strings.Cut(command, " ")
	return name == "find" || name == "aggregate" || strings.HasPrefix(name, "list")
}

// laneCases is how many cases share a database, so that what scans has little to scan.
const laneCases = 6

// crashLane is a database with a proxy in front of it, for one case at a time.
type crashLane struct {
	proxy    *mongoproxy.Proxy
	uri      string // through the proxy
	database string
	direct   *mongo.Store
	cases    int // in this database

	last time.Time
}

func newCrashLane(t *testing.T) *crashLane {
	t.Helper()
	proxy, err := mongoproxy.Start(proxyTarget(t))
	if err != nil {
		t.Fatal(err)
	}
	l := &crashLane{proxy: proxy}
	if l.uri, err = mongoproxy.Through(serverURI(t), proxy.Address()); err != nil {
		t.Fatal(err)
	}
	if err := l.refresh(t); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(l.direct.Close(), proxy.Err(), proxy.Close()); err != nil {
			t.Error(err)
		}
	})
	return l
}

// refresh begins another database.
func (l *crashLane) refresh(t *testing.T) (err error) {
	if l.direct != nil {
		err = l.direct.Close()
	}
	l.database, l.cases, l.last = database(t), 0, time.Time{}
	opened, openErr := mongo.Open(t.Context(), serverURI(t), mongo.Options{Database: l.database, AllowStandalone: !real()})
	if openErr == nil {
		l.direct = opened
	}
	return errors.Join(err, openErr)
}

// proxyTarget is the server that takes writes.
func proxyTarget(t *testing.T) string {
	t.Helper()
	parsed, err := connstring.Parse(serverURI(t))
	if err != nil {
		t.Fatal(err)
	}
	client, err := driver.Connect(options.Client().ApplyURI(serverURI(t)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Disconnect(context.WithoutCancel(t.Context())) }()
	var hello struct {
		Primary string `bson:"primary"`
	}
	if err := client.Database("admin").RunCommand(t.Context(), bson.D{{Key: "hello", Value: 1}}).Decode(&hello); err != nil {
		t.Fatal(err)
	}
	target := or(hello.Primary, parsed.Hosts[0])
	if _, _, err := net.SplitHostPort(target); err != nil {
		target = net.JoinHostPort(target, "27017")
	}
	return target
}

// open opens a store behind the proxy.
func (l *crashLane) open(ctx context.Context, within time.Duration) (*mongo.Store, error) {
	return openHasty(ctx, l.uri, mongo.Options{Database: l.database, AllowStandalone: !real(), SelectWithin: within, Timeout: 10 * time.Second})
}

// later is an instant behind everything in the database.
func (l *crashLane) later() time.Time {
	now := time.Now().Truncate(time.Millisecond).UTC()
	if next := l.last.Add(time.Second); now.Before(next) {
		now = next
	}
	l.last = now
	return now
}

// crashCase is one run of one path.
type crashCase struct {
	*testing.T
	path   crashPath
	mode   crashMode
	number int
	lane   *crashLane
	ctx    context.Context
	ledger ledger
	serial int

	first, second *mongo.Store // the one that is cut, and the one of the next process
	ops           []store.Op
	revisions     []uint64
	archive       []store.Restored
	acted         error
	done          bool
}

func (c *crashCase) id(name string) string { return fmt.Sprintf("x%d%s", c.number, name) }

// write makes an operation with a content of its own.
func (c *crashCase) write(method store.Method, typ, id string, keys ...string) store.Op {
	c.serial++
	return writeOp(c.T, method, typ, c.id(id), fmt.Sprintf("%s-%d", c.id(id), c.serial), keys...)
}

func (c *crashCase) apply(s *mongo.Store, ops ...store.Op) error {
	return c.ledger.apply(c.ctx, s, ops...).err
}

// begin opens the store to be cut and prepares the case. Unless the path says otherwise, the store has written the types before.
func (l *crashLane) begin(c *crashCase, within time.Duration) (err error) {
	c.lane, c.ctx = l, c.T.Context()
	if l.cases++; l.cases > laneCases {
		if err := l.refresh(c.T); err != nil {
			return err
		}
	}
	if c.first, err = l.open(c.ctx, within); err != nil {
		return err
	}
	if !c.path.cold {
		err = errors.Join(c.apply(c.first, c.write(store.Create, "Patient", "warm")), c.apply(c.first, c.write(store.Create, "Group", "warm")))
	}
	if err == nil && c.path.setup != nil {
		err = c.path.setup(c)
	}
	return err
}

// learn finds the commands of a path.
func (l *crashLane) learn(c *crashCase) ([]string, error) {
	if err := l.begin(c, 5*time.Second); err != nil {
		return nil, err
	}
	l.proxy.Arm()
	acted := c.path.act(c, c.first)
	var commands []string
	for _, command := range l.proxy.Commands() {
		commands = append(commands, command.String())
	}
	l.proxy.Arm()
	return commands, errors.Join(acted, c.first.Close())
}

// crash cuts one command of a path, then opens the store again and looks.
func (l *crashLane) crash(c *crashCase, nth int, point mongoproxy.Point) error {
	defer l.proxy.Refuse(false)
	defer l.proxy.Arm()
	if err := l.begin(c, c.mode.within); err != nil {
		return fmt.Errorf("before the cut: %w", err)
	}
	action := mongoproxy.Action{Cut: point}
	if c.path.meanwhile != nil {
		action.Meanwhile = func() { c.path.meanwhile(c) }
	}
	l.proxy.Arm(c.mode.faults(nth, action)...)
	c.acted = c.path.act(c, c.first)
	if l.proxy.Fired() == 0 {
		return fmt.Errorf("nothing was cut, commands: %v", l.proxy.Commands())
	}
	_ = c.first.Close() // it may be dead
	commands := l.proxy.Commands()
	l.proxy.Arm()
	l.proxy.Refuse(false)
	if err := l.bury(c.ctx, commands); err != nil {
		return err
	}
	var err error
	if c.second, err = mongo.Open(c.ctx, serverURI(c.T), mongo.Options{Database: l.database, AllowStandalone: !real()}); err != nil {
		return err
	}
	return errors.Join(c.judge(), c.second.Close())
}

// bury ends the transactions that a dead process left open, as the server does by itself after a minute (transactionLifetimeLimitSeconds).
func (l *crashLane) bury(ctx context.Context, commands []mongoproxy.Command) error {
	sessions := map[string]bool{}
	for _, command := range commands {
		if command.InTransaction {
			sessions[command.Session] = true
		}
	}
	if len(sessions) == 0 {
		return nil
	}
	return l.endSessions(ctx, slices.Sorted(maps.Keys(sessions)))
}

// crashTable counts what came of cuts.
type crashTable struct {
	mu   sync.Mutex
	rows []*crashRow
	gaps map[string]int // known gaps seen
}

type crashRow struct {
	path     string
	commands []string
	cuts     int
	outcomes map[string]int
}

func (t *crashTable) learned(path string, commands []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows = append(t.rows, &crashRow{path: path, commands: commands, outcomes: map[string]int{}})
}

func (t *crashTable) cut(path, outcome string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range t.rows {
		if r.path == path {
			r.cuts++
			r.outcomes[outcome]++
		}
	}
}

func (t *crashTable) gap(path, word string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.gaps[path+": "+word]++
}

func (t *crashTable) String() string {
	var b strings.Builder
	total := 0
	for _, r := range t.rows {
		var outcomes []string
		for _, name := range slices.Sorted(maps.Keys(r.outcomes)) {
			outcomes = append(outcomes, fmt.Sprintf("%d %s", r.outcomes[name], name))
		}
		fmt.Fprintf(&b, "%-36s %3d cuts: %s\n%36s commands: %s\n", r.path, r.cuts, strings.Join(outcomes, "; "), "", strings.Join(r.commands, ", "))
		total += r.cuts
	}
	for _, name := range slices.Sorted(maps.Keys(t.gaps)) {
		fmt.Fprintf(&b, "known gap: %s, %d times\n", name, t.gaps[name])
	}
	fmt.Fprintf(&b, "%d paths, %d cuts", len(t.rows), total)
	return b.String()
}
