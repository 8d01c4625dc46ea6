package patch

import (
	"errors"
	"fmt"
	"strings"

	"github.com/firth-health/firth/fhir"
)

// problem is why an operation cannot be done, without saying which.
type problem struct {
	code fhir.IssueType
	msg  string
}

func (p *problem) Error() string { return p.msg }

func problemf(code fhir.IssueType, format string, args ...any) error {
	return &problem{code, fmt.Sprintf(format, args...)}
}

// errDepth ends every walk that goes deeper than [fhir.Parse] would.
var errDepth = &problem{fhir.CodeProcessing, "the result would be larger or nested more deeply than a document may be"}

// outcome says which operation of a patch failed. Path may be empty, when it is what is missing.
func outcome(index int, name, path, expression string, err error) error {
	p := &problem{code: fhir.CodeProcessing, msg: err.Error()}
	errors.As(err, &p)
	at := name
	if path != "" {
		at = strings.TrimSpace(at + " " + path)
	}
	if at != "" {
		at = " (" + at + ")"
	}
	return fhir.Invalidf(p.code, expression, "operation %d%s: %s", index, at, p.msg)
}

// shown is a path as an error may repeat it: of bounded length, and without the texts in quotes, which may be patient data.
func shown(path string) string {
	const longest = 200
	var b strings.Builder
	quote := rune(0)
	escaped := false
	for _, r := range path {
		switch {
		case b.Len() > longest:
			return b.String() + "..."
		case escaped:
			escaped = false
		case quote != 0 && r == '\\':
			escaped = true
		case quote != 0 && r == quote:
			quote = 0
			b.WriteRune(r)
		case quote != 0:
		case r == '\'' || r == '"':
			quote = r
			b.WriteRune(r)
			b.WriteString("...")
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// maxWork bounds what one patch may cost: about the bytes that are read, copied and compared for it.
const maxWork = 256 << 20

// budget is the work that is left.
type budget int

func (b *budget) spend(n int) error {
	if *b -= budget(n); *b < 0 {
		return problemf(fhir.CodeTooCostly, "the patch needs too much work; send it in parts")
	}
	return nil
}

// identity is what no patch may change.
type identity struct {
	typ, id fhir.Node // id is absent when the resource has none
}

func identityOf(res *fhir.Resource) *identity {
	return &identity{res.Root().Get("resourceType"), res.Root().Get("id")}
}

// check compares the identity with that of the changed resource.
func (i *identity) check(root *value) error {
	for _, member := range []struct {
		name string
		want fhir.Node
	}{{"resourceType", i.typ}, {"id", i.id}} {
		now := root.member(member.name)
		if now == nil && !member.want.Ok() {
			continue
		}
		if now == nil || !member.want.Ok() || now.opened || !sameNodes(now.node, member.want) {
			return problemf(fhir.CodeBusinessRule, "%s is immutable", member.name)
		}
	}
	return nil
}
