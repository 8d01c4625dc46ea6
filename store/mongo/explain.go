package mongo

import (
	"context"
	"fmt"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/store"
)

// Explain implements [store.Explainer]: it runs the query, and then asks the server how it answered each find.
func (s *Store) Explain(ctx context.Context, q *search.Query) (*store.Explanation, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	x := &store.Explanation{}
	var finds []bson.D
	began := time.Now()
	err := s.searched(ctx, q, true, func(r *run) (err error) {
		x.Page, err = r.page()
		finds, x.Strategy, x.Counters.Tested = r.v.commands, r.strategy, r.v.candidates
		return err
	})
	if err != nil {
		return nil, reading(ctx, err)
	}
	x.Counters.Duration = time.Since(began)
	x.Counters.Seeks = len(finds)
	x.Counters.Bodies = len(x.Page.Matches) + len(x.Page.Included)
	if x.Strategy == "" {
		x.Strategy = "nothing can match"
	}
	for _, find := range finds {
		if err := s.explainFind(ctx, find, x); err != nil {
			return nil, err
		}
	}
	if len(x.Steps) == 0 {
		x.Steps = []string{"no command was sent"}
	}
	return x, nil
}

// note keeps a find for explain.
func (v *view) note(collection string, where bson.D, o *options.FindOptionsBuilder) error {
	if !v.explained {
		return nil
	}
	var set options.FindOptions
	for _, apply := range o.List() {
		if err := apply(&set); err != nil {
			return err
		}
	}
	find := bson.D{{Key: "find", Value: collection}, {Key: "filter", Value: where}}
	for _, e := range []bson.E{{Key: "sort", Value: set.Sort}, {Key: "projection", Value: set.Projection}, {Key: "hint", Value: set.Hint}} {
		if e.Value != nil {
			find = append(find, e)
		}
	}
	if set.Limit != nil {
		find = append(find, bson.E{Key: "limit", Value: *set.Limit})
	}
	v.commands = append(v.commands, find)
	return nil
}

// explainFind adds a find and what the server says of it.
func (s *Store) explainFind(ctx context.Context, find bson.D, x *store.Explanation) error {
	for _, e := range find {
		text := fmt.Sprint(e.Value)
		if doc, ok := e.Value.(bson.D); ok {
			json, err := bson.MarshalExtJSON(doc, false, false)
			if err != nil {
				return err
			}
			text = string(json)
		}
		indent := "  "
		if e.Key == "find" {
			indent = ""
		}
		x.Steps = append(x.Steps, indent+e.Key+" "+strings.ReplaceAll(text, `\u0001`, "␁"))
	}
	answer, err := s.db.RunCommand(ctx, bson.D{{Key: "explain", Value: find}, {Key: "verbosity", Value: "executionStats"}}).Raw()
	if err != nil {
		return reading(ctx, err)
	}
	if plan, ok := answer.Lookup("queryPlanner", "winningPlan").DocumentOK(); ok {
		if inner, ok := plan.Lookup("queryPlan").DocumentOK(); ok { // from MongoDB 5.1 on, where it may be beside a plan of slots
			plan = inner
		}
		x.Steps = appendStages(x.Steps, plan, 1)
	}
	stats := answer.Lookup("executionStats")
	if doc, ok := stats.DocumentOK(); ok {
		keys, _ := doc.Lookup("totalKeysExamined").AsInt64OK()
		documents, _ := doc.Lookup("totalDocsExamined").AsInt64OK()
		x.Counters.Keys += int(keys)
		x.Steps = append(x.Steps, fmt.Sprintf("  %d index entries and %d documents examined", keys, documents))
	}
	return nil
}

// appendStages shows the stages of a plan of the server, the last one first.
func appendStages(lines []string, plan bson.Raw, depth int) []string {
	stage, _ := plan.Lookup("stage").StringValueOK()
	if stage == "" {
		return lines
	}
	line := strings.Repeat("  ", depth) + stage
	if index, ok := plan.Lookup("indexName").StringValueOK(); ok {
		line += " " + index
	}
	lines = append(lines, line)
	if input, ok := plan.Lookup("inputStage").DocumentOK(); ok {
		lines = appendStages(lines, input, depth+1)
	}
	if inputs, ok := plan.Lookup("inputStages").ArrayOK(); ok {
		values, err := inputs.Values()
		for _, v := range values {
			if doc, ok := v.DocumentOK(); ok && err == nil {
				lines = appendStages(lines, doc, depth+1)
			}
		}
	}
	return lines
}
