package search

import (
	"bytes"
	"html"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/spec"
)

// Words of whole resources (R4 search.html#text): _text is answered from the words of the narrative, _content from those of all strings, contained
// resources and narratives included; numbers, booleans and base64 are not words. Each distinct word is a key. Words of more than [maxWord] bytes are not
// indexed, and of a resource only the first [maxNarrativeWords] or [maxContentWords].
const (
	maxWord           = 64
	maxNarrativeWords = 1000
	maxContentWords   = 5000
)

// The codes, and index names, of the parameters.
const (
	narrativeIndex = "_text"
	contentIndex   = "_content"
)

// fullText writes the keys of an index of words.
func (x *extractor) fullText(ix *index) {
	if x.seen == nil {
		x.seen = map[string]bool{}
	}
	root := x.resource.Root()
	if ix.name == narrativeIndex {
		if div := root.Path("text", "div"); div.Kind() == fhir.String {
			x.found = true
			x.narrative(div, maxNarrativeWords)
		}
	} else {
		x.found = true
		x.content(root, x.registry.defs.Type(x.resource.Type()))
	}
	clear(x.seen)
}

// content reads the strings below a node of a type; nil where the definitions do not know the element.
func (x *extractor) content(n fhir.Node, t *spec.Type) {
	switch n.Kind() {
	case fhir.Array:
		for item := n.First(); item.Ok(); item = item.Next() {
			x.content(item, t)
		}
	case fhir.String:
		if t != nil && t.Name == "xhtml" {
			x.narrative(n, maxContentWords)
		} else if t == nil || !t.Is("base64Binary") {
			x.unfolded = n.AppendText(x.unfolded[:0])
			x.putWords(x.unfolded, maxContentWords)
		}
	case fhir.Object:
		if t == nil || t.Kind == spec.Resource {
			t = x.registry.defs.Type(n.Get("resourceType").Text())
		}
		for member := n.First(); member.Ok(); member = member.Next() {
			if !member.KeyIs("resourceType") {
				x.content(member, memberType(t, member.Key()))
			}
		}
	}
}

func memberType(t *spec.Type, name string) *spec.Type {
	if t == nil {
		return nil
	}
	if e := t.Child(name); e != nil {
		return e.Type()
	}
	return nil
}

// narrative reads the words of XHTML: what stands between the tags.
func (x *extractor) narrative(n fhir.Node, limit int) {
	markup := n.AppendText(nil)
	plain := make([]byte, 0, len(markup))
	for len(markup) > 0 {
		i := bytes.IndexByte(markup, '<')
		if i < 0 {
			i = len(markup)
		}
		plain = append(plain, markup[:i]...)
		plain = append(plain, ' ')
		markup = behindTag(markup[i:])
	}
	x.putWords([]byte(html.UnescapeString(string(plain))), limit)
}

// behindTag cuts a tag or comment off the beginning.
func behindTag(markup []byte) []byte {
	end := []byte(">")
	if bytes.HasPrefix(markup, []byte("<!--")) {
		end = []byte("-->")
	}
	if i := bytes.Index(markup, end); i >= 0 {
		return markup[i+len(end):]
	}
	return nil
}

// putWords writes a key for each word of a text that the resource has not had yet, up to a number of them all.
func (x *extractor) putWords(text []byte, limit int) {
	x.fold = appendFolded(x.fold[:0], text)
	for word := range words(x.fold) {
		if len(x.seen) >= limit {
			return
		}
		if len(word) > maxWord || x.seen[string(word)] {
			continue
		}
		x.seen[string(word)] = true
		x.begin(formWord)
		x.keys = append(x.keys, word...)
		x.end()
	}
}
