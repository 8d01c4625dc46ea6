package xml_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir/xml"
)

func TestLocate(t *testing.T) {
	const document = header + `
<Bundle xmlns="http://hl7.org/fhir">
  <type value="batch"/>
  <entry>
    <resource>
      <Observation>
        <status value="final"/>
        <category><text value="a"/></category>
        <category id="b">
          <coding><code value="x"/></coding><coding><code value="y"/></coding>
        </category>
        <valueQuantity>
          <value value="1"/>
        </valueQuantity>
      </Observation>
    </resource>
  </entry>
  <entry><fullUrl value="urn:x"/></entry>
</Bundle>`
	const observation = "Bundle.entry[0].resource."
	places := []struct {
		expression string
		want       xml.Position
	}{
		{"Bundle", xml.Position{Line: 2, Column: 1}},
		{"", xml.Position{Line: 2, Column: 1}},
		{"Bundle.type", xml.Position{Line: 3, Column: 3}},
		{"Bundle.entry", xml.Position{Line: 4, Column: 3}},
		{"Bundle.entry[1]", xml.Position{Line: 18, Column: 3}},
		{"Bundle.entry[1].fullUrl", xml.Position{Line: 18, Column: 10}},
		{"Bundle.entry[1].request.method", xml.Position{Line: 18, Column: 3}},
		{"Bundle.entry[7].resource", xml.Position{Line: 2, Column: 1}},
		{observation + "status", xml.Position{Line: 7, Column: 9}},
		{observation + "code", xml.Position{Line: 5, Column: 5}},
		{observation + "category[1].coding[1].code", xml.Position{Line: 10, Column: 53}},
		{observation + "category[1].coding", xml.Position{Line: 10, Column: 11}},
		{observation + "category[1].id", xml.Position{Line: 9, Column: 9}},
		{observation + "value.ofType(Quantity).value", xml.Position{Line: 13, Column: 11}},
		{observation + "value.ofType(Quantity)", xml.Position{Line: 12, Column: 9}},
	}
	expressions, want := make([]string, len(places)), make([]xml.Position, len(places))
	for i, place := range places {
		expressions[i], want[i] = place.expression, place.want
	}
	got := xml.Locate([]byte(document), definitions(t), expressions)
	for i, place := range places {
		t.Run(place.expression, func(t *testing.T) {
			if diff := cmp.Diff(want[i], got[i]); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if diff := cmp.Diff([]xml.Position{{}}, xml.Locate([]byte("<Patient"), definitions(t), []string{"Patient"})); diff != "" {
		t.Errorf("no document (-want +got):\n%s", diff)
	}
}
