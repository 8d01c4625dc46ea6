package path

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

type tokenKind uint8

const (
	tokenEnd      tokenKind = iota
	tokenName               // identifier or keyword
	tokenQuoted             // `identifier`
	tokenString             // 'text'
	tokenNumber             // 12, 1.50
	tokenDate               // @2015-02
	tokenDateTime           // @2015-02T
	tokenTime               // @T14:34
	tokenVariable           // %name, %`name`, %'name'
	tokenSpecial            // $this, $index, $total
	tokenOperator           // + - * / & | = ~ != !~ < <= > >= . , ( ) [ ] { }
)

// token is one lexical element. Text is decoded: without quotes and escapes, @, % or $.
type token struct {
	kind   tokenKind
	text   string
	offset int
}

// is reports whether t is the operator or punctuation mark.
func (t token) is(operator string) bool { return t.kind == tokenOperator && t.text == operator }

// describe names the token for an error message.
func (t token) describe() string {
	switch t.kind {
	case tokenEnd:
		return "the end of the expression"
	case tokenString:
		return "a string"
	case tokenDate, tokenDateTime, tokenTime:
		return "@" + t.text
	case tokenVariable:
		return "%" + t.text
	case tokenSpecial:
		return "$" + t.text
	}
	return strconv.Quote(t.text)
}

type lexer struct {
	source string
	pos    int
}

func (l *lexer) fail(offset int, format string, args ...any) error {
	return errorAt(l.source, offset, format, args...)
}

// next reads the next token; after the last it returns tokenEnd again and again.
func (l *lexer) next() (token, error) {
	if err := l.space(); err != nil {
		return token{}, err
	}
	start := l.pos
	if start >= len(l.source) {
		return token{kind: tokenEnd, offset: start}, nil
	}
	c := l.source[start]
	switch {
	case isLetter(c):
		return token{tokenName, l.name(), start}, nil
	case isDigit(c):
		return token{tokenNumber, l.number(), start}, nil
	case c == '\'':
		text, err := l.quoted(c)
		return token{tokenString, text, start}, err
	case c == '`':
		text, err := l.quoted(c)
		return token{tokenQuoted, text, start}, err
	case c == '@':
		return l.temporal()
	case c == '%':
		return l.variable()
	case c == '$':
		l.pos++
		name := l.name()
		if name != "this" && name != "index" && name != "total" {
			return token{}, l.fail(start, "expected $this, $index or $total")
		}
		return token{tokenSpecial, name, start}, nil
	}
	return l.operator()
}

// space skips white space and comments.
func (l *lexer) space() error {
	for l.pos < len(l.source) {
		rest := l.source[l.pos:]
		switch {
		case rest[0] == ' ' || rest[0] == '\t' || rest[0] == '\r' || rest[0] == '\n':
			l.pos++
		case strings.HasPrefix(rest, "//"):
			if end := strings.IndexByte(rest, '\n'); end >= 0 {
				l.pos += end + 1
			} else {
				l.pos = len(l.source)
			}
		case strings.HasPrefix(rest, "/*"):
			end := strings.Index(rest[2:], "*/")
			if end < 0 {
				return l.fail(l.pos, "the comment is not closed: expected */")
			}
			l.pos += end + 4
		default:
			return nil
		}
	}
	return nil
}

func isLetter(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_'
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func (l *lexer) name() string {
	start := l.pos
	for l.pos < len(l.source) && (isLetter(l.source[l.pos]) || isDigit(l.source[l.pos])) {
		l.pos++
	}
	return l.source[start:l.pos]
}

func (l *lexer) digits() int {
	start := l.pos
	for l.pos < len(l.source) && isDigit(l.source[l.pos]) {
		l.pos++
	}
	return l.pos - start
}

func (l *lexer) number() string {
	start := l.pos
	l.digits()
	l.fraction()
	return l.source[start:l.pos]
}

// fraction reads a point and digits; a point without digits belongs to what follows, as in 1.not().
func (l *lexer) fraction() {
	if l.pos+1 < len(l.source) && l.source[l.pos] == '.' && isDigit(l.source[l.pos+1]) {
		l.pos++
		l.digits()
	}
}

func (l *lexer) variable() (token, error) {
	start := l.pos
	l.pos++
	if l.pos < len(l.source) {
		switch c := l.source[l.pos]; {
		case c == '`' || c == '\'':
			text, err := l.quoted(c)
			return token{tokenVariable, text, start}, err
		case isLetter(c):
			return token{tokenVariable, l.name(), start}, nil
		}
	}
	return token{}, l.fail(start, "expected the name of a variable after %%")
}

func (l *lexer) operator() (token, error) {
	start := l.pos
	if start+1 < len(l.source) {
		switch two := l.source[start : start+2]; two {
		case "!=", "!~", "<=", ">=":
			l.pos += 2
			return token{tokenOperator, two, start}, nil
		}
	}
	if strings.IndexByte("+-*/&|=~<>.,()[]{}", l.source[start]) >= 0 {
		l.pos++
		return token{tokenOperator, l.source[start:l.pos], start}, nil
	}
	r, _ := utf8.DecodeRuneInString(l.source[start:])
	return token{}, l.fail(start, "unexpected character %q", r)
}

// quoted reads a string or delimited identifier and decodes its escapes.
func (l *lexer) quoted(quote byte) (string, error) {
	start := l.pos
	l.pos++
	from := l.pos
	var decoded []byte
	for l.pos < len(l.source) {
		switch c := l.source[l.pos]; c {
		case quote:
			text := l.source[from:l.pos]
			l.pos++
			if decoded != nil {
				text = string(append(decoded, text...))
			}
			return text, nil
		case '\\':
			decoded = append(decoded, l.source[from:l.pos]...)
			var err error
			if decoded, err = l.escape(decoded); err != nil {
				return "", err
			}
			from = l.pos
		default:
			l.pos++
		}
	}
	return "", l.fail(start, "the text is not closed: expected %c", quote)
}

// escape decodes one escape sequence. Unknown ones stand for the character itself.
func (l *lexer) escape(dst []byte) ([]byte, error) {
	start := l.pos
	l.pos++
	if l.pos >= len(l.source) {
		return nil, l.fail(start, "expected a character after \\")
	}
	c := l.source[l.pos]
	l.pos++
	switch c {
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'u':
		r, ok := l.hex4()
		if !ok {
			return nil, l.fail(start, "expected four hexadecimal digits after \\u")
		}
		if utf16.IsSurrogate(r) && l.accept("\\u") {
			low, ok := l.hex4()
			if !ok {
				return nil, l.fail(start, "expected four hexadecimal digits after \\u")
			}
			r = utf16.DecodeRune(r, low)
		}
		return utf8.AppendRune(dst, r), nil
	}
	return append(dst, c), nil
}

func (l *lexer) hex4() (rune, bool) {
	if l.pos+4 > len(l.source) {
		return 0, false
	}
	r, err := strconv.ParseUint(l.source[l.pos:l.pos+4], 16, 16)
	if err != nil {
		return 0, false
	}
	l.pos += 4
	return rune(r), true
}

// temporal reads @date, @dateTtime and @Ttime. Whether month, day and so on exist is for the parser to say.
func (l *lexer) temporal() (token, error) {
	start := l.pos
	l.pos++
	if l.accept("T") {
		if !l.clock() {
			return token{}, l.fail(start, "expected a time such as @T14:30 after @T")
		}
		return token{tokenTime, l.source[start+1 : l.pos], start}, nil
	}
	if l.digits() != 4 {
		return token{}, l.fail(start, "expected a date such as @2015-02-04 or a time such as @T14:30 after @")
	}
	if l.two('-') {
		l.two('-')
	}
	kind := tokenDate
	if l.accept("T") {
		kind = tokenDateTime
		if l.clock() {
			l.zone()
		}
	}
	return token{kind, l.source[start+1 : l.pos], start}, nil
}

func (l *lexer) accept(text string) bool {
	if !strings.HasPrefix(l.source[l.pos:], text) {
		return false
	}
	l.pos += len(text)
	return true
}

// two reads the separator and two digits, or nothing.
func (l *lexer) two(separator byte) bool {
	rest := l.source[l.pos:]
	if len(rest) < 3 || rest[0] != separator || !isDigit(rest[1]) || !isDigit(rest[2]) || len(rest) > 3 && isDigit(rest[3]) {
		return false
	}
	l.pos += 3
	return true
}

// clock reads hh[:mm[:ss[.f…]]].
func (l *lexer) clock() bool {
	rest := l.source[l.pos:]
	if len(rest) < 2 || !isDigit(rest[0]) || !isDigit(rest[1]) {
		return false
	}
	l.pos += 2
	minute := l.two(':')
	if second := minute && l.two(':'); second {
		l.fraction()
	}
	return true
}

func (l *lexer) zone() {
	if l.accept("Z") {
		return
	}
	if at := l.pos; l.two('+') || l.two('-') {
		if !l.two(':') {
			l.pos = at
		}
	}
}
