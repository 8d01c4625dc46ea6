package pcd_test

import (
	"strings"
	"testing"

	"github.com/firth-health/firth/adapters/hl7v2"
	"github.com/firth-health/firth/adapters/pcd"
	"github.com/firth-health/firth/fhir"
)

const header = "MSH|^~\\&|A|F|||20120530112345||ORU^R01^ORU_R01|1|P|2.6\rPID|||1\r"

func shape(t testing.TB, segments ...string) fhir.Node {
	t.Helper()
	m, err := hl7v2.Parse([]byte(header + strings.Join(segments, "\r")))
	if err != nil {
		t.Fatal(err)
	}
	tree, err := fhir.Parse(m.AppendJSON(nil))
	if err != nil {
		t.Fatal(err)
	}
	out := pcd.Shape(nil, tree)
	root, err := fhir.Parse(out)
	if err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	return root
}

// outline prints an order as "code(facets)@device".
func outline(order fhir.Node) string {
	code := func(n fhir.Node) string { return n.Path("OBX", "3").Index(0).Index(0).Text() }
	var parts []string
	for o := range order.Get("observations").Children() {
		text := code(o)
		var facets []string
		for f := range o.Get("facets").Children() {
			facets = append(facets, f.Key())
		}
		if facets != nil {
			text += "(" + strings.Join(facets, " ") + ")"
		}
		if o.Get("device").Ok() {
			text += "@" + code(o.Get("device"))
		}
		parts = append(parts, text)
	}
	for d := range order.Get("devices").Children() {
		parts = append(parts, "device "+code(d))
	}
	return strings.Join(parts, ", ")
}

func TestShape(t *testing.T) {
	tests := []struct {
		name     string
		segments []string
		want     string
	}{
		{"nothing", nil, ""},
		{"facet under its metric, metric under its device", []string{"OBR|1", "OBX|1||65^MDS^MDC|1.0.0.0", "OBX|2|NA|7^W^MDC|1.1.1.9|1", "OBX|3|NM|0^RATE^MDC|1.1.1.9.1|2"},
			"7(RATE)@65, device 65"},
		{"facet before its metric", []string{"OBR|1", "OBX|3|NM|0^RATE^MDC|1.1.1.9.1|2", "OBX|2|NA|7^W^MDC|1.1.1.9|1"}, "7(RATE)"},
		{"nearest device wins", []string{"OBR|1", "OBX|1||65^MDS^MDC|1.0.0.0", "OBX|2||66^VMD^MDC|1.2.0.0", "OBX|3|NM|7^A^MDC|1.2.1.9|1", "OBX|4|NM|8^B^MDC|1.3.1.9|1"},
			"7@66, 8@65, device 65, device 66"},
		{"device of another system", []string{"OBR|1", "OBX|1||65^MDS^MDC|1.0.0.0", "OBX|3|NM|7^A^MDC|2.1.1.9|1"}, "7, device 65"},
		{"two facets of one name", []string{"OBR|1", "OBX|2|NA|7^W^MDC|1.1.1.9|1", "OBX|3|NM|0^RATE^MDC|1.1.1.9.1|2", "OBX|4|NM|1^RATE^MDC|1.1.1.9.2|3"}, "7(RATE), 1"},
		{"facet of nobody", []string{"OBR|1", "OBX|3|NM|0^RATE^MDC|1.1.1.9.1|2"}, "0"},
		{"facet of another order", []string{"OBR|1", "OBX|3|NM|0^RATE^MDC|1.1.1.9.1|2", "OBR|2", "OBX|2|NA|7^W^MDC|1.1.1.9|1"}, "0; 7"},
		{"no containment", []string{"OBR|1", "OBX|1|NM|7^A^MDC||1", "OBX|2|NM|8^B^MDC|x.1|1", "OBX|3|NM|9^C^MDC|1|1"}, "7, 8, 9"},
		{"one number is no device", []string{"OBR|1", "OBX|1|NM|7^A^MDC|0|1"}, "7"},
		{"device row of the same order", []string{"OBR|1", "OBX|1||65^MDS^MDC|1.0.0.0", "OBX|3|NM|7^A^MDC|1.1.1.9|1", "OBR|2", "OBX|1||66^MDS^MDC|1.0.0.0", "OBX|3|NM|8^A^MDC|1.1.1.9|1"},
			"7@65, device 65; 8@66, device 66"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var orders []string
			for order := range shape(t, test.segments...).Get("orders").Children() {
				orders = append(orders, outline(order))
			}
			if got := strings.Join(orders, "; "); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// FuzzShape checks that no message makes invalid JSON or loses a row.
func FuzzShape(f *testing.F) {
	f.Add("OBR|1\rOBX|1||65^MDS^MDC|1.0.0.0\rOBX|2|NA|7^W^MDC|1.1.1.9|1\rOBX|3|NM|0^RATE^MDC|1.1.1.9.1|2")
	f.Fuzz(func(t *testing.T, body string) {
		m, err := hl7v2.Parse([]byte(header + body))
		if err != nil {
			return
		}
		tree, err := fhir.Parse(m.AppendJSON(nil))
		if err != nil {
			t.Fatal(err)
		}
		out := pcd.Shape(nil, tree)
		root, err := fhir.Parse(out)
		if err != nil {
			t.Fatalf("%v in %s", err, out)
		}
		count := func(root fhir.Node, shaped bool) (n int) {
			for order := range root.Get("orders").Children() {
				n += order.Get("observations").Len()
				if shaped {
					n += order.Get("devices").Len()
					for o := range order.Get("observations").Children() {
						n += o.Get("facets").Len()
					}
				}
			}
			return n
		}
		if before, after := count(tree, false), count(root, true); before != after {
			t.Fatalf("%d rows became %d", before, after)
		}
	})
}
