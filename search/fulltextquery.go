package search

import (
	"strings"

	"github.com/firth-health/firth/fhir"
)

// maxWords bounds the words of one value of _text or _content.
const maxWords = 50

// wordQuery reads what _text and _content ask for (R4 search.html#text has "(bone OR liver) and metastases"): words, all of which are wanted unless "or" stands
// between them, "not" before one, and parentheses. "And" binds more than "or". A backslash before an operator makes it a word.
type wordQuery struct {
	ix    *index
	rest  []wordToken
	value segment
}

// wordToken is a word or parenthesis of a value. The operators are in op, so that a word of a text never is one.
type wordToken struct {
	op, word string
	at       int
}

// wordPlan compiles a value.
func wordPlan(ix *index, v segment) (Plan, error) {
	tokens, err := wordTokens(v)
	if err != nil {
		return nil, err
	}
	q := wordQuery{ix: ix, rest: tokens, value: v}
	plan, err := q.anyOf(0)
	if err != nil {
		return nil, err
	}
	if len(q.rest) > 0 {
		return nil, q.failf("a parenthesis that none opened")
	}
	return plan, nil
}

// wordTokens cuts a value at blanks and parentheses. What stands between them may be several words, or none.
func wordTokens(v segment) ([]wordToken, error) {
	var tokens []wordToken
	count := 0
	for i := 0; i < len(v.raw); {
		end := i + 1
		switch c := v.raw[i]; {
		case c == '(' || c == ')':
			tokens = append(tokens, wordToken{op: string(c), at: v.at + i})
		case c == '"':
			return nil, segment{at: v.at + i}.failf("phrases are not supported; write words")
		case c != ' ':
			if end = strings.IndexAny(v.raw[i:], ` ()"`); end < 0 {
				end = len(v.raw) - i
			}
			end += i
			chunk := segment{v.raw[i:end], v.at + i}
			folded := fold(chunk.text())
			if folded == "or" || folded == "and" || folded == "not" {
				tokens = append(tokens, wordToken{op: folded, at: chunk.at})
				break
			}
			for word := range words([]byte(folded)) {
				if len(word) > maxWord {
					return nil, chunk.failf("a word of more than %d bytes; such are not indexed", maxWord)
				}
				if count++; count > maxWords {
					return nil, &valueError{chunk.at, fhir.CodeTooCostly, "too many words"}
				}
				tokens = append(tokens, wordToken{word: string(word), at: chunk.at})
			}
		}
		i = end
	}
	return tokens, nil
}

func (q *wordQuery) failf(msg string) error {
	at := q.value.at + len(q.value.raw)
	if len(q.rest) > 0 {
		at = q.rest[0].at
	}
	return segment{at: at}.failf("%s", msg)
}

// next reports whether an operator comes next, and takes it.
func (q *wordQuery) next(op string) bool {
	if len(q.rest) == 0 || q.rest[0].op != op {
		return false
	}
	q.rest = q.rest[1:]
	return true
}

func (q *wordQuery) anyOf(depth int) (Plan, error) {
	var all Or
	for {
		one, err := q.allOf(depth)
		if err != nil {
			return nil, err
		}
		if all = append(all, one); !q.next("or") {
			return anyOf(all), nil
		}
	}
}

func (q *wordQuery) allOf(depth int) (Plan, error) {
	var all And
	for {
		one, err := q.one(depth)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
		if !q.next("and") && (len(q.rest) == 0 || q.rest[0].op == "or" || q.rest[0].op == ")") {
			return allOf(all), nil
		}
	}
}

func (q *wordQuery) one(depth int) (Plan, error) {
	switch {
	case len(q.rest) == 0:
		return nil, q.failf("no word to look for")
	case depth > maxNesting:
		return nil, q.failf("too many parentheses")
	case q.next("not"):
		of, err := q.one(depth + 1)
		return Not{of}, err
	case q.next("("):
		inner, err := q.anyOf(depth + 1)
		if err == nil && !q.next(")") {
			err = q.failf("a parenthesis is not closed")
		}
		return inner, err
	case q.rest[0].op != "":
		return nil, q.failf("no word to look for")
	}
	word := q.rest[0].word
	q.rest = q.rest[1:]
	return withPrefix(q.ix.prefix + string(formWord) + word), nil
}

// allOf is an And, or its only part.
func allOf(parts And) Plan {
	if len(parts) == 1 {
		return parts[0]
	}
	return parts
}

// maxNesting bounds parentheses, in queries of words and in _filter.
const maxNesting = 20
