package passwords

import (
	"errors"
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

// Check verifies a new password: long enough, not one character or a short text over and over, no name of its owner with a few characters around it.
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
	for _, known := range append(names, "password", "passwort", "firth", "letmein", "welcome", "administrator", "qwertyuiop", "1234567890") {
		known = strings.ToLower(known)
		if len(known) >= 3 && strings.Contains(lower, known) && len(lower)-len(known) < 6 {
			return ErrGuessable
		}
	}
	return nil
}
