package mongo

import (
	"cmp"
	"slices"
	"time"

	"github.com/firth-health/firth/store"
)

var (
	_ store.Figures         = (*Store)(nil)
	_ store.LabelledFigures = (*Store)(nil)
)

// Figures implements [store.Figures]: connections to the servers, transactions that write, and servers that take writes.
func (s *Store) Figures() map[string]float64 {
	m := s.meter
	return map[string]float64{
		"connections": float64(m.connections.Load()), "connections_in_use": float64(m.checkedOut.Load()),
		"connection_uses_total": float64(m.checkOuts.Load()), "connection_wait_seconds_total": seconds(m.checkOutTime.Load()),
		"connection_failures_total": float64(m.notGiven.Load()), "pools_cleared_total": float64(m.cleared.Load()),
		"writable_servers": float64(m.writable.Load()), "primaries_found_total": float64(m.primaries.Load()),
		"transactions_committed_total": float64(m.committed.Load()), "transactions_retried_total": float64(m.retried.Load()),
		"transactions_aborted_total": float64(m.aborted.Load()), "refused_total": float64(s.entries.Refused() + s.singles.Refused()),
	}
}

// LabelledFigures implements [store.LabelledFigures]: commands by their name, and writes by whether they are a transaction.
func (s *Store) LabelledFigures() (all []store.Figure) {
	s.meter.commands.Range(func(key, value any) bool {
		name, c := key.(string), value.(*commandCount)
		all = append(all,
			store.Figure{Name: "commands_total", Label: "command", Of: name, Value: float64(c.done.Load())},
			store.Figure{Name: "commands_failed_total", Label: "command", Of: name, Value: float64(c.failed.Load())},
			store.Figure{Name: "commands_slow_total", Label: "command", Of: name, Value: float64(c.slow.Load())},
			store.Figure{Name: "commands_seconds_total", Label: "command", Of: name, Value: seconds(c.took.Load())})
		return true
	})
	for kind, g := range map[string]*store.Gate{"single": s.singles, "transaction": s.entries} {
		all = append(all,
			store.Figure{Name: "writes_under_way", Label: "kind", Of: kind, Value: float64(g.UnderWay())},
			store.Figure{Name: "writes_waiting", Label: "kind", Of: kind, Value: float64(g.Waiting())},
			store.Figure{Name: "writes_waited_total", Label: "kind", Of: kind, Value: float64(g.Waited())},
			store.Figure{Name: "writes_refused_total", Label: "kind", Of: kind, Value: float64(g.Refused())})
	}
	slices.SortFunc(all, func(a, b store.Figure) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Of, b.Of)) })
	return all
}

func seconds(nanoseconds int64) float64 { return time.Duration(nanoseconds).Seconds() }
