package mongo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/store"
)

// The change feed is MongoDB's: the order of commits, across processes. A place in it is the cluster time of a commit (seconds and a counter within the second) and the
// number of the change among those of that commit.
const (
	feedCounterBits = 18
	feedIndexBits   = 14
)

// feed remembers where the last call ended, so that the next can go on by a resume token instead of a time.
type feed struct {
	mu    sync.Mutex
	place place
	token bson.Raw
}

// place is where in the feed a change is.
type place struct {
	at    bson.Timestamp
	index int
}

// next is the place of the next change, whose commit was at.
func (p place) next(at bson.Timestamp) place {
	if at == p.at {
		return place{at: at, index: p.index + 1}
	}
	return place{at: at, index: 1}
}

// sequence is the place as a number.
func (p place) sequence() (uint64, error) {
	if p.at.I >= 1<<feedCounterBits || p.index >= 1<<feedIndexBits {
		return 0, fmt.Errorf("mongo store: change %d of commit %d in second %d has no place in the feed", p.index, p.at.I, p.at.T)
	}
	return uint64(p.at.T)<<(feedCounterBits+feedIndexBits) | uint64(p.at.I)<<feedIndexBits | uint64(p.index), nil
}

// timeOf is the commit of a place.
func timeOf(sequence uint64) bson.Timestamp {
	return bson.Timestamp{T: uint32(sequence >> (feedCounterBits + feedIndexBits)), I: uint32(sequence >> feedIndexBits & (1<<feedCounterBits - 1))}
}

// change is an event of the server, as far as it is asked for.
type change struct {
	At        bson.Timestamp `bson:"clusterTime"`
	Namespace struct {
		Collection string `bson:"coll"`
	} `bson:"ns"`
	Document struct {
		ID string `bson:"_id"`
	} `bson:"documentKey"`
	Full struct {
		Version  int64     `bson:"v"`
		Sequence int64     `bson:"q"`
		Method   int64     `bson:"m"`
		Updated  time.Time `bson:"u"`
	} `bson:"fullDocument"`
	Transaction *int64 `bson:"txnNumber"` // nil outside of transactions
}

func (c *change) result(sequence uint64) store.Change {
	key := fhir.Key{Type: c.Namespace.Collection, ID: c.Document.ID, Version: strconv.FormatInt(c.Full.Version, 10)}
	return store.Change{Sequence: sequence, Key: key, Method: store.Method(c.Full.Method), LastUpdated: c.Full.Updated.UTC()}
}

// changesWait is how long the server waits for a change before it says that there is none.
const changesWait = 100 * time.Millisecond

// Changes implements [store.Changes] by a change stream of the database. ErrUnsupported without transactions; ErrGone where the server's log no longer reaches
// back to after.
func (s *Store) Changes(ctx context.Context, after uint64, limit int) ([]store.Change, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	if !s.transactions {
		return nil, fmt.Errorf("change streams need a replica set: %w", store.ErrUnsupported)
	}
	stream, from, err := s.watch(ctx, after)
	if err == nil {
		var all []store.Change
		all, err = s.drain(ctx, stream, from, after, limit)
		if err = errors.Join(err, stream.Close(ctx)); err == nil {
			return all, nil
		}
	}
	if hasCode(err, codeHistoryLost) {
		return nil, fmt.Errorf("the server's log of changes no longer reaches back to %d: %w", after, store.ErrGone)
	}
	return nil, reading(ctx, err)
}

// watch opens the stream at a place, by the token of the last call when it ended there.
func (s *Store) watch(ctx context.Context, after uint64) (*mongo.ChangeStream, place, error) {
	versions := bson.D{{Key: "$match", Value: bson.D{{Key: "operationType", Value: bson.D{{Key: "$in", Value: bson.A{"insert", "replace"}}}}}}}
	little := bson.D{{Key: "$project", Value: ascending(fieldID, "operationType", "clusterTime", "ns", "documentKey", "txnNumber", "fullDocument."+fieldVersion,
		"fullDocument."+fieldSequence, "fullDocument."+fieldMethod, "fullDocument."+fieldUpdated)}}
	o := options.ChangeStream().SetMaxAwaitTime(changesWait)
	from := place{}
	s.feed.mu.Lock()
	if last, err := s.feed.place.sequence(); err == nil && s.feed.token != nil && last == after {
		from = s.feed.place
		o.SetResumeAfter(s.feed.token)
	} else if begin := timeOf(after); after == 0 {
		o.SetStartAtOperationTime(&s.birth)
	} else {
		o.SetStartAtOperationTime(&begin)
	}
	s.feed.mu.Unlock()
	stream, err := s.db.Watch(ctx, mongo.Pipeline{versions, little}, o)
	return stream, from, err
}

// drain reads changes behind a sequence number until there are enough, or none for a while.
func (s *Store) drain(ctx context.Context, stream *mongo.ChangeStream, from place, after uint64, limit int) ([]store.Change, error) {
	d := &drained{from: from, after: after, limit: limit}
	for idle := 0; len(d.all) < limit && idle < 2; {
		if !stream.TryNext(ctx) {
			if err := stream.Err(); err != nil {
				return nil, err
			}
			idle++
			continue
		}
		idle = 0
		var c change
		if err := stream.Decode(&c); err != nil {
			return nil, err
		}
		if !isType(c.Namespace.Collection) {
			continue
		}
		if err := d.add(c, stream.ResumeToken()); err != nil {
			return nil, err
		}
	}
	if err := d.close(); err != nil {
		return nil, err
	}
	if d.token != nil {
		s.feed.mu.Lock()
		s.feed.place, s.feed.token = d.from, d.token
		s.feed.mu.Unlock()
	}
	return d.all, nil
}

// drained is what a call has read of the feed. The server tells the changes of a transaction in the order in which they were written, which is that of keys; callers get
// them in the order of the operations, so a transaction must be known whole.
type drained struct {
	from  place
	after uint64
	limit int
	all   []store.Change
	token bson.Raw // where from is left; nil as long as that is inside of a commit

	open      []change // of one transaction
	openToken bson.Raw // behind the last of open
}

// add takes the next event.
func (d *drained) add(c change, token bson.Raw) error {
	if len(d.open) > 0 && d.open[0].At != c.At {
		if err := d.close(); err != nil || len(d.all) == d.limit {
			return err
		}
	}
	d.open, d.openToken = append(d.open, c), token
	if c.Transaction == nil {
		return d.close()
	}
	return nil
}

// close ends the commit that is open.
func (d *drained) close() error {
	slices.SortStableFunc(d.open, func(a, b change) int { return cmp.Compare(a.Full.Sequence, b.Full.Sequence) })
	for i := range d.open {
		if len(d.all) == d.limit {
			d.open, d.token = nil, nil
			return nil
		}
		d.from = d.from.next(d.open[i].At)
		sequence, err := d.from.sequence()
		if err != nil {
			return err
		}
		if sequence > d.after {
			d.all = append(d.all, d.open[i].result(sequence))
		}
	}
	if len(d.open) > 0 {
		d.open, d.token = nil, d.openToken
	}
	return nil
}
