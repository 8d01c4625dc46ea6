package statistics

import (
	"math/big"
	"math/bits"
	"slices"
)

// powerSum is the sum of the k-th powers.
func (n *integers) powerSum(k int) *big.Int {
	if k == 0 {
		return big.NewInt(int64(len(n.small) + len(n.large)))
	}
	room := bits.Len(uint(len(n.small)))
	lesser := k / 2
	if width := n.width(); n.large == nil && k*width+room < 128 && (k-lesser)*width < 64 {
		var sum wide
		for _, v := range n.small {
			low, high := int64(1), v
			for i := 1; i < k-lesser; i++ {
				high *= v
			}
			for range lesser {
				low *= v
			}
			sum.add(low, high)
		}
		return sum.integer()
	}
	sum, one, exponent := new(big.Int), new(big.Int), big.NewInt(int64(k))
	for i := range len(n.small) + len(n.large) {
		sum.Add(sum, one.Exp(n.rank(int64(i)), exponent, nil))
	}
	return sum
}

// productSum is the sum of the products of the numbers at the same places of two lists.
func (n *integers) productSum(other *integers) *big.Int {
	if room := bits.Len(uint(len(n.small))); n.large == nil && other.large == nil && n.width()+other.width()+room < 128 {
		var sum wide
		for i, v := range n.small {
			sum.add(v, other.small[i])
		}
		return sum.integer()
	}
	sum, one := new(big.Int), new(big.Int)
	for i := range len(n.small) + len(n.large) {
		sum.Add(sum, one.Mul(n.rank(int64(i)), other.rank(int64(i))))
	}
	return sum
}

// width is how many bits the greatest of the small numbers has, the sign not counted.
func (n *integers) width() int {
	all := uint64(0)
	for _, v := range n.small {
		all |= magnitude(v)
	}
	return bits.Len64(all)
}

func magnitude(v int64) uint64 {
	if v < 0 {
		return -uint64(v)
	}
	return uint64(v)
}

// wide is a whole number of 128 bits in two's complement.
type wide struct{ hi, lo uint64 }

// add adds a product.
func (w *wide) add(a, b int64) {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	hi -= uint64(a>>63)&uint64(b) + uint64(b>>63)&uint64(a) // from the product of the bits to that of the signed numbers
	var carry uint64
	w.lo, carry = bits.Add64(w.lo, lo, 0)
	w.hi, _ = bits.Add64(w.hi, hi, carry)
}

func (w wide) integer() *big.Int {
	negative := w.hi>>63 != 0
	if negative {
		var borrow uint64
		w.lo, borrow = bits.Sub64(0, w.lo, 0)
		w.hi, _ = bits.Sub64(0, w.hi, borrow)
	}
	n := new(big.Int).SetUint64(w.hi)
	n.Or(n.Lsh(n, 64), new(big.Int).SetUint64(w.lo))
	if negative {
		n.Neg(n)
	}
	return n
}

// smallPower is 10^n, if it has at most [smallBits] bits.
func smallPower(n int) (power int64, ok bool) {
	if n > 18 {
		return 0, false
	}
	for power = 1; n > 0; n-- {
		power *= 10
	}
	return power, true
}

// product multiplies two numbers; ok is false when the result has more than [smallBits] bits.
func product(a, b int64) (result int64, ok bool) {
	hi, lo := bits.Mul64(magnitude(a), magnitude(b))
	return a * b, hi == 0 && lo>>smallBits == 0
}

// sorted returns the numbers in order.
func (n *integers) sorted() integers {
	if n.large != nil {
		large := slices.Clone(n.large)
		slices.SortFunc(large, (*big.Int).Cmp)
		return integers{large: large}
	}
	return integers{small: sortedSmall(n.small)}
}

const (
	digitBits = 11
	digits    = 1 << digitBits
	fewValues = 1000 // that comparing sorts faster than counting
)

// sortedSmall sorts a copy by the bits in which the numbers differ, from the lowest digit on, which takes two rounds for what devices measure.
func sortedSmall(numbers []int64) []int64 {
	result := slices.Clone(numbers)
	if len(numbers) < fewValues {
		slices.Sort(result)
		return result
	}
	low := slices.Min(numbers)
	spread := bits.Len64(uint64(slices.Max(numbers) - low))
	other := make([]int64, len(numbers))
	for shift := 0; shift < spread; shift += digitBits {
		var counts [digits]int
		for _, v := range result {
			counts[uint64(v-low)>>shift%digits]++
		}
		place := 0
		for i, count := range counts {
			counts[i], place = place, place+count
		}
		for _, v := range result {
			digit := uint64(v-low) >> shift % digits
			other[counts[digit]] = v
			counts[digit]++
		}
		result, other = other, result
	}
	return result
}
