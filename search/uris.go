package search

import (
	"strings"

	"github.com/firth-health/firth/fhir"
)

// URIs (R4 search.html#uri): uri and its specialisations; a canonical with a version has a second key with it.

func (x *extractor) readURI(n fhir.Node) {
	if p := (piece{form: formURI, a: x.nodeText(n)}); !p.a.empty() {
		x.add(p)
	}
}

// uriKeys gives the conditions on keys of an index, relative to its prefix. Above and below go by path segments.
func uriKeys(modifier string, s segment) ([]Keys, error) {
	value := keyText(s.text())
	const form = string(formURI)
	if modifier != "" && !strings.Contains(value, "://") {
		return nil, s.failf(":%s needs a URL, with a scheme and ://", modifier)
	}
	switch modifier {
	case "below":
		if strings.HasSuffix(value, "/") {
			return []Keys{withPrefix(form + value)}, nil
		}
		return []Keys{exactly(form + value), withPrefix(form + value + "/")}, nil
	case "above":
		var keys []Keys
		for _, url := range above(value) {
			keys = append(keys, exactly(form+url))
		}
		return keys, nil
	}
	return []Keys{exactly(form + value)}, nil
}

// above lists a URL and what it lies below of: http://a/b/c is below http://a/b/, http://a/b, http://a/ and http://a.
func above(url string) []string {
	all := []string{url}
	start := strings.Index(url, "://") + len("://")
	for i := len(url) - 1; i > start; i-- {
		if url[i] == '/' {
			all = append(all, url[:i+1], url[:i])
		}
	}
	return all
}
