package storecopy

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math/bits"
	"slices"

	"github.com/firth-health/firth/store"
)

// Report is what was copied, after both stores were read to the end.
type Report struct {
	Types    []TypeCount // by name
	Versions int64
	Records  int64  // of the kinds of the options, compared one by one
	Checksum string // of all versions of either store, whatever their order
}

// TypeCount is what a store holds of a type.
type TypeCount struct {
	Type      string
	Versions  int64
	Resources int64 // ids, deleted ones included
}

// ErrDiffers says that the stores do not hold the same.
var ErrDiffers = errors.New("the copy differs from its source")

// verify reads both stores and compares their sums.
func (c *copying) verify(ctx context.Context) (*Report, error) {
	source, err := c.sum(ctx, c.from)
	if err != nil {
		return nil, fmt.Errorf("reading the source again: %w", err)
	}
	target, err := c.sum(ctx, c.to)
	if err != nil {
		return nil, fmt.Errorf("reading the target: %w", err)
	}
	report := source.report()
	if got := target.report(); got.Checksum != report.Checksum || !slices.Equal(got.Types, report.Types) {
		return nil, fmt.Errorf("%w: %d versions with checksum %s, and %d with %s", ErrDiffers, report.Versions, report.Checksum, got.Versions, got.Checksum)
	}
	return report, nil
}

// sum is a checksum of a set of versions: the sum of their hashes modulo 2^256, so that order does not matter, and stores may order one instant differently.
type sum struct {
	total [4]uint64 // lowest word first
	types map[string]*TypeCount
}

func (c *copying) sum(ctx context.Context, a store.Archive) (*sum, error) {
	s := &sum{types: map[string]*TypeCount{}}
	for cursor := ""; ; {
		page, err := a.Export(ctx, store.ExportQuery{Cursor: cursor, Limit: c.Page})
		if err != nil {
			return nil, err
		}
		if len(page.Versions) == 0 {
			return s, nil
		}
		for i := range page.Versions {
			s.add(&page.Versions[i])
		}
		c.progress.verified.Add(int64(len(page.Versions)))
		cursor = page.Next
	}
}

func (s *sum) add(v *store.Version) {
	count := s.types[v.Key.Type]
	if count == nil {
		count = &TypeCount{Type: v.Key.Type}
		s.types[v.Key.Type] = count
	}
	count.Versions++
	if v.Key.Version == "1" {
		count.Resources++
	}
	hash := sha256.New()
	fmt.Fprintf(hash, "%s\x00%s\x00%s\x00%d\x00%d\x00", v.Key.Type, v.Key.ID, v.Key.Version, v.Method, v.LastUpdated.UnixMilli())
	hash.Write(v.JSON)
	digest := hash.Sum(nil)
	carry := uint64(0)
	for i := range s.total {
		s.total[i], carry = bits.Add64(s.total[i], binary.LittleEndian.Uint64(digest[8*i:]), carry)
	}
}

func (s *sum) report() *Report {
	r := &Report{}
	var digest []byte
	for _, word := range s.total {
		digest = binary.LittleEndian.AppendUint64(digest, word)
	}
	r.Checksum = hex.EncodeToString(digest)
	for _, name := range slices.Sorted(maps.Keys(s.types)) {
		r.Types = append(r.Types, *s.types[name])
		r.Versions += s.types[name].Versions
	}
	return r
}
