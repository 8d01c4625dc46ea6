package search

import "testing"

// TestIsCast compares types with what an expression casts to.
func TestIsCast(t *testing.T) {
	r := newTestRegistry(t)
	for _, c := range []struct {
		typ, cast string
		want      bool
	}{
		{"Quantity", "Quantity", true}, {"Age", "Quantity", true}, {"Quantity", "Age", false}, {"dateTime", "DateTime", true}, {"code", "string", false}, {"canonical", "uri", false},
		{"uri", "uri", true}, {"Period", "Quantity", false},
	} {
		if got := (paths{r.defs}).isCast(r.defs.Type(c.typ), c.cast); got != c.want {
			t.Errorf("%s as %s: %v", c.typ, c.cast, got)
		}
	}
}

// TestLeaves says which types each kind of parameter can hold.
func TestLeaves(t *testing.T) {
	r := newTestRegistry(t)
	for _, c := range []struct {
		kind kind
		typ  string
		want reading // 0: it cannot
	}{
		{text, "string", readString}, {text, "markdown", readString}, {text, "HumanName", readStrings}, {text, "Period", 0}, {text, "boolean", 0}, {phonetic, "Address", readStrings},
		{token, "code", readCode}, {token, "string", readText}, {token, "Period", 0}, {token, "boolean", readBoolean}, {position, "Quantity", 0},
		{date, "instant", readDate}, {date, "Timing", readTiming}, {date, "time", 0}, {quantity, "Age", readQuantity}, {quantity, "Money", readMoney}, {number, "positiveInt", readNumber},
		{number, "Quantity", 0}, {uri, "url", readURI}, {uri, "canonical", readVersionedURI}, {uri, "string", 0}, {reference, "canonical", readCanonical}, {reference, "Patient", readResource},
	} {
		l, ok := (paths{r.defs}).leaf(c.kind, nil, r.defs.Type(c.typ))
		if ok != (c.want != 0) || ok && l.reading != c.want {
			t.Errorf("%s in a %s: %v %v, want %v", c.typ, c.kind, l.reading, ok, c.want)
		}
		if ok && l.instant != (c.typ == "instant") {
			t.Errorf("%s: instant %v", c.typ, l.instant)
		}
	}
}
