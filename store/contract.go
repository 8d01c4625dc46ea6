package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"syscall"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
)

// Contract wraps a store for tests. Each call's arguments, results and errors are checked against what [Store] promises; a breach comes back as a
// [*ContractError] in the place of the result. The wrapper remembers the keys of what is written through it, so that it can tell whether matches
// match and stand in order.
func Contract(s Store) Store { return &contract{inner: s} }

type contract struct {
	inner Store
	keys  sync.Map // fhir.Key with version -> []string, sorted
}

// Unwrap gives the store behind the contract.
func (c *contract) Unwrap() Store { return c.inner }

func (c *contract) Close() error { return c.inner.Close() }

// Read implements [Store].
func (c *contract) Read(ctx context.Context, key fhir.Key) (*Version, error) {
	if key.Type == "" || key.ID == "" {
		return nil, broken("Read", "key %q has no type or no id", key)
	}
	v, err := c.inner.Read(ctx, key)
	if err != nil {
		return nil, vocabulary("Read", err, v != nil, ErrNotFound, ErrGone)
	}
	switch text := versionText(v); {
	case text != "":
		return nil, broken("Read", "%s: %s", key, text)
	case v.Deleted():
		return nil, broken("Read", "%s: a deletion without ErrGone", key)
	case v.Key.Type != key.Type || v.Key.ID != key.ID || key.Version != "" && v.Key.Version != key.Version:
		return nil, broken("Read", "%s was asked, %s came", key, v.Key)
	}
	return v, nil
}

// versionText says what is wrong with a version; empty for nothing.
func versionText(v *Version) string {
	switch {
	case v == nil:
		return "no version"
	case v.Key.Type == "" || !fhir.IsID(v.Key.ID) || v.Key.Version == "":
		return fmt.Sprintf("version with incomplete key %q", v.Key)
	case v.Method < Create || v.Method > Delete:
		return fmt.Sprintf("version with method %d", v.Method)
	case v.Deleted() != (v.JSON == nil):
		return "content does not go with method"
	case v.LastUpdated.IsZero() || v.LastUpdated.Nanosecond()%1e6 != 0:
		return fmt.Sprintf("lastUpdated %v is not in milliseconds", v.LastUpdated)
	}
	return ""
}

// vocabulary lets pass what a method may fail with.
func vocabulary(method string, err error, hasResult bool, allowed ...error) error {
	if hasResult {
		return broken(method, "a result beside the error %v", err)
	}
	var path *fs.PathError
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, fs.ErrClosed) ||
		errors.As(err, &path) || errors.Is(err, syscall.ENOSPC) {
		return err
	}
	for _, one := range allowed {
		if errors.Is(err, one) {
			return err
		}
	}
	var misuse *ContractError
	if errors.As(err, &misuse) {
		return err
	}
	return broken(method, "unknown error %v", err)
}

// Apply implements [Store].
func (c *contract) Apply(ctx context.Context, ops []Op) ([]Result, error) {
	if err := CheckOps(ops); err != nil {
		return nil, err
	}
	results, err := c.inner.Apply(ctx, ops)
	if err != nil {
		return nil, c.applyError(ops, results, err)
	}
	if len(results) != len(ops) {
		return nil, broken("Apply", "%d results for %d ops", len(results), len(ops))
	}
	for i := range results {
		if text := resultText(&ops[i], &results[i]); text != "" {
			return nil, broken("Apply", "op %d, %s: %s", i, ops[i].Key, text)
		}
		c.remember(&ops[i], &results[i])
	}
	return results, nil
}

func (c *contract) remember(op *Op, r *Result) {
	if r.Existing || op.Method == Delete {
		return
	}
	keys := append(slices.Clone(op.Keys), search.LastUpdatedKey(r.Version.LastUpdated))
	slices.Sort(keys)
	c.keys.Store(r.Version.Key, keys)
}

func (c *contract) applyError(ops []Op, results []Result, err error) error {
	err = vocabulary("Apply", err, results != nil, ErrConflict, ErrPrecondition, ErrMultiple, ErrUnsupported, ErrBusy, ErrUnknown)
	var op *OpError
	for _, sentinel := range []error{ErrConflict, ErrPrecondition, ErrMultiple} {
		if errors.Is(err, sentinel) && !errors.As(err, &op) {
			return broken("Apply", "%v without the operation it is about", err)
		}
	}
	if errors.As(err, &op) && (op.Index < 0 || op.Index >= len(ops)) {
		return broken("Apply", "error about op %d of %d", op.Index, len(ops))
	}
	return err
}

// resultText says what is wrong with a result; empty for nothing.
func resultText(op *Op, r *Result) string {
	v := &r.Version
	switch {
	case r.Existing && (r.Created || op.IfNoneExist == nil):
		return "existing and created, or existing without a condition"
	case r.Existing:
		if v.Key.Type != op.IfNoneExist.Type {
			return "the existing resource is of another type"
		}
		return versionText(v)
	case op.Method == Delete && v.Method == 0:
		return ""
	case v.Method != op.Method || v.Key.Type != op.Key.Type || v.Key.ID != op.Key.ID:
		return fmt.Sprintf("the version written is %s by method %d", v.Key, v.Method)
	case op.Method == Create && (!r.Created || v.Key.Version != "1"):
		return "a creation that is not the first version"
	case op.Method == Delete && r.Created:
		return "a deletion that created"
	}
	if text := versionText(v); text != "" || v.Deleted() {
		return text
	}
	if want := op.Resource.Render(nil, v.Key.Version, v.LastUpdated); string(want) != string(v.JSON) {
		return "the content is not the stamped resource"
	}
	return ""
}

// History implements [Store].
func (c *contract) History(ctx context.Context, q HistoryQuery) (*HistoryPage, error) {
	if q.Count < 0 || q.ID != "" && q.Type == "" {
		return nil, broken("History", "malformed query %+v", q)
	}
	page, err := c.inner.History(ctx, q)
	if err != nil {
		return nil, vocabulary("History", err, page != nil, ErrNotFound, ErrBadCursor, ErrUnsupported, ErrBusy)
	}
	return page, historyBreach(&q, page)
}

func historyBreach(q *HistoryQuery, page *HistoryPage) error {
	if len(page.Versions) > q.Count || page.Next != "" && len(page.Versions) < q.Count || page.Total < -1 {
		return broken("History", "%d versions on a page of %d, total %d, next %q", len(page.Versions), q.Count, page.Total, page.Next)
	}
	if page.Total >= 0 && page.Total < len(page.Versions) {
		return broken("History", "%d versions of %d", len(page.Versions), page.Total)
	}
	for i := range page.Versions {
		v := &page.Versions[i]
		text := versionText(v)
		switch {
		case q.Type != "" && v.Key.Type != q.Type || q.ID != "" && v.Key.ID != q.ID:
			text = "a version of something else"
		case i > 0 && !q.OldestFirst && v.LastUpdated.After(page.Versions[i-1].LastUpdated):
			text = "not newest first"
		case i > 0 && q.OldestFirst && v.LastUpdated.Before(page.Versions[i-1].LastUpdated):
			text = "not oldest first"
		case v.LastUpdated.Before(q.Since):
			text = "before Since"
		case !q.Before.IsZero() && !v.LastUpdated.Before(q.Before):
			text = "not before Before"
		}
		if text != "" {
			return broken("History", "%s: %s", v.Key, text)
		}
	}
	return nil
}

// Search implements [Store].
func (c *contract) Search(ctx context.Context, q *search.Query) (*Page, error) {
	if q == nil || q.Type == "" || q.Plan == nil || q.Count < 0 {
		return nil, broken("Search", "malformed query %+v", q)
	}
	page, err := c.inner.Search(ctx, q)
	if err != nil {
		return nil, vocabulary("Search", err, page != nil, ErrBadCursor, ErrUnsupported, ErrTooCostly, ErrBusy)
	}
	text := pageText(q, page)
	if text == "" {
		text = c.matchText(q, page.Matches)
	}
	if text != "" {
		return nil, broken("Search", "%s", text)
	}
	return page, nil
}

// matchText says which match does not match or stands in the wrong place, as far as the wrapper saw it written; empty for none.
func (c *contract) matchText(q *search.Query, matches []Version) string {
	var last []string
	lastID := ""
	for i := range matches {
		known, ok := c.keys.Load(matches[i].Key)
		if !ok {
			last = nil
			continue
		}
		keys, id := known.([]string), matches[i].Key.ID
		if !search.FollowsReferences(q.Plan) && !search.Match(q.Plan, id, keys, nil) {
			return fmt.Sprintf("%s does not match", matches[i].Key)
		}
		if last != nil && behind(q.Sort, lastID, last, id, keys) {
			return fmt.Sprintf("%s stands behind %s", matches[i].Key, lastID)
		}
		last, lastID = keys, id
	}
	return ""
}

// behind reports whether the sort values of a resource belong behind those of the next.
func behind(order []search.SortKey, id string, keys []string, nextID string, next []string) bool {
	for _, key := range order {
		a, hasA := key.Value(id, keys)
		b, hasB := key.Value(nextID, next)
		if hasA != hasB {
			return hasB
		}
		if a != b {
			return (a > b) != key.Descending
		}
	}
	return false
}

// pageText says what is wrong with a page; empty for nothing. That the matches match and stand in order is for the suite, which knows their keys.
func pageText(q *search.Query, page *Page) string {
	n := len(page.Matches)
	switch {
	case n > q.Count:
		return fmt.Sprintf("%d matches on a page of %d", n, q.Count)
	case page.Next != "" && n < q.Count || page.Next != "" && n == 0:
		return fmt.Sprintf("a next page after %d of %d", n, q.Count)
	case page.Total < -1 || page.Total >= 0 && page.Total < n:
		return fmt.Sprintf("total %d with %d matches", page.Total, n)
	case q.Total == search.Accurate && page.Total < 0 || q.Total == search.NoTotal && page.Total >= 0:
		return fmt.Sprintf("total %d in mode %d", page.Total, q.Total)
	case q.Cursor == "" && q.Count > 0 && page.Total >= 0 && (page.Next == "") != (page.Total == n):
		return fmt.Sprintf("total %d, but %d on the first page and next %q", page.Total, n, page.Next)
	}
	seen := map[fhir.Key]struct{}{}
	for i := range page.Matches {
		v := &page.Matches[i]
		if text := versionText(v); text != "" {
			return text
		}
		if v.Deleted() || v.Key.Type != q.Type {
			return fmt.Sprintf("%s is no match for %s", v.Key, q.Type)
		}
		seen[v.Key] = struct{}{}
	}
	for i := range page.Included {
		if text := versionText(&page.Included[i]); text != "" {
			return "included: " + text
		}
		seen[page.Included[i].Key] = struct{}{}
	}
	if len(seen) != n+len(page.Included) {
		return "a resource comes twice"
	}
	return ""
}
