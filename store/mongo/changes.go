package mongo

import (
	"context"
	"errors"
	"fmt"
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
		Version int64     `bson:"v"`
		Method  int64     `bson:"m"`
		Updated time.Time `bson:"u"`
	} `bson:"fullDocument"`
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
	little := bson.D{{Key: "$project", Value: ascending(fieldID, "operationType", "clusterTime", "ns", "documentKey", "fullDocument."+fieldVersion,
		"fullDocument."+fieldMethod, "fullDocument."+fieldUpdated)}}
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
func (s *Store) drain(ctx context.Context, stream *mongo.ChangeStream, from place, after uint64, limit int) (all []store.Change, err error) {
	for idle := 0; len(all) < limit && idle < 2; {
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
		from = from.next(c.At)
		sequence, err := from.sequence()
		if err != nil {
			return nil, err
		}
		if sequence <= after {
			continue
		}
		key := fhir.Key{Type: c.Namespace.Collection, ID: c.Document.ID, Version: strconv.FormatInt(c.Full.Version, 10)}
		all = append(all, store.Change{Sequence: sequence, Key: key, Method: store.Method(c.Full.Method), LastUpdated: c.Full.Updated.UTC()})
		s.feed.mu.Lock()
		s.feed.place, s.feed.token = from, stream.ResumeToken()
		s.feed.mu.Unlock()
	}
	return all, nil
}
