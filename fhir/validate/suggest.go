package validate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/firth-health/firth/fhir"
)

// longestName is the longest name that messages repeat and suggestions are sought for.
const longestName = 64

// unknown reports a member that the type of its object n does not have.
func (w *walk) unknown(n, c fhir.Node, s *shape, base int, name []byte) {
	text := string(name)
	w.enter(identifier(text))
	defer w.leave()
	in := s.typ.Name
	for _, e := range s.typ.Elements() {
		if !e.Choice {
			continue
		}
		rest, found := strings.CutPrefix(strings.TrimPrefix(text, "_"), e.Name)
		switch {
		case !found:
		case rest == "":
			w.mark(base, e.Index)
			w.report(c, fhir.CodeStructure, "%s is a choice: the name must carry the type, as in %q", e.Path, e.Types[0].JSONName)
			return
		case w.isTypeSuffix(rest):
			w.mark(base, e.Index)
			w.report(c, fhir.CodeStructure, "%s must not have the type that %s says; allowed are %s", e.Path, quote(text), typeList(s, e.Index))
			return
		}
	}
	if text == "resourceType" {
		w.report(c, fhir.CodeStructure, "only resources have a resourceType; this is %s", in)
		return
	}
	if m := s.members[strings.TrimPrefix(text, "_")]; m != nil {
		w.report(c, fhir.CodeStructure, "%s has no place: only primitive values have an id or extensions beside them; %s has them within", quote(text), m.element.Path)
		return
	}
	w.report(c, fhir.CodeStructure, "unknown element %s in %s%s", quote(text), in, suggest(text, s.names(text)))
}

// isTypeSuffix reports whether a name ends in the name of a data type, as that of a choice does.
func (w *walk) isTypeSuffix(rest string) bool {
	if rest[0] < 'A' || rest[0] > 'Z' {
		return false
	}
	return w.v.defs.Type(rest) != nil || w.v.defs.Type(strings.ToLower(rest[:1])+rest[1:]) != nil
}

// typeList names the types of a choice.
func typeList(s *shape, index int) string {
	var codes []string
	for _, ref := range s.typ.Elements()[index].Types {
		codes = append(codes, ref.Code)
	}
	return strings.Join(codes, ", ")
}

// names returns the JSON names of the members, sorted; those with underscore only beside a name that has one.
func (s *shape) names(beside string) []string {
	underscore := strings.HasPrefix(beside, "_")
	var names []string
	for name := range s.members {
		if strings.HasPrefix(name, "_") == underscore {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// identifier is a name as FHIRPath writes it.
func identifier(name string) string {
	simple := name != "" && len(name) <= longestName
	for i := range len(name) {
		c := name[i]
		letter := 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_'
		simple = simple && (letter || i > 0 && isDigit(c))
	}
	if simple {
		return name
	}
	return "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`", "\n", "\\n", "\r", "\\r", "\t", "\\t").Replace(shorten(name)) + "`"
}

func quote(name string) string { return fmt.Sprintf("%q", shorten(name)) }

func shorten(name string) string {
	if len(name) > longestName {
		return strings.ToValidUTF8(name[:longestName], "") + "..."
	}
	return name
}

// suggest returns a clause that names the candidate nearest to name, or nothing when none is near.
func suggest(name string, candidates []string) string {
	if len(name) > longestName {
		return ""
	}
	best, distance := "", 1+max(1, len(name)/3)
	name = strings.ToLower(name)
	for _, candidate := range candidates {
		if d := difference(name, strings.ToLower(candidate), distance); d < distance && d < len(candidate) {
			best, distance = candidate, d
		}
		if distance == 0 {
			break
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// difference says how far a name is from a candidate, as far as it is below limit. A word cut short is near to the whole.
func difference(name, candidate string, limit int) int {
	const shortest = 3
	if length := len(candidate) - len(name); length >= limit || -length >= limit {
		if len(name) >= shortest && strings.HasPrefix(candidate, name) {
			return max(1, limit-1)
		}
		return limit
	}
	return edits(name, candidate)
}

// edits counts the letters to insert, drop, replace or swap with their neighbour to turn a into b (optimal string alignment).
func edits(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replaced := last[j-1]
			if a[i-1] != b[j-1] {
				replaced++
			}
			row[j] = min(replaced, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
