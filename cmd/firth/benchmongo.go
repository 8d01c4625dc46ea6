package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/firth-health/firth/internal/bench"
	"github.com/firth-health/firth/internal/config"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/server"
	"github.com/firth-health/firth/store"
	"github.com/firth-health/firth/store/mongo"
)

// isMongo tells the URI of a MongoDB deployment from anything else.
func isMongo(store string) bool {
	return strings.HasPrefix(store, "mongodb://") || strings.HasPrefix(store, "mongodb+srv://")
}

// onMongo makes the benchmark run on databases of its own in a MongoDB deployment.
func onMongo(system *bench.System, c config.Config, uri string) {
	raw := make([]byte, 4)
	rand.Read(raw)
	run := "firth_bench_" + hex.EncodeToString(raw)
	opts := mongo.Options{AllowStandalone: c.MongoStandalone}
	system.Place = func(purpose string) string {
		return mongo.InDatabase(uri, run+"_"+strings.ReplaceAll(purpose, "-", "_"))
	}
	system.Remove = mongo.Drop
	system.Ceilings = map[string]bench.Ceiling{
		"create": {Is: "raw inserts, one document each"},
		"ingest": {Is: fmt.Sprintf("raw bulk inserts, %d documents each", bench.ReadingsPerRequest), AimRatio: 0.6},
		"import": {Is: fmt.Sprintf("raw bulk inserts, %d documents each", bench.ImportedPerRequest), AimRatio: 0.6},
		"read":   {Is: "raw finds by _id"},
		"search": {Is: "raw finds and counts by {p, h, t}", AimRatio: 0.7},
		"page":   {Is: "raw finds by {p, h, t}", AimRatio: 0.7},
	}
	system.Engine = func(ctx context.Context, place string, load bench.EngineLoad) (float64, error) {
		ops, err := creations(load.Resources)
		if err != nil {
			return 0, err
		}
		return mongo.Ceiling(ctx, place, opts, store.CeilingLoad{Ops: ops, Clients: load.Clients, Batch: load.Batch, Duration: load.Duration})
	}
	system.Finds = func(ctx context.Context, place string, load bench.FindLoad) (float64, error) {
		queries, err := queriesOf(load.Targets)
		if err != nil {
			return 0, err
		}
		return mongo.FindCeiling(ctx, place, opts, mongo.FindLoad{Queries: queries, Clients: load.Clients, Duration: load.Duration})
	}
}

// queriesOf reads what GETs ask: [type]/[id] or [type]?[parameters].
func queriesOf(targets []string) ([]search.Query, error) {
	registry, err := plainRegistry()
	if err != nil {
		return nil, err
	}
	queries := make([]search.Query, len(targets))
	for i, target := range targets {
		path, parameters, isSearch := strings.Cut(strings.TrimPrefix(target, server.Mount+"/"), "?")
		if !isSearch {
			typ, id, _ := strings.Cut(path, "/")
			queries[i] = search.Query{Type: typ, Plan: search.IDs{id}}
			continue
		}
		pairs, err := search.ParseQuery(parameters)
		if err != nil {
			return nil, err
		}
		request, err := registry.Parse(path, pairs, search.ParseOptions{})
		if err != nil {
			return nil, err
		}
		queries[i] = *request.Query
	}
	return queries, nil
}
