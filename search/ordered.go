package search

import (
	"strconv"

	"github.com/firth-health/firth/fhir"
)

// Ordered decimals: texts whose byte order is the order of the numbers, one text for all ways to write a number. See the
// grammar in keys.go.

const (
	exponentOffset = 5000
	exponentLimit  = 4000 // beyond, a number has no text; fhir.Decimal stays within ±1200
)

// appendDecimal appends ±0.digits × 10^exponent; digits may have zeros at both ends. ok is false when the exponent is out of bounds.
func appendDecimal(dst []byte, negative bool, digits []byte, exponent int) (_ []byte, ok bool) {
	for len(digits) > 0 && digits[0] == '0' {
		digits = digits[1:]
		exponent--
	}
	for len(digits) > 0 && digits[len(digits)-1] == '0' {
		digits = digits[:len(digits)-1]
	}
	if len(digits) == 0 {
		return append(dst, '0'), true
	}
	if exponent > exponentLimit || exponent < -exponentLimit {
		return dst, false
	}
	if !negative {
		dst = append(dst, '>')
		dst = appendDigits(dst, exponentOffset+exponent, 4)
		dst = append(dst, '.')
		return append(dst, digits...), true
	}
	dst = append(dst, '-')
	dst = appendDigits(dst, 9999-exponentOffset-exponent, 4)
	dst = append(dst, '.')
	for _, c := range digits {
		dst = append(dst, '0'+'9'-c)
	}
	return append(dst, '~'), true
}

// appendNumber appends the ordered decimal of JSON number text. ok is false for anything else and for what fhir.ParseDecimal refuses.
func appendNumber(dst, text []byte) (_ []byte, ok bool) {
	var room [48]byte
	digits := room[:0]
	rest := text
	negative := len(rest) > 0 && rest[0] == '-'
	if negative {
		rest = rest[1:]
	}
	whole, fraction := 0, -1
	i := 0
	for ; i < len(rest); i++ {
		c := rest[i]
		if '0' <= c && c <= '9' {
			digits = append(digits, c)
			if fraction >= 0 {
				fraction++
			} else {
				whole++
			}
		} else if c == '.' && fraction < 0 && whole > 0 {
			fraction = 0
		} else {
			break
		}
	}
	if whole == 0 || fraction == 0 || len(text) > 400 {
		return dst, false
	}
	exponent := 0
	if i < len(rest) {
		if rest[i]|0x20 != 'e' || len(rest)-i > 7 {
			return dst, false
		}
		var err error
		if exponent, err = strconv.Atoi(string(rest[i+1:])); err != nil {
			return dst, false
		}
	}
	if scale := exponent - max(fraction, 0); scale > 400 || scale < -400 {
		return dst, false
	}
	return appendDecimal(dst, negative, digits, whole+exponent)
}

// decimalText is the ordered decimal of a number of a query.
func decimalText(d fhir.Decimal) string {
	negative, digits, exponent := d.Digits()
	text, ok := appendDecimal(nil, negative, []byte(digits), len(digits)+exponent)
	if !ok {
		return "0" // cannot be: fhir.Decimal bounds its exponent
	}
	return string(text)
}
