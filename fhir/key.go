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
	Base      string // service base of an absolute REST URL, without the final slash; empty when relative
	Key       Key    // target; zero for contained, urn: and other URLs
	Contained string // fragment without '#'; "#" itself means the container and gives an empty fragment with IsContained
	URL       string // the text as it stands
}

// ParseReference reads a literal reference. It never fails: what is not a REST reference or a fragment is just a URL.
func ParseReference(text string) Reference {
	ref := Reference{URL: text}
	if strings.HasPrefix(text, "#") {
		ref.Contained = text[1:]
		return ref
	}
	path := text
	if i := strings.Index(text, "://"); i >= 0 || strings.HasPrefix(text, "urn:") {
		if !strings.HasPrefix(text, "http://") && !strings.HasPrefix(text, "https://") {
			return ref
		}
		path = text[i+3:]
	}
	parts := strings.Split(path, "/")
	version := ""
	if n := len(parts); n >= 4 && parts[n-2] == "_history" {
		version = parts[n-1]
		parts = parts[:n-2]
	}
	n := len(parts)
	if n < 2 || !isTypeName(parts[n-2]) || !IsID(parts[n-1]) || n == 2 && len(path) != len(text) {
		return ref
	}
	if n > 2 && len(path) == len(text) {
		return ref
	}
	ref.Key = Key{Type: parts[n-2], ID: parts[n-1], Version: version}
	if len(path) != len(text) {
		ref.Base = text[:len(text)-len(path)] + strings.Join(parts[:n-2], "/")
	}
	return ref
}

// IsContained reports whether the reference points into its own resource.
func (r Reference) IsContained() bool { return strings.HasPrefix(r.URL, "#") }
