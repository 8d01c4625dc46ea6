package search

import (
	"fmt"
	"strings"
)

// Explain prints a plan as an indented tree, one node a line, separators shown as ␁.
func Explain(p Plan) string {
	var b strings.Builder
	explain(&b, p, 0)
	return b.String()
}

func explain(b *strings.Builder, p Plan, depth int) {
	indent := strings.Repeat("  ", depth)
	line := func(format string, args ...any) { fmt.Fprintf(b, indent+format+"\n", args...) }
	switch p := p.(type) {
	case All:
		line("all")
	case Keys:
		line("%s", explainKeys(p))
	case And:
		line("and")
		explainParts(b, p, depth)
	case Or:
		if len(p) == 0 {
			line("nothing")
			return
		}
		line("or")
		explainParts(b, p, depth)
	case Not:
		line("not")
		explain(b, p.Of, depth+1)
	case IDs:
		line("ids %s", strings.Join(p, " "))
	case Ref:
		line("refers under %s to %s", p.Index, p.Type)
		explain(b, p.Of, depth+1)
	case RevRef:
		line("referred to under %s by %s", p.Index, p.Type)
		explain(b, p.Of, depth+1)
	}
}

func explainParts(b *strings.Builder, parts []Plan, depth int) {
	for _, part := range parts {
		explain(b, part, depth+1)
	}
}

func explainKeys(p Keys) string {
	var b strings.Builder
	if key, ok := p.Exact(); ok {
		return "key " + show(key)
	}
	if p.Hi == after(p.Lo) {
		fmt.Fprintf(&b, "keys %s…", show(p.Lo))
	} else {
		fmt.Fprintf(&b, "keys [%s, %s)", show(p.Lo), show(p.Hi))
	}
	for _, text := range p.Contains {
		fmt.Fprintf(&b, " containing %q", show(text))
	}
	if p.TailLo != "" || p.TailHi != "" {
		fmt.Fprintf(&b, " with tail in [%s, %s)", show(p.TailLo), show(p.TailHi))
	}
	if p.Among != nil {
		fmt.Fprintf(&b, " among %d", len(p.Among.Keys))
	}
	if p.Near != nil {
		b.WriteString(" within " + p.Near.String())
	}
	return b.String()
}
