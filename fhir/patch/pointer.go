package patch

import (
	"strconv"
	"strings"

	"github.com/firth-health/firth/fhir"
)

// pointer is a JSON Pointer (RFC 6901): its reference tokens, decoded. Without tokens it is the whole document.
type pointer []string

// parsePointer reads a pointer strictly.
func parsePointer(text string) (pointer, error) {
	if text == "" {
		return pointer{}, nil
	}
	if text[0] != '/' {
		return nil, problemf(fhir.CodeInvalid, "a JSON Pointer begins with '/', or is empty for the whole document")
	}
	if strings.Count(text, "/") > fhir.DefaultLimits.Depth {
		return nil, problemf(fhir.CodeInvalid, "the JSON Pointer has more than %d parts", fhir.DefaultLimits.Depth)
	}
	tokens := strings.Split(text[1:], "/")
	for i, token := range tokens {
		for rest := token; ; {
			_, after, found := strings.Cut(rest, "~")
			if !found {
				break
			}
			if after == "" || after[0] != '0' && after[0] != '1' {
				return nil, problemf(fhir.CodeInvalid, "'~' in a JSON Pointer is followed by 0, for '~', or 1, for '/'")
			}
			rest = after[1:]
		}
		tokens[i] = strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
	}
	return tokens, nil
}

// String writes the pointer as RFC 6901 does.
func (p pointer) String() string {
	var b strings.Builder
	for _, token := range p {
		b.WriteByte('/')
		b.WriteString(strings.ReplaceAll(strings.ReplaceAll(token, "~", "~0"), "/", "~1"))
	}
	return b.String()
}

// arrayIndex reads an index: digits without a leading zero (RFC 6901, 4).
func arrayIndex(token string) (int, bool) {
	if token == "" || len(token) > 9 || len(token) > 1 && token[0] == '0' {
		return 0, false
	}
	for i := range len(token) {
		if token[i] < '0' || token[i] > '9' {
			return 0, false
		}
	}
	i, err := strconv.Atoi(token)
	return i, err == nil
}

// contains reports whether q is a place below p.
func (p pointer) contains(q pointer) bool {
	if len(p) >= len(q) {
		return false
	}
	for i := range p {
		if p[i] != q[i] {
			return false
		}
	}
	return true
}

// expression says where the pointer leads in a resource, as FHIRPath does, as far as its tokens are names and indices.
func (p pointer) expression(typ string) string {
	if typ == "" {
		return ""
	}
	var b strings.Builder
	b.WriteString(typ)
	for _, token := range p {
		if i, ok := arrayIndex(token); ok {
			b.WriteString("[" + strconv.Itoa(i) + "]")
			continue
		}
		if !isName(token) {
			break
		}
		b.WriteString("." + token)
	}
	return b.String()
}

// isName reports whether the token could name an element.
func isName(token string) bool {
	for i := range len(token) {
		if c := token[i] | 0x20; c < 'a' || c > 'z' {
			return false
		}
	}
	return token != "" && len(token) <= 64
}
