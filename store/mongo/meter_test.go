package mongo

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo/address"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/firth-health/firth/store"
)

func meteredStore(m *meter) *Store {
	return &Store{meter: m, entries: store.NewGate(4, 100*time.Millisecond), singles: store.NewGate(4, 100*time.Millisecond)}
}

// changed returns the figures that are not zero.
func changed(s *Store) map[string]float64 {
	figures := map[string]float64{}
	for name, value := range s.Figures() {
		if value != 0 {
			figures[name] = value
		}
	}
	for _, f := range s.LabelledFigures() {
		if f.Value != 0 {
			figures[f.Name+" "+f.Of] = f.Value
		}
	}
	return figures
}

func TestCommandsAreCounted(t *testing.T) {
	m := &meter{}
	seen := map[string]int{}
	o := m.watch(options.Client().SetMonitor(&event.CommandMonitor{
		Started:   func(_ context.Context, e *event.CommandStartedEvent) { seen["started "+e.CommandName]++ },
		Succeeded: func(_ context.Context, e *event.CommandSucceededEvent) { seen["succeeded "+e.CommandName]++ },
	}))
	done := func(name string, took time.Duration) event.CommandFinishedEvent {
		return event.CommandFinishedEvent{CommandName: name, Duration: took}
	}
	o.Monitor.Started(t.Context(), &event.CommandStartedEvent{CommandName: "find"})
	o.Monitor.Succeeded(t.Context(), &event.CommandSucceededEvent{CommandFinishedEvent: done("find", 50*time.Millisecond)})
	o.Monitor.Succeeded(t.Context(), &event.CommandSucceededEvent{CommandFinishedEvent: done("find", 200*time.Millisecond)})
	o.Monitor.Failed(t.Context(), &event.CommandFailedEvent{CommandFinishedEvent: done("insert", slowCommand)})
	want := map[string]float64{
		"commands_total find": 2, "commands_seconds_total find": 0.25, "commands_slow_total find": 1,
		"commands_total insert": 1, "commands_seconds_total insert": 0.1, "commands_slow_total insert": 1, "commands_failed_total insert": 1,
	}
	if diff := cmp.Diff(want, changed(meteredStore(m))); diff != "" {
		t.Errorf("figures (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{"started find": 1, "succeeded find": 2}, seen); diff != "" {
		t.Errorf("what the monitor of the options saw (-want +got):\n%s", diff)
	}
	if quiet := m.watch(options.Client()); quiet.Monitor.Started != nil {
		t.Error("commands are copied for nobody")
	}
}

func TestConnectionsAreCounted(t *testing.T) {
	m := &meter{}
	for _, kind := range []string{event.ConnectionCreated, event.ConnectionCreated, event.ConnectionCreated, event.ConnectionClosed, event.ConnectionCheckedIn, event.ConnectionPoolCleared, event.ConnectionReady} {
		m.pool(&event.PoolEvent{Type: kind})
	}
	for range 3 {
		m.pool(&event.PoolEvent{Type: event.ConnectionCheckedOut, Duration: 500 * time.Millisecond})
	}
	m.pool(&event.PoolEvent{Type: event.ConnectionCheckOutFailed, Duration: time.Second})
	want := map[string]float64{"connections": 2, "connections_in_use": 2, "connection_uses_total": 3, "connection_wait_seconds_total": 1.5,
		"connection_failures_total": 1, "pools_cleared_total": 1}
	if diff := cmp.Diff(want, changed(meteredStore(m))); diff != "" {
		t.Errorf("figures (-want +got):\n%s", diff)
	}
}

func TestPrimariesAreCounted(t *testing.T) {
	described := func(kind string, servers ...string) event.TopologyDescription {
		d := event.TopologyDescription{Kind: kind}
		for i, k := range servers {
			d.Servers = append(d.Servers, event.ServerDescription{Addr: address.Address(string(rune('a' + i))), Kind: k})
		}
		return d
	}
	nobody := described("ReplicaSetNoPrimary", "Unknown", "RSSecondary", "RSSecondary")
	first := described("ReplicaSetWithPrimary", "RSPrimary", "RSSecondary", "RSSecondary")
	second := described("ReplicaSetWithPrimary", "RSSecondary", "RSPrimary", "RSSecondary")
	tests := []struct {
		name  string
		steps []event.TopologyDescription
		want  map[string]float64
	}{
		{"found", []event.TopologyDescription{nobody, first}, map[string]float64{"writable_servers": 1, "primaries_found_total": 1}},
		{"lost", []event.TopologyDescription{nobody, first, nobody}, map[string]float64{"primaries_found_total": 1}},
		{"another", []event.TopologyDescription{nobody, first, nobody, second}, map[string]float64{"writable_servers": 1, "primaries_found_total": 2}},
		{"another at once", []event.TopologyDescription{nobody, first, second}, map[string]float64{"writable_servers": 1, "primaries_found_total": 2}},
		{"the same", []event.TopologyDescription{nobody, first, first}, map[string]float64{"writable_servers": 1, "primaries_found_total": 1}},
		{"sharded", []event.TopologyDescription{described("Sharded", "Unknown", "Unknown"), described("Sharded", "Mongos", "Mongos")}, map[string]float64{"writable_servers": 2}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := &meter{}
			for i := range tt.steps[1:] {
				m.topology(&event.TopologyDescriptionChangedEvent{PreviousDescription: tt.steps[i], NewDescription: tt.steps[i+1]})
			}
			if diff := cmp.Diff(tt.want, changed(meteredStore(m))); diff != "" {
				t.Errorf("figures (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTransactionsAreCounted(t *testing.T) {
	m := &meter{}
	m.attempted(0, nil)
	m.attempted(0, errMoved)
	m.attempted(1, errMoved)
	m.attempted(2, nil)
	want := map[string]float64{"transactions_committed_total": 2, "transactions_retried_total": 2, "transactions_aborted_total": 2}
	if diff := cmp.Diff(want, changed(meteredStore(m))); diff != "" {
		t.Errorf("figures (-want +got):\n%s", diff)
	}
}

func TestAdmissionIsCounted(t *testing.T) {
	s := meteredStore(&meter{})
	_, err := admitted(t.Context(), s.entries, 3, func() (int, error) {
		if diff := cmp.Diff(map[string]float64{"writes_under_way transaction": 3}, changed(s)); diff != "" {
			t.Errorf("under way (-want +got):\n%s", diff)
		}
		return admitted(t.Context(), s.entries, 2, func() (int, error) { return 0, nil })
	})
	if !errors.Is(err, store.ErrBusy) {
		t.Errorf("a write beyond the bound: %v", err)
	}
	want := map[string]float64{"writes_waited_total transaction": 1, "writes_refused_total transaction": 1, "refused_total": 1}
	if diff := cmp.Diff(want, changed(s)); diff != "" {
		t.Errorf("after it (-want +got):\n%s", diff)
	}
}
