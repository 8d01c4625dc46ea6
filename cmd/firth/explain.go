package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/firth-health/firth/fhir/spec"
	"github.com/firth-health/firth/internal/config"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/server"
	"github.com/firth-health/firth/store"
)

func explainCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "explain 'TYPE?PARAMETERS'",
		Short: "Show how a search is understood and answered",
		Long: `Show how a search is understood and answered: the parameters that are used and those that are not, the plan they compile to, how
the store goes about it, and what it had to touch. The search is run against the store of --store, which no server may have open. With --server it is sent to a
running server instead, which tells the same when it runs with --dev; searches in several types and in compartments can be sent as well.`,
		Example: `  firth explain --store data 'Observation?patient=p1&code=http://loinc.org|8867-4&_sort=-date&_count=20'
  firth explain --server http://127.0.0.1:8080/fhir 'Patient?name=pet&birthdate=ge1970'
  firth explain --server http://127.0.0.1:8080/fhir 'Patient/p1/*?_type=Observation,Condition'`,
		Args: cobra.ExactArgs(1),
	}
	load := settings(cmd, "store", "server", "cache", "content", "query-cost", "listen", "base-url", "page-size", "max-page-size", "log-level", "log-format")
	cmd.RunE = failing(func(cmd *cobra.Command, args []string) error {
		c, err := load()
		if err != nil {
			return err
		}
		return explain(cmd.Context(), c, args[0], cmd.OutOrStdout())
	})
	return cmd
}

func explain(ctx context.Context, c config.Config, query string, out io.Writer) (err error) {
	if c.Server != "" {
		return explainServer(ctx, c.Server, query, out)
	}
	definitions, err := spec.R4()
	if err != nil {
		return err
	}
	registry, err := search.NewRegistry(definitions, search.Options{BaseURL: baseURL(c, c.Listen), References: true, Content: c.Content})
	if err != nil {
		return err
	}
	s, failed := existingStore(ctx, c)
	if failed == nil {
		defer func() { err = errors.Join(err, s.Close()) }()
		if err := server.ReadParameters(ctx, s, registry, logger(c)); err != nil {
			return err
		}
	}
	request, err := parseSearch(registry, definitions, c, query)
	if err != nil {
		return err
	}
	writeRequest(out, request)
	if failed != nil {
		return failed
	}
	return explainStore(ctx, s, request.Query, out)
}

// existingStore opens the store of the configuration and makes none.
func existingStore(ctx context.Context, c config.Config) (store.Store, error) {
	if _, err := os.Stat(c.Store); err != nil && !isURI(c.Store) {
		return nil, fmt.Errorf("there is no store to search: %w", err) // opening would make one
	}
	return openStore(ctx, c, logger(c))
}

// explainStore runs the query and tells what the store did.
func explainStore(ctx context.Context, s store.Store, q *search.Query, out io.Writer) error {
	explainer, ok := store.Unwrap(s).(store.Explainer)
	if !ok {
		return errors.New("this store does not explain its searches")
	}
	explanation, err := explainer.Explain(ctx, q)
	if err != nil {
		return err
	}
	writeExplanation(out, explanation)
	return nil
}

func parseSearch(registry *search.Registry, definitions *spec.Definitions, c config.Config, query string) (*search.Request, error) {
	typ, raw, _ := strings.Cut(strings.TrimPrefix(query, "/"), "?")
	if !definitions.IsResource(typ) {
		return nil, usageError{fmt.Errorf("%q is not a resource type of FHIR R4", typ)}
	}
	pairs, err := search.ParseQuery(raw)
	if err != nil {
		return nil, err
	}
	return registry.Parse(typ, pairs, search.ParseOptions{DefaultCount: int(c.PageSize), MaxCount: int(c.MaxPageSize)})
}

func writeRequest(out io.Writer, request *search.Request) {
	q := request.Query
	fmt.Fprintf(out, "query    %s", q.Type)
	joint := "?"
	for _, pair := range request.Self {
		fmt.Fprintf(out, "%s%s=%s", joint, pair.Name, pair.Value)
		joint = "&"
	}
	fmt.Fprintln(out)
	for _, issue := range request.Issues {
		fmt.Fprintf(out, "ignored  %s\n", issue.Diagnostics)
	}
	writeBlock(out, "plan", search.Explain(q.Plan))
	for _, key := range q.Sort {
		direction := "ascending"
		if key.Descending {
			direction = "descending"
		}
		fmt.Fprintf(out, "sort     %s %s by %s\n", key.Param, direction, strings.ReplaceAll(strings.Join(key.Prefixes, " "), search.Separator, "␁"))
	}
	fmt.Fprintf(out, "count    %d\n", q.Count)
}

// writeBlock writes lines under a heading.
func writeBlock(out io.Writer, heading, text string) {
	for _, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		fmt.Fprintf(out, "%-8s %s\n", heading, line)
		heading = ""
	}
}

func writeExplanation(out io.Writer, e *store.Explanation) {
	fmt.Fprintf(out, "strategy %s\n", e.Strategy)
	if len(e.Steps) > 0 {
		writeBlock(out, "steps", strings.Join(e.Steps, "\n"))
	}
	c := e.Counters
	fmt.Fprintf(out, "scanned  %d seeks, %d keys read, %d candidates tested, %d resources read, %v\n", c.Seeks, c.Keys, c.Tested, c.Bodies, c.Duration)
	if e.Page == nil {
		return
	}
	fmt.Fprintf(out, "found    %d on this page", len(e.Page.Matches))
	if e.Page.Total >= 0 {
		fmt.Fprintf(out, " of %d", e.Page.Total)
	}
	if len(e.Page.Included) > 0 {
		fmt.Fprintf(out, ", %d included", len(e.Page.Included))
	}
	fmt.Fprintln(out)
}
