package fhir

import "strings"

// Key names a resource, or with Version one version of it.
type Key struct {
	Type, ID, Version string
}

// String is the relative reference: Patient/1 or Patient/1/_history/2.
func (k Key) String() string {
	if k.Version == "" {
		return k.Type + "/" + k.ID
	}
	return k.Type + "/" + k.ID + "/_history/" + k.Version
}

// IsID reports whether s is a logical id: 1 to 64 of A-Z a-z 0-9 - . (R4 datatypes.html#id).
func IsID(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.') {
			return false
		}
	}
	return true
}

// Reference is what Reference.reference can say (R4 references.html#literal).
type Reference struct {
	URL      string // the text as it stands
	Base     string // service base of an absolute REST URL, without the final slash; empty when relative
	Key      Key    // the target; zero for fragments, urn: and URLs of another form
	Fragment string // id of the contained resource, without '#'; empty with IsContained means the container itself
}

// ParseReference reads a literal reference. It never fails: what is not a REST reference or a fragment is just a URL.
func ParseReference(text string) Reference {
	ref := Reference{URL: text}
	if strings.HasPrefix(text, "#") {
		ref.Fragment = text[1:]
		return ref
	}
	path, scheme := text, ""
	if i := strings.Index(text, "://"); i >= 0 {
		scheme, path = text[:i+3], text[i+3:]
	}
	if scheme != "" && scheme != "http://" && scheme != "https://" {
		return ref
	}
	base, key, ok := cutKey(path)
	if !ok || (base == "") != (scheme == "") {
		return ref
	}
	ref.Key = key
	if scheme != "" {
		ref.Base = scheme + base
	}
	return ref
}

// cutKey splits [base/]Type/id[/_history/version].
func cutKey(path string) (base string, key Key, ok bool) {
	rest, last := cutLast(path)
	if before, middle := cutLast(rest); middle == "_history" {
		key.Version = last
		rest, last = cutLast(before)
	}
	base, key.Type = cutLast(rest)
	key.ID = last
	return base, key, isTypeName(key.Type) && IsID(key.ID)
}

func cutLast(path string) (before, last string) {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return "", path
	}
	return path[:i], path[i+1:]
}

// IsContained reports whether the reference points into its own resource.
func (r Reference) IsContained() bool { return strings.HasPrefix(r.URL, "#") }
