package mongo_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/firth-health/firth/store"
	"github.com/firth-health/firth/store/mongo"
)

// TestIndexes are made at the start for what is there, however long that takes, and with the first resource of a type; operators read of the first in one line.
func TestIndexes(t *testing.T) {
	name := database(t)
	client, err := driver.Connect(options.Client().ApplyURI(serverURI(t)))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Disconnect(t.Context())
	if _, err := client.Database(name).Collection("Observation").InsertOne(t.Context(), bson.D{{Key: "_id", Value: "a"}, {Key: "del", Value: true}}); err != nil {
		t.Fatal(err)
	}
	limits := map[string]time.Duration{}
	monitor := &event.CommandMonitor{Started: func(_ context.Context, e *event.CommandStartedEvent) {
		if collection, ok := e.Command.Lookup("createIndexes").StringValueOK(); ok {
			millis, _ := e.Command.Lookup("maxTimeMS").AsInt64OK()
			limits[collection] = time.Duration(millis) * time.Millisecond
		}
	}}
	var log bytes.Buffer
	opts := mongo.Options{Database: name, Monitor: monitor, Timeout: 10 * time.Second, Logger: slog.New(slog.NewTextHandler(&log, nil))}
	s := open(t, opts)
	if limit := limits["Observation"]; limit != 0 && limit < time.Hour {
		t.Errorf("the server may build the indexes of what is there for %s", limit)
	}
	if lines := strings.Count(log.String(), "\n"); lines != 2 || !strings.Contains(log.String(), "collection=Observation") {
		t.Errorf("%d lines:\n%s", lines, log.String())
	}
	log.Reset()
	if _, err := s.Apply(t.Context(), []store.Op{writeOp(t, store.Create, "Patient", "p1", "en")}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, made := limits["Patient"]; !made || log.Len() > 0 {
		t.Errorf("indexes of a new type: %v; log: %s", made, log.String())
	}
	clear(limits)
	if err := open(t, opts).Close(); err != nil || len(limits) > 0 {
		t.Errorf("opened again: %v, %v", limits, err)
	}
}
