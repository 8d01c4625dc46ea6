package uscore

import (
	"os"
	"strings"
	"testing"
	"time"
)

// element is a line of testdata/elements.tsv.
type element struct{ typ, param, kind, path string }

func readElements(t *testing.T) []element {
	t.Helper()
	data, err := os.ReadFile("testdata/elements.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var list []element
	for line := range strings.Lines(string(data)) {
		cells := strings.Fields(line)
		list = append(list, element{cells[0], cells[1], cells[2], cells[3]})
	}
	return list
}

// value is a value of a parameter in a resource: the text to search for it, and for a date the interval it stands for.
type value struct {
	kind, text string
	low, high  time.Time
}

// valuesOf collects the values of a parameter in a resource.
func valuesOf(elements []element, typ, param string, resource map[string]any) (found []value) {
	for _, e := range elements {
		if e.typ == typ && e.param == param {
			found = appendValues(found, e.kind, strings.Split(e.path, "."), resource)
		}
	}
	return found
}

func appendValues(found []value, kind string, path []string, node any) []value {
	switch node := node.(type) {
	case []any:
		for _, item := range node {
			found = appendValues(found, kind, path, item)
		}
	case map[string]any:
		if len(path) > 0 {
			return appendValues(found, kind, path[1:], node[path[0]])
		}
		return appendObject(found, kind, node)
	case string:
		v := value{kind: kind, text: node}
		if kind == "date" {
			v.low, v.high = interval(node)
		}
		return append(found, v)
	}
	return found
}

// appendObject reads a Coding, a Reference or a Period.
func appendObject(found []value, kind string, node map[string]any) []value {
	text := func(name string) string { s, _ := node[name].(string); return s }
	switch kind {
	case "token":
		if text("code") != "" {
			return append(found, value{kind: kind, text: text("system") + "|" + text("code")})
		}
	case "reference":
		if text("reference") != "" {
			return append(found, value{kind: kind, text: text("reference")})
		}
	case "date":
		v := value{kind: kind, text: text("start"), high: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}
		if v.text != "" {
			v.low, _ = interval(v.text)
		}
		if text("end") != "" {
			_, v.high = interval(text("end"))
		}
		return append(found, v)
	}
	return found
}

// interval is what a date stands for, from low to before high; times without a zone are UTC (docs/rest.md).
func interval(text string) (low, high time.Time) {
	for _, form := range []struct {
		layout              string
		years, months, days int
		length              time.Duration
	}{{"2006", 1, 0, 0, 0}, {"2006-01", 0, 1, 0, 0}, {"2006-01-02", 0, 0, 1, 0}, {time.RFC3339, 0, 0, 0, time.Second}} {
		if t, err := time.Parse(form.layout, text); err == nil {
			if strings.Contains(text, ".") { // a fraction in milliseconds
				form.length = time.Millisecond
			}
			return t, t.AddDate(form.years, form.months, form.days).Add(form.length)
		}
	}
	return low, high
}

// matches reports whether a value of a resource is what is asked for (R4 search.html#prefix: eq is containment, ge is above or contained).
func (v value) matches(prefix string, asked value) bool {
	above, below := v.high.After(asked.high), v.low.Before(asked.low)
	switch {
	case v.kind == "string":
		return strings.HasPrefix(strings.ToLower(v.text), strings.ToLower(asked.text))
	case v.kind != "date":
		return v.text == asked.text
	case prefix == "gt":
		return above
	case prefix == "lt":
		return below
	case prefix == "ge":
		return above || !below
	case prefix == "le":
		return below || !above
	}
	return !above && !below
}
