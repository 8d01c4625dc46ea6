package audit

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/firth-health/firth/store"
)

// Problems that verification names.
const (
	Altered   = "altered"   // content is not what was recorded
	Removed   = "removed"   // events are missing
	Inserted  = "inserted"  // an event is there that does not belong
	Swapped   = "swapped"   // events changed places
	Truncated = "truncated" // the newest events are missing
	Unproven  = "unproven"  // a checkpoint or the record of a gap cannot be trusted
)

// Finding is the first thing that is wrong with a chain.
type Finding struct {
	Chain       string
	First, Last uint64 // events that are concerned; 0 when it is not about events
	Problem     string
	Text        string // for people
}

func (f Finding) String() string {
	switch {
	case f.First == 0:
		return fmt.Sprintf("chain %s: %s: %s", f.Chain, f.Problem, f.Text)
	case f.Last <= f.First:
		return fmt.Sprintf("chain %s, event %d: %s: %s", f.Chain, f.First, f.Problem, f.Text)
	}
	return fmt.Sprintf("chain %s, events %d to %d: %s: %s", f.Chain, f.First, f.Last, f.Problem, f.Text)
}

// VerifyOptions say what a trail is held against.
type VerifyOptions struct {
	Keys  []ed25519.PublicKey // that checkpoints may be signed with; none takes the word of each checkpoint
	Since []Checkpoint        // from outside the store. Of each chain, events up to the last of them are taken as verified before.
	Known []Checkpoint        // from outside the store, which the chains must agree with. Those that name no chain of the store say that it was removed.
}

// ChainReport is what verification found of one chain.
type ChainReport struct {
	Head                 // the newest event
	From        uint64   // the first event that was looked at
	Events      uint64   // how many were
	Removed     uint64   // how many retention removed
	Checkpoints int      // how many agree
	Finding     *Finding // nil when all is well
}

// Verify proves that no event was altered, removed, inserted or moved, chain by chain; of each it names the first that was. It reads everything once.
func (b *book) Verify(ctx context.Context, opts VerifyOptions) ([]ChainReport, error) {
	chains, err := b.chains(ctx)
	if err != nil {
		return nil, err
	}
	points := map[string][]point{}
	for _, c := range chains {
		for _, h := range c.Follows {
			if h.Number > 0 {
				points[h.Chain] = append(points[h.Chain], point{h, "what chain " + c.Chain + " began with"})
			}
		}
	}
	since := map[string]Head{}
	for _, c := range slices.Concat(opts.Since, opts.Known) {
		if err := c.Check(opts.Keys...); err != nil {
			return nil, fmt.Errorf("the checkpoint of chain %s at %d that was given %w", c.Chain, c.Number, err)
		}
		points[c.Chain] = append(points[c.Chain], point{c.Head, "the checkpoint of " + dateOf(c.Time) + " that was given"})
	}
	for _, c := range opts.Since {
		if since[c.Chain].Number < c.Number {
			since[c.Chain] = c.Head
		}
	}
	var reports []ChainReport
	for _, c := range chains {
		v := verifier{b: b, chain: c.Chain, keys: opts.Keys, points: points[c.Chain], report: ChainReport{Head: Head{Chain: c.Chain}}}
		delete(points, c.Chain)
		if err := v.run(ctx, since[c.Chain]); err != nil {
			return nil, err
		}
		reports = append(reports, v.report)
	}
	for chain, list := range points {
		reports = append(reports, ChainReport{Head: Head{Chain: chain}, Finding: &Finding{Chain: chain, First: 1, Last: list[len(list)-1].Number, Problem: Removed, Text: "the whole chain is missing, which " + list[0].source + " names"}})
	}
	slices.SortFunc(reports, func(a, b ChainReport) int { return cmp.Compare(a.Chain, b.Chain) })
	return reports, nil
}

// point is a hash that a chain must have had behind an event.
type point struct {
	Head
	source string
}

// verifier goes through one chain.
type verifier struct {
	b      *book
	chain  string
	keys   []ed25519.PublicKey
	points []point // in order
	report ChainReport

	number uint64 // of the last event that is verified
	proven uint64 // of the last one that a checkpoint has
	hash   hash
	buffer []byte
}

// found notes the first finding.
func (v *verifier) found(first, last uint64, problem, format string, args ...any) {
	if v.report.Finding == nil {
		v.report.Finding = &Finding{Chain: v.chain, First: first, Last: last, Problem: problem, Text: fmt.Sprintf(format, args...)}
	}
}

// errFound ends the way through a chain.
var errFound = errors.New("found")

func (v *verifier) run(ctx context.Context, since Head) error {
	if err := v.gather(ctx); err != nil {
		return err
	}
	if err := v.begin(ctx, since); err != nil {
		return err
	}
	v.report.From = v.number + 1
	start := v.number
	if v.report.Finding == nil {
		err := v.b.all(ctx, kindEvents+v.chain, recordID(v.number), func(r *store.Record) error {
			if v.block(r); v.report.Finding != nil {
				return errFound
			}
			return ctx.Err()
		})
		if err != nil && !errors.Is(err, errFound) {
			return err
		}
	}
	if len(v.points) > 0 {
		last := v.points[len(v.points)-1]
		v.found(v.number+1, last.Number, Truncated, "the chain ends at event %d, but %s has a later one", v.number, last.source)
	}
	v.report.Number, v.report.Hash, v.report.Events = v.number, hex.EncodeToString(v.hash[:]), v.number-start
	return v.founding(ctx, start)
}

// gather reads the checkpoints of the store.
func (v *verifier) gather(ctx context.Context) error {
	err := v.b.all(ctx, kindCheckpoints+v.chain, "", func(r *store.Record) error {
		var c Checkpoint
		if err := json.Unmarshal(r.Value, &c); err != nil || c.Chain != v.chain || recordID(c.Number) != r.ID {
			v.found(0, 0, Unproven, "checkpoint %s cannot be read", r.ID)
			return nil
		}
		if err := c.Check(v.keys...); err != nil {
			v.found(0, 0, Unproven, "the checkpoint at event %d %v", c.Number, err)
			return nil
		}
		v.points = append(v.points, point{c.Head, "the checkpoint of " + dateOf(c.Time)})
		return nil
	})
	slices.SortStableFunc(v.points, func(a, b point) int { return cmp.Compare(a.Number, b.Number) })
	return err
}

// begin finds the place from which on events are verified: behind what retention removed, or behind a checkpoint that is trusted.
func (v *verifier) begin(ctx context.Context, since Head) error {
	err := v.b.all(ctx, kindTombstones+v.chain, "", func(r *store.Record) error {
		var t Tombstone
		if err := json.Unmarshal(r.Value, &t); err != nil || t.Chain != v.chain || recordID(t.To) != r.ID || !v.setHash(t.Hash) {
			v.found(0, 0, Unproven, "the record %s of events that retention removed cannot be read", r.ID)
			return nil
		}
		if err := checkSignature(t.Key, t.Signature, t.signed(), v.keys); err != nil {
			v.found(t.From, t.To, Unproven, "the record of events that retention removed %v", err)
		}
		if t.From != v.number+1 || t.Count != t.To-t.From+1 {
			v.found(v.number+1, t.From, Removed, "a record of events that retention removed begins at %d, the one before ends at %d", t.From, v.number)
		}
		v.number = t.To
		v.report.Removed += t.Count
		return nil
	})
	if since.Number > v.number && v.setHash(since.Hash) {
		v.number = since.Number
	}
	behind := slices.IndexFunc(v.points, func(p point) bool { return p.Number > v.number })
	if behind < 0 {
		behind = len(v.points)
	}
	v.points = v.points[behind:]
	return err
}

func (v *verifier) setHash(digits string) bool {
	sum, err := hex.DecodeString(digits)
	if err != nil || len(sum) != len(v.hash) {
		return false
	}
	copy(v.hash[:], sum)
	return true
}

// founding holds the record of how the chain began against its first event.
func (v *verifier) founding(ctx context.Context, start uint64) error {
	if start > 0 || v.report.Finding != nil || v.number == 0 {
		return nil
	}
	first, err := v.b.get(ctx, v.chain, 1)
	if err != nil || first == nil {
		return err
	}
	digest, err := v.b.chainDigest(ctx, v.chain)
	if err == nil && !namesDigest(first.Detail, digest) {
		v.found(0, 0, Altered, "the record of how the chain began is not the one its first event names")
	}
	return err
}
