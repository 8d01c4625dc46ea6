package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/firth-health/firth/fhir"
)

// explainServer sends the search to a server and writes what it tells about it and what came back.
func explainServer(ctx context.Context, base, query string, out io.Writer) error {
	address, err := explainAddress(base, query)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return usageError{err}
	}
	request.Header.Set("Accept", "application/fhir+json")
	started := time.Now()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(response.Body)
	took := time.Since(started)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return refusalOf(response.Status, body)
	}
	bundle, err := fhir.Parse(body)
	if err != nil {
		return err
	}
	if !bundle.Get("resourceType").TextIs("Bundle") {
		return usageError{fmt.Errorf("%s is not a search: the server answered %s", query, fhir.Indefinite(bundle.Get("resourceType").Text()))}
	}
	writeAnswer(out, base, bundle)
	_, err = fmt.Fprintf(out, "answered %d bytes in %v\n", len(body), took.Round(time.Microsecond))
	return err
}

// refusalOf says why the server refused the search: what the issues of an OperationOutcome say, a line each, or what it sent instead of one.
func refusalOf(status string, body []byte) error {
	outcome, err := fhir.Parse(body)
	if err != nil || !outcome.Get("resourceType").TextIs("OperationOutcome") {
		return fmt.Errorf("the server answered %s: %.1000s", status, body)
	}
	text := "the server answered " + status
	for issue := range outcome.Get("issue").Children() {
		said := issue.Get("diagnostics").Text()
		if said == "" {
			said = issue.Path("details", "text").Text()
		}
		if said == "" {
			said = issue.Get("code").Text()
		}
		text += "\n  " + said
		if at := issue.Get("expression").Index(0).Text(); at != "" {
			text += " (" + strings.TrimPrefix(at, "http.") + ")"
		}
	}
	return errors.New(text)
}

// explainAddress is the address of a search as people write it, with what they need not escape, that asks to be explained.
func explainAddress(base, query string) (string, error) {
	path, parameters, _ := strings.Cut(strings.Trim(query, "/"), "?")
	target, err := url.Parse(base)
	if err != nil {
		return "", usageError{err}
	}
	target = target.JoinPath(path)
	target.RawQuery = strings.NewReplacer("|", "%7C", " ", "%20", "<", "%3C", ">", "%3E", `"`, "%22").Replace(parameters)
	if target.RawQuery != "" {
		target.RawQuery += "&"
	}
	target.RawQuery += "_explain=true"
	return target.String(), nil
}

// writeAnswer writes what a searchset tells: the parameters that were used, what the server says about the search, and how much it found.
func writeAnswer(out io.Writer, base string, bundle fhir.Node) {
	for link := range bundle.Get("link").Children() {
		if link.Get("relation").TextIs("self") {
			fmt.Fprintf(out, "query    %s\n", readable(strings.TrimPrefix(link.Get("url").Text(), base+"/")))
		}
	}
	matches, included, explained := 0, 0, false
	for entry := range bundle.Get("entry").Children() {
		switch mode := entry.Path("search", "mode"); {
		case mode.TextIs("match"):
			matches++
		case mode.TextIs("include"):
			included++
		case mode.TextIs("outcome"):
			for issue := range entry.Path("resource", "issue").Children() {
				explained = writeIssue(out, issue) || explained
			}
		}
	}
	if !explained {
		fmt.Fprintln(out, "strategy not told: the server does not explain searches (it does with --dev)")
	}
	fmt.Fprintf(out, "found    %d on this page", matches)
	if total := bundle.Get("total"); total.Ok() {
		fmt.Fprintf(out, " of %s", total.Text())
	}
	if included > 0 {
		fmt.Fprintf(out, ", %d included", included)
	}
	fmt.Fprintln(out)
}

// writeIssue writes an issue under the headings that a search in a store has; explains reports whether it tells how the search was answered. One issue may
// tell several things, each from a line on that begins with its name.
func writeIssue(out io.Writer, issue fhir.Node) (explains bool) {
	text := issue.Get("diagnostics").Text()
	if !issue.Get("severity").TextIs("information") {
		writeBlock(out, "note", text)
		return false
	}
	for line := range strings.SplitSeq(text, "\n") {
		heading, rest := "", line
		for _, part := range [...]struct{ begins, heading, left string }{
			{"plan of ", "plan", "plan of "}, {"sort: ", "sort", "sort: "}, {"strategy: ", "strategy", "strategy: "}, {"cost: ", "scanned", "cost: "}, {"cost of ", "scanned", "cost of "},
		} {
			if strings.HasPrefix(line, part.begins) {
				heading, rest, explains = part.heading, strings.TrimPrefix(line, part.left), true
			}
		}
		fmt.Fprintf(out, "%-8s %s\n", heading, rest)
	}
	return explains
}

// readable is an address with escapes undone where that can be.
func readable(address string) string {
	if plain, err := url.QueryUnescape(address); err == nil {
		return plain
	}
	return address
}
