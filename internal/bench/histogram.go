package bench

import (
	"math/bits"
	"time"
)

// Histogram counts durations in buckets of at most 1/32 of their size, from a nanosecond to hours, without allocating.
type Histogram struct {
	buckets [64 << histogramBits]uint32
	count   int
}

const histogramBits = 5

// Add counts one duration.
func (h *Histogram) Add(d time.Duration) {
	h.buckets[bucketOf(uint64(max(d, 0)))]++
	h.count++
}

// Merge adds the counts of another histogram.
func (h *Histogram) Merge(other *Histogram) {
	for i, n := range other.buckets {
		h.buckets[i] += n
	}
	h.count += other.count
}

// Count is how many durations were added.
func (h *Histogram) Count() int { return h.count }

// Quantile returns a duration that the share q of all does not exceed, rounded up to its bucket; zero when empty.
func (h *Histogram) Quantile(q float64) time.Duration {
	rank := int(q * float64(h.count))
	for i, n := range h.buckets {
		if rank -= int(n); rank < 0 {
			return time.Duration(bucketEnd(i))
		}
	}
	return 0
}

// bucketOf keeps the five bits below the leading one.
func bucketOf(v uint64) int {
	if v < 1<<histogramBits {
		return int(v)
	}
	shift := bits.Len64(v) - 1 - histogramBits
	return (shift+1)<<histogramBits + int(v>>shift) - 1<<histogramBits
}

// bucketEnd is the largest value of a bucket.
func bucketEnd(i int) uint64 {
	if i < 1<<histogramBits {
		return uint64(i)
	}
	shift := i>>histogramBits - 1
	low := uint64(i&(1<<histogramBits-1)+1<<histogramBits) << shift
	return low + 1<<shift - 1
}
