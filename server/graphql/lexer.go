package graphql

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Limits of a document.
const (
	maxDocument = 64 << 10 // bytes
	maxDepth    = 20       // nested selections, lists and objects
)

type tokenKind uint8

const (
	endToken tokenKind = iota
	punctuator
	nameToken
	intToken
	floatToken
	stringToken
)

// token is a lexical token (GraphQL June 2018, section 2.1.6). The text of a string is its value.
type token struct {
	kind tokenKind
	text string
	at   Position
}

func (t token) is(text string) bool { return t.kind == punctuator && t.text == text }

// shown is how a message names the token.
func (t token) shown() string {
	switch t.kind {
	case endToken:
		return "the end of the query"
	case stringToken:
		return "a string"
	}
	return strconv.Quote(t.text)
}

type lexer struct {
	text      string
	at        int
	line      int
	lineStart int
}

func (l *lexer) position() Position { return Position{l.line + 1, l.at - l.lineStart + 1} }

// ignore skips white space, commas and comments.
func (l *lexer) ignore() {
	for l.at < len(l.text) {
		switch c := l.text[l.at]; {
		case c == '\n':
			l.at++
			l.line, l.lineStart = l.line+1, l.at
		case c == ' ' || c == '\t' || c == '\r' || c == ',':
			l.at++
		case c == '#':
			end := strings.IndexByte(l.text[l.at:], '\n')
			if end < 0 {
				end = len(l.text) - l.at
			}
			l.at += end
		case strings.HasPrefix(l.text[l.at:], "\ufeff"):
			l.at += len("\ufeff")
		default:
			return
		}
	}
}

func isNameStart(c byte) bool { return c == '_' || 'a' <= c|0x20 && c|0x20 <= 'z' }
func isDigit(c byte) bool     { return '0' <= c && c <= '9' }

func (l *lexer) next() (token, error) {
	l.ignore()
	t := token{at: l.position()}
	if l.at == len(l.text) {
		return t, nil
	}
	switch c := l.text[l.at]; {
	case isNameStart(c):
		t.kind, t.text = nameToken, l.while(func(c byte) bool { return isNameStart(c) || isDigit(c) })
	case isDigit(c) || c == '-':
		return l.number(t)
	case c == '"':
		return l.quoted(t)
	case strings.HasPrefix(l.text[l.at:], "..."):
		t.kind, t.text = punctuator, "..."
		l.at += 3
	case strings.IndexByte("!$&():=@[]{|}", c) >= 0:
		t.kind, t.text = punctuator, string(c)
		l.at++
	default:
		r, _ := utf8.DecodeRuneInString(l.text[l.at:])
		return t, problem(t.at, "unexpected character %q", r)
	}
	return t, nil
}

func (l *lexer) while(accept func(c byte) bool) string {
	from := l.at
	for l.at < len(l.text) && accept(l.text[l.at]) {
		l.at++
	}
	return l.text[from:l.at]
}

// number reads -?digits[.digits][e[+-]digits].
func (l *lexer) number(t token) (token, error) {
	from := l.at
	t.kind = intToken
	if l.text[l.at] == '-' {
		l.at++
	}
	digits := l.while(isDigit)
	if digits == "" || len(digits) > 1 && digits[0] == '0' {
		return t, problem(t.at, "malformed number")
	}
	if l.at < len(l.text) && l.text[l.at] == '.' {
		t.kind = floatToken
		l.at++
		if l.while(isDigit) == "" {
			return t, problem(t.at, "malformed number")
		}
	}
	if l.at < len(l.text) && l.text[l.at]|0x20 == 'e' {
		t.kind = floatToken
		l.at++
		if l.at < len(l.text) && (l.text[l.at] == '+' || l.text[l.at] == '-') {
			l.at++
		}
		if l.while(isDigit) == "" {
			return t, problem(t.at, "malformed number")
		}
	}
	if l.at < len(l.text) && (isNameStart(l.text[l.at]) || l.text[l.at] == '.') {
		return t, problem(t.at, "malformed number")
	}
	t.text = l.text[from:l.at]
	return t, nil
}

func (l *lexer) quoted(t token) (token, error) {
	t.kind = stringToken
	if strings.HasPrefix(l.text[l.at:], `"""`) {
		return l.block(t)
	}
	var b strings.Builder
	for l.at++; l.at < len(l.text); {
		switch c := l.text[l.at]; {
		case c == '"':
			l.at++
			t.text = b.String()
			return t, nil
		case c == '\n' || c == '\r':
			return t, problem(t.at, "the string does not end on its line")
		case c == '\\':
			if !l.escape(&b) {
				return t, problem(l.position(), "malformed escape in a string")
			}
		default:
			b.WriteByte(c)
			l.at++
		}
	}
	return t, problem(t.at, "the string does not end")
}

// escape reads an escape of a string.
func (l *lexer) escape(b *strings.Builder) bool {
	if l.at+1 >= len(l.text) {
		return false
	}
	c := l.text[l.at+1]
	l.at += 2
	switch c {
	case '"', '\\', '/':
		b.WriteByte(c)
	case 'b':
		b.WriteByte('\b')
	case 'f':
		b.WriteByte('\f')
	case 'n':
		b.WriteByte('\n')
	case 'r':
		b.WriteByte('\r')
	case 't':
		b.WriteByte('\t')
	case 'u':
		r, ok := l.unit()
		if ok && utf16.IsSurrogate(r) && strings.HasPrefix(l.text[l.at:], `\u`) {
			l.at += 2
			var low rune
			low, ok = l.unit()
			r = utf16.DecodeRune(r, low)
		}
		if ok {
			b.WriteRune(r)
		}
		return ok
	default:
		return false
	}
	return true
}

// unit reads four hexadecimal digits.
func (l *lexer) unit() (rune, bool) {
	if l.at+4 > len(l.text) {
		return 0, false
	}
	n, err := strconv.ParseUint(l.text[l.at:l.at+4], 16, 16)
	l.at += 4
	return rune(n), err == nil
}

// block reads a block string; the indentation of its lines goes (GraphQL June 2018, section 2.9.4).
func (l *lexer) block(t token) (token, error) {
	l.at += 3
	var b strings.Builder
	for l.at < len(l.text) {
		switch rest := l.text[l.at:]; {
		case strings.HasPrefix(rest, `"""`):
			l.at += 3
			t.text = unindented(b.String())
			return t, nil
		case strings.HasPrefix(rest, `\"""`):
			b.WriteString(`"""`)
			l.at += 4
		default:
			b.WriteByte(rest[0])
			l.at++
			if rest[0] == '\n' {
				l.line, l.lineStart = l.line+1, l.at
			}
		}
	}
	return t, problem(t.at, "the string does not end")
}

func unindented(text string) string {
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	indent := -1
	for _, line := range lines[1:] {
		if rest := strings.TrimLeft(line, " \t"); rest != "" && (indent < 0 || len(line)-len(rest) < indent) {
			indent = len(line) - len(rest)
		}
	}
	for i := range lines[1:] {
		lines[i+1] = lines[i+1][min(max(indent, 0), len(lines[i+1])):]
	}
	for len(lines) > 0 && strings.TrimSpace(lines[0]) == "" {
		lines = lines[1:]
	}
	for len(lines) > 0 && strings.TrimSpace(lines[len(lines)-1]) == "" {
		lines = lines[:len(lines)-1]
	}
	return strings.Join(lines, "\n")
}
