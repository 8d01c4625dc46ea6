package mongo

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// meter counts what goes on between the store and the servers. It listens to the driver and is told of transactions; [Store.Figures] shows what it knows.
type meter struct {
	commands sync.Map // name -> *commandCount

	connections  atomic.Int64 // open
	checkedOut   atomic.Int64 // of those, at work
	checkOuts    atomic.Int64
	checkOutTime atomic.Int64 // nanoseconds
	notGiven     atomic.Int64 // check-outs that failed
	cleared      atomic.Int64 // times that a pool threw away its connections, for a server that does not answer

	writable  atomic.Int64 // servers that take writes
	primaries atomic.Int64 // times that a replica set was found to have a primary, the first one included

	committed atomic.Int64 // runs of transactions that write
	retried   atomic.Int64 // those that were not the first
	aborted   atomic.Int64 // those that did not end in a commit that is known of
}

// slowCommand is from when a command counts as slow.
const slowCommand = 100 * time.Millisecond

// commandCount is what commands of one name came to.
type commandCount struct {
	done   atomic.Int64 // answered or failed
	failed atomic.Int64
	slow   atomic.Int64
	took   atomic.Int64 // nanoseconds, from sending to the answer
}

// watch has the driver tell the meter, besides whom it tells already. Only who asks for it sees commands begin: the driver copies each command for that.
func (m *meter) watch(o *options.ClientOptions) *options.ClientOptions {
	monitor := event.CommandMonitor{}
	if o.Monitor != nil {
		monitor = *o.Monitor
	}
	succeeded, failed := monitor.Succeeded, monitor.Failed
	monitor.Succeeded = func(ctx context.Context, e *event.CommandSucceededEvent) {
		m.finished(e.CommandName, e.Duration, false)
		if succeeded != nil {
			succeeded(ctx, e)
		}
	}
	monitor.Failed = func(ctx context.Context, e *event.CommandFailedEvent) {
		m.finished(e.CommandName, e.Duration, true)
		if failed != nil {
			failed(ctx, e)
		}
	}
	return o.SetMonitor(&monitor).SetPoolMonitor(&event.PoolMonitor{Event: m.pool}).
		SetServerMonitor(&event.ServerMonitor{TopologyDescriptionChanged: m.topology})
}

// finished counts a command.
func (m *meter) finished(name string, took time.Duration, failed bool) {
	found, ok := m.commands.Load(name)
	if !ok {
		found, _ = m.commands.LoadOrStore(name, &commandCount{})
	}
	c := found.(*commandCount)
	c.done.Add(1)
	c.took.Add(int64(took))
	if failed {
		c.failed.Add(1)
	}
	if took >= slowCommand {
		c.slow.Add(1)
	}
}

// pool counts what happens to connections.
func (m *meter) pool(e *event.PoolEvent) {
	switch e.Type {
	case event.ConnectionCreated:
		m.connections.Add(1)
	case event.ConnectionClosed:
		m.connections.Add(-1)
	case event.ConnectionCheckedOut:
		m.checkedOut.Add(1)
		m.checkOuts.Add(1)
		m.checkOutTime.Add(int64(e.Duration))
	case event.ConnectionCheckedIn:
		m.checkedOut.Add(-1)
	case event.ConnectionCheckOutFailed:
		m.notGiven.Add(1)
	case event.ConnectionPoolCleared:
		m.cleared.Add(1)
	}
}

// topology counts the servers that take writes, and how often they become others.
func (m *meter) topology(e *event.TopologyDescriptionChangedEvent) {
	before, now := writers(e.PreviousDescription), writers(e.NewDescription)
	m.writable.Store(int64(len(now)))
	if e.NewDescription.Kind != "Sharded" && !slices.Equal(before, now) && len(now) > 0 {
		m.primaries.Add(1)
	}
}

// writers are the addresses of the servers that take writes.
func writers(d event.TopologyDescription) (addresses []string) {
	for i := range d.Servers {
		switch d.Servers[i].Kind {
		case "RSPrimary", "Mongos", "Standalone", "LoadBalancer":
			addresses = append(addresses, d.Servers[i].Addr.String())
		}
	}
	return addresses
}

// attempted counts what became of one run of a transaction, the try-th after the first.
func (m *meter) attempted(try int, err error) {
	if try > 0 {
		m.retried.Add(1)
	}
	if err != nil {
		m.aborted.Add(1)
	} else {
		m.committed.Add(1)
	}
}
