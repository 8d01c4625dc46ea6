package audit

import "slices"

// filter is a set of names that may say yes to one that is not in it (a Bloom filter): 12 bits a name, 4 of which are set. It lets a search pass over blocks that cannot have a match.
type filter []byte

const (
	filterBits   = 12 // for each name
	filterProbes = 4
)

// nameOf is the place of a reference such as Patient/1 in filters: FNV-1a with 64 bits, as filters are kept.
func nameOf(text string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(text) {
		h ^= uint64(text[i])
		h *= 1099511628211
	}
	return h
}

// newFilter makes the filter of names, whose order it changes.
func newFilter(names []uint64) filter {
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	distinct := slices.Compact(names)
	f := make(filter, (len(distinct)*filterBits+7)/8)
	for _, n := range distinct {
		f.each(n, func(i uint64) bool { f[i/8] |= 1 << (i % 8); return true })
	}
	return f
}

// has reports whether the name may be in the set.
func (f filter) has(name uint64) bool {
	return len(f) > 0 && f.each(name, func(i uint64) bool { return f[i/8]&(1<<(i%8)) != 0 })
}

// each calls do for each bit of a name until it returns false.
func (f filter) each(name uint64, do func(bit uint64) bool) bool {
	step := name>>33 | 1
	for range filterProbes {
		if !do(name % uint64(len(f)*8)) {
			return false
		}
		name += step
	}
	return true
}
