package mongo

import (
	"math/bits"
	"strconv"

	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// The layout of a Decimal128 whose coefficient has at most 34 digits: sign, 14 bits of exponent, 113 bits of coefficient (IEEE 754-2008, binary integer
// decimal).
const (
	decimalDigits = 34
	decimalBias   = 6176
	decimalShift  = 49 // of the exponent, in the high word
)

// numberType says how BSON holds a JSON number exactly: an integer, a Decimal128, or not at all (0).
func numberType(text []byte) bsoncore.Type {
	negative, whole, fraction, ok := plainNumber(text)
	switch {
	case !ok:
		return 0
	case fraction == 0:
		n, err := strconv.ParseInt(string(text), 10, 64)
		switch {
		case err != nil && whole <= decimalDigits:
			return bsoncore.TypeDecimal128
		case err != nil || n == 0 && negative:
			return 0
		case n == int64(int32(n)):
			return bsoncore.TypeInt32
		}
		return bsoncore.TypeInt64
	case negative && isZero(text), significant(text) > decimalDigits, fraction > decimalBias:
		return 0
	}
	return bsoncore.TypeDecimal128
}

// plainNumber reports whether text is a JSON number without an exponent, and how many digits it has before and behind the point.
func plainNumber(text []byte) (negative bool, whole, fraction int, ok bool) {
	rest := text
	if len(rest) > 0 && rest[0] == '-' {
		negative, rest = true, rest[1:]
	}
	point := -1
	for i, c := range rest {
		switch {
		case c == '.' && point < 0:
			point = i
		case c < '0' || c > '9':
			return negative, 0, 0, false
		}
	}
	if point < 0 {
		return negative, len(rest), 0, len(rest) > 0
	}
	return negative, point, len(rest) - point - 1, point > 0 && point < len(rest)-1
}

func isZero(text []byte) bool {
	for _, c := range text {
		if c >= '1' && c <= '9' {
			return false
		}
	}
	return true
}

// significant counts the digits of the coefficient of a plain number.
func significant(text []byte) int {
	n := 0
	for _, c := range text {
		if c >= '1' && c <= '9' || n > 0 && c == '0' {
			n++
		}
	}
	return n
}

// decimal makes a Decimal128 of a plain number of at most 34 significant digits.
func decimal(text []byte) (high, low uint64) {
	exponent, point := 0, false
	for _, c := range text {
		switch {
		case c == '-':
			high |= 1 << 63
		case c == '.':
			point = true
		default:
			var carry uint64
			coefficient := high &^ (1 << 63)
			over, product := bits.Mul64(low, 10)
			low, carry = bits.Add64(product, uint64(c-'0'), 0)
			high = high&(1<<63) | (coefficient*10 + over + carry)
			if point {
				exponent--
			}
		}
	}
	return high | uint64(exponent+decimalBias)<<decimalShift, low
}

// appendDecimal appends the plain text of a Decimal128 that [decimal] made; ok is false for any other.
func appendDecimal(dst []byte, high, low uint64) (_ []byte, ok bool) {
	exponent := int(high>>decimalShift&(1<<14-1)) - decimalBias
	coefficient := high & (1<<decimalShift - 1)
	if exponent > 0 || high>>61&3 == 3 {
		return dst, false
	}
	var digits [64]byte
	at := len(digits)
	for coefficient > 0 || low > 0 {
		var rest uint64
		coefficient, rest = coefficient/10, coefficient%10
		low, rest = bits.Div64(rest, low, 10)
		at--
		digits[at] = byte('0' + rest)
	}
	if high>>63 == 1 {
		dst = append(dst, '-')
	}
	whole := len(digits) - at + exponent // digits before the point
	if whole > 0 {
		dst = append(dst, digits[at:at+whole]...)
		at += whole
	} else {
		dst = append(dst, '0')
	}
	if exponent == 0 {
		return dst, true
	}
	dst = append(dst, '.')
	for ; whole < 0; whole++ {
		dst = append(dst, '0')
	}
	return append(dst, digits[at:]...), true
}
