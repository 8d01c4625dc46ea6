package importer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/firth-health/firth/fhir"
)

// fileReader reads one file in one pass.
type fileReader struct {
	im    *importing
	lanes *lanes
	name  string
	late  bool // second pass: only resources with conditional references

	deferred  int // resources left for the second pass
	resources int
	strangers []int // first lines that are JSON objects without a resourceType
	strange   int   // all of them
	values    int   // JSON values, good or bad
	lines     int
}

// maxStrangers is how many lines without a resourceType are named one by one in a file that holds resources too.
const maxStrangers = 100

func (r *fileReader) fail(line int, reason string) {
	if r.late {
		return // told in the first pass
	}
	r.im.report.fail(Failure{File: r.name, Line: line, Entry: -1, Reason: reason})
	r.im.counters.failed.Add(1)
}

func (r *fileReader) read(ctx context.Context) {
	src, err := openSource(r.name, r.im.counters)
	if err != nil {
		r.fail(0, reasonOf(err))
		return
	}
	if err := r.content(ctx, src); err != nil {
		r.fail(r.lines, reasonOf(err))
	}
	if err := src.Close(); err != nil {
		r.fail(0, reasonOf(err))
	}
	r.conclude()
}

// reasonOf says why without repeating the file's name, which the report puts in front.
func reasonOf(err error) string {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Op + ": " + path.Err.Error()
	}
	return err.Error()
}

// conclude decides what lines without a resourceType mean: a file full of them is something else than FHIR, a few among resources are errors.
func (r *fileReader) conclude() {
	if r.late {
		return
	}
	r.im.report.fileDone()
	if r.resources == 0 && r.strange > 0 && r.strange == r.values {
		r.im.report.skip(Skip{File: r.name, Lines: r.lines})
		return
	}
	for _, line := range r.strangers {
		r.fail(line, "no resourceType: not a FHIR resource")
	}
	if more := r.strange - len(r.strangers); more > 0 {
		r.fail(r.lines, fmt.Sprintf("%d further lines without a resourceType", more))
	}
}

// content tells NDJSON from a document: by the file's name, or else by a first line that is complete in itself.
func (r *fileReader) content(ctx context.Context, src *source) error {
	first, err := r.firstLine(src)
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return err
	}
	if !hasNDJSONName(r.name) {
		_, incomplete := fhir.Parse(first)
		if _, err := src.Peek(1); incomplete != nil || errors.Is(err, io.EOF) {
			return r.document(ctx, src, first)
		}
	}
	for {
		r.line(ctx, first)
		if first, err = src.line(); errors.Is(err, io.EOF) {
			return nil
		}
		r.lines++
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return nil // Run reports it once
		}
	}
}

func (r *fileReader) firstLine(src *source) ([]byte, error) {
	for {
		line, err := src.line()
		if err != nil {
			return nil, err
		}
		r.lines++
		if len(line) > 0 {
			return line, nil
		}
	}
}

func hasNDJSONName(name string) bool {
	name = strings.TrimSuffix(filepath.Base(name), ".gz")
	return strings.HasSuffix(name, ".ndjson") || strings.HasSuffix(name, ".jsonl")
}

func (r *fileReader) document(ctx context.Context, src *source, first []byte) error {
	before := r.lines - 1
	r.lines = 0
	data, err := src.rest(append(first, '\n'))
	if err != nil {
		return err
	}
	r.value(ctx, data, 0, before)
	return nil
}

func (r *fileReader) line(ctx context.Context, data []byte) {
	if len(data) > 0 {
		r.value(ctx, data, r.lines, 0)
	}
}

// value takes one resource or Bundle. line is its place in NDJSON, 0 for a document, which begins behind the given number of empty lines.
func (r *fileReader) value(ctx context.Context, data []byte, line, empty int) {
	r.values++
	root, err := fhir.Parse(data)
	if err != nil {
		r.fail(line, syntaxReason(err, line, empty))
		return
	}
	if root.Kind() == fhir.Object && !root.Get("resourceType").Ok() {
		r.strange++
		if len(r.strangers) < maxStrangers {
			r.strangers = append(r.strangers, max(line, 1))
		}
		return
	}
	resource, err := fhir.NewResource(root)
	if err != nil {
		r.fail(line, err.Error())
		return
	}
	r.resources++
	if resource.Type() == "Bundle" {
		r.bundle(ctx, resource, line)
		return
	}
	r.single(ctx, resource, line, -1)
}

func syntaxReason(err error, line, empty int) string {
	var syntax *fhir.SyntaxError
	switch {
	case !errors.As(err, &syntax):
		return err.Error()
	case line > 0:
		return fmt.Sprintf("invalid JSON at column %d: %s", syntax.Col, syntax.Msg)
	}
	return fmt.Sprintf("invalid JSON at line %d, column %d: %s", empty+syntax.Line, syntax.Col, syntax.Msg)
}

// single sends one resource on its way through the lane that its id belongs to.
func (r *fileReader) single(ctx context.Context, resource *fhir.Resource, line, entry int) {
	place := Failure{File: r.name, Line: line, Entry: entry}
	if hasConditionalReference(resource) != r.late {
		if !r.late {
			r.deferred++
		}
		return
	}
	id := resource.ID()
	if id != "" && !fhir.IsID(id) {
		place.Reason = "the id is not 1 to 64 of A-Z a-z 0-9 - ."
		r.im.failed(place)
		return
	}
	r.lanes.put(ctx, item{place: place, key: fhir.Key{Type: resource.Type(), ID: id}, data: resource.Bytes()})
}

// hasConditionalReference reports whether a reference is a search (R4 http.html#trules).
func hasConditionalReference(resource *fhir.Resource) bool {
	for n := range resource.Root().Descendants() {
		if n.KeyIs("reference") && n.Kind() == fhir.String && strings.Contains(n.Text(), "?") {
			return true
		}
	}
	return false
}
