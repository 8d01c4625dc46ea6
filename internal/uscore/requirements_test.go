package uscore

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// requirement is a line of testdata/requirements.tsv.
type requirement struct{ guide, typ, strength, kind, what string }

func (r requirement) String() string {
	return strings.Join([]string{r.guide, r.typ, r.strength, r.kind, r.what}, "\t")
}

// words splits what is required: the parameter and its form or prefix.
func (r requirement) words() (param, value string) {
	param, value, _ = strings.Cut(r.what, " ")
	return param, value
}

func readRequirements(t *testing.T) []requirement {
	t.Helper()
	data, err := os.ReadFile("testdata/requirements.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var list []requirement
	for line := range strings.Lines(string(data)) {
		cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(cells) != 5 {
			t.Fatalf("%q has %d cells", line, len(cells))
		}
		list = append(list, requirement{cells[0], cells[1], cells[2], cells[3], cells[4]})
	}
	return list
}

// meets reports whether a search is an instance of what is required. all are the requirements, which say how precise a date may be.
func (r requirement) meets(all []requirement, s *search) bool {
	param, value := r.words()
	values := s.values(param)
	switch r.kind {
	case "interaction":
		return r.what == "search-type"
	case "parameter":
		return s.asks() == r.what
	case "combination":
		names := strings.Split(r.what, "+")
		slices.Sort(names)
		return s.asks() == strings.Join(names, "+")
	case "include", "revinclude":
		return slices.Contains(s.values("_"+r.kind), r.what)
	case "multiple-or":
		return slices.ContainsFunc(values, func(v string) bool { return strings.Contains(v, ",") })
	case "multiple-and":
		return len(values) > 1
	case "prefix":
		byDay := slices.ContainsFunc(all, func(o requirement) bool { return o.typ == r.typ && o.kind == "form" && o.what == param+" day" })
		return slices.ContainsFunc(values, func(v string) bool {
			return strings.HasPrefix(v, value) && (byDay || hasForm(v, "second+offset"))
		})
	case "form":
		return slices.ContainsFunc(values, func(v string) bool { return hasForm(v, value) })
	}
	return false
}

// hasForm reports whether a value, or the first of several, is written in the way the guides name.
func hasForm(value, form string) bool {
	value, _, _ = strings.Cut(value, ",")
	switch form {
	case "code":
		return !strings.Contains(value, "|")
	case "system|code":
		system, code, _ := strings.Cut(value, "|")
		return system != "" && code != ""
	case "id":
		return !strings.Contains(value, "/")
	case "Type/id":
		return strings.Count(value, "/") == 1
	case "day":
		return strings.Count(value, "-") == 2 && !strings.Contains(value, "T")
	case "second+offset":
		_, time, ok := strings.Cut(value, "T")
		return ok && strings.Count(time, ":") >= 2 && (strings.HasSuffix(time, "Z") || strings.Contains(time, "+"))
	}
	return false
}
