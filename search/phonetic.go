package search

import "strings"

// Phonetic parameters (Patient.phonetic: "some kind of phonetic matching algorithm") compare the sounds of words: American Soundex for words in
// Latin letters, the folded word itself for others.

// sounds gives the sound of each word; an apostrophe is inside of a word.
func sounds(s string) []string {
	words := strings.FieldsFunc(fold(s), func(r rune) bool { return r == ' ' || r == '-' || r == '.' || r == ',' })
	for i, word := range words {
		words[i] = soundex(strings.Map(withoutApostrophe, word))
	}
	return words
}

func withoutApostrophe(r rune) rune {
	if r == '\'' || r == '’' {
		return -1
	}
	return r
}

// soundexDigits holds the class of each letter: 0 for vowels, which part equal classes, and '-' for h and w, which do not.
const soundexDigits = "01230120022455012623010202"

// soundex codes a folded word: its first letter and the classes of the next three consonants. Words with other letters stand for themselves.
func soundex(word string) string {
	code := make([]byte, 0, 4)
	var last byte
	for i := range len(word) {
		c := word[i]
		if c < 'a' || c > 'z' {
			return word
		}
		digit := soundexDigits[c-'a']
		switch {
		case i == 0:
			code = append(code, c)
		case c == 'h' || c == 'w':
			continue
		case digit != '0' && digit != last && len(code) < 4:
			code = append(code, digit)
		}
		last = digit
	}
	for len(code) < 4 {
		code = append(code, '0')
	}
	return string(code)
}

// phoneticPlan matches values that have the sounds of all words of the value asked.
func phoneticPlan(ix *index, v segment) (Plan, error) {
	var all And
	for _, sound := range sounds(v.text()) {
		all = append(all, exactly(ix.prefix+string(formPhonetic)+keyText(sound)))
	}
	if len(all) == 0 {
		return nil, v.failf("no word to look for")
	}
	return allOf(all), nil
}
