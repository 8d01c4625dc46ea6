package passwords

import (
	"errors"
	"slices"
	"strings"
	"unicode/utf8"
)

// Lengths of a password in characters and bytes. NIST SP 800-63B asks for length and against rules of composition.
const (
	MinLength = 12
	MaxBytes  = 1024
)

// Errors that say what is wrong with a new password; their texts are for its owner.
var (
	ErrShort     = errors.New("the password must have at least 12 characters")
	ErrLong      = errors.New("the password is too long")
	ErrGuessable = errors.New("the password is too easy to guess")
)

// minOwn is how many characters must remain of a password once names and words that everybody tries are taken out.
const minOwn = 6

// Check verifies a new password: long enough, not one character or a short text over and over, not made of its owner's names and well-known words.
func Check(password string, names ...string) error {
	switch {
	case utf8.RuneCountInString(password) < MinLength:
		return ErrShort
	case len(password) > MaxBytes:
		return ErrLong
	}
	lower := strings.ToLower(password)
	for period := 1; period <= 4; period++ {
		if strings.Repeat(lower[:period], len(lower)/period+1)[:len(lower)] == lower {
			return ErrGuessable
		}
	}
	known := append(slices.Clone(names), "password", "passwort", "firth", "letmein", "welcome", "administrator", "admin", "qwertyuiop", "qwerty", "1234567890", "123456", "abcdef")
	slices.SortFunc(known, func(x, y string) int { return len(y) - len(x) })
	rest := lower
	for _, word := range known {
		if len(word) >= 3 {
			rest = strings.ReplaceAll(rest, strings.ToLower(word), "")
		}
	}
	if utf8.RuneCountInString(strings.ReplaceAll(rest, " ", "")) < minOwn && rest != lower {
		return ErrGuessable
	}
	return nil
}
