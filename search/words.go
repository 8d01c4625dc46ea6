package search

import (
	"iter"
	"unicode"
	"unicode/utf8"

	"github.com/firth-health/firth/fhir"
)

// Words: what :text, _text and _content look for. A word is a run of letters and digits of folded text ([fold]); a character of a script that writes
// without blanks (Han, Hiragana, Katakana) is a word of its own. A word asked for stands for all words that begin with it, as a string does
// (R4 search.html#string).

// words yields the words of folded text, in order.
func words(folded []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		start := -1
		for i := 0; i < len(folded); {
			r, n := utf8.DecodeRune(folded[i:])
			alone := standsAlone(r)
			inside := !alone && isWordRune(r)
			if start >= 0 && !inside {
				if !yield(folded[start:i]) {
					return
				}
				start = -1
			}
			if alone && !yield(folded[i:i+n]) {
				return
			}
			if inside && start < 0 {
				start = i
			}
			i += n
		}
		if start >= 0 {
			yield(folded[start:])
		}
	}
}

func isWordRune(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || '0' <= r && r <= '9'
	}
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsNumber(r))
}

func standsAlone(r rune) bool {
	return r >= 0x3000 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana)
}

// addWords adds the one key of the texts that belong to a concept: its words, each once, each behind a blank.
func (x *extractor) addWords(codings, text fhir.Node) {
	if x.part >= 0 {
		return // composites have no modifiers
	}
	p := piece{form: formText}
	p.a.from = len(x.scratch)
	x.appendWords(text, p.a.from)
	if codings.Kind() == fhir.Array {
		for coding := codings.First(); coding.Ok(); coding = coding.Next() {
			x.appendWords(coding.Get("display"), p.a.from)
		}
	}
	p.a.to = len(x.scratch)
	if !p.a.empty() {
		x.add(p)
	}
}

// appendWords appends the words of a string that are not yet in scratch from a place on, as far as a key has room.
func (x *extractor) appendWords(n fhir.Node, from int) {
	if n.Kind() != fhir.String {
		return
	}
	x.unfolded = n.AppendText(x.unfolded[:0])
	x.fold = appendFolded(x.fold[:0], x.unfolded)
	for word := range words(x.fold) {
		if len(x.scratch)-from+1+len(word) > maxText {
			return
		}
		if !hasWord(x.scratch[from:], word) {
			x.scratch = append(x.scratch, ' ')
			x.scratch = append(x.scratch, word...)
		}
	}
}

// hasWord reports whether a list of words, each behind a blank, holds one.
func hasWord(list, word []byte) bool {
	for len(list) > len(word) {
		rest := list[1:]
		end := 0
		for end < len(rest) && rest[end] != ' ' {
			end++
		}
		if string(rest[:end]) == string(word) {
			return true
		}
		list = rest[end:]
	}
	return false
}

// textKeys answers :text (R4 search.html#modifiers): every word asked for begins a word of the text or the displays of one concept.
func textKeys(s segment) (Keys, error) {
	k := withPrefix(string(formText))
	for word := range words([]byte(fold(s.text()))) {
		k.Contains = append(k.Contains, " "+string(word))
	}
	if len(k.Contains) == 0 {
		return k, s.failf("no word to look for")
	}
	return k, nil
}
