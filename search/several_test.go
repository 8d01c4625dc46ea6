package search

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/fhir"
)

// several describes what a query on several types was understood as: the plan of each type, then what the self link has and what was ignored.
func several(r *Registry, types, query string, opts ParseOptions) (string, error) {
	pairs, err := ParseQuery(query)
	if err != nil {
		return "", err
	}
	s, err := r.ParseSeveral(strings.Split(types, " "), pairs, opts)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, request := range s.Requests {
		q := request.Query
		fmt.Fprintf(&b, "%s: %s", q.Type, Explain(q.Plan))
		for _, key := range q.Sort {
			fmt.Fprintf(&b, "  by %s\n", key.Param)
		}
		fmt.Fprintf(&b, "  count %d, total %d, include %d, reverse %d\n", q.Count, q.Total, len(q.Include), len(q.RevInclude))
		if len(request.Self)+len(request.Issues) > 0 {
			fmt.Fprintf(&b, "  its own self or issues\n")
		}
	}
	fmt.Fprintf(&b, "self %s\n", EncodeQuery(s.Self))
	for _, issue := range s.Issues {
		fmt.Fprintf(&b, "%s: %s\n", issue.Expression, issue.Diagnostics)
	}
	return b.String(), nil
}

func TestParseSeveral(t *testing.T) {
	r := newTestRegistry(t)
	for _, c := range []struct{ types, query, want string }{
		{"Patient Device", "_id=a", "Patient: ids a\n  count 50, total 0, include 0, reverse 0\nDevice: ids a\n  count 50, total 0, include 0, reverse 0\nself _id=a\n"},
		{"Patient Device", "_type=Device,&_id=a", "Device: ids a\n  count 50, total 0, include 0, reverse 0\nself _type=Device%2C&_id=a\n"},
		{"Patient Device Group", "_type=Device,Group,Device&_type=Group", "Group: all\n  count 50, total 0, include 0, reverse 0\nself _type=Device%2CGroup%2CDevice&_type=Group\n"},
		{"Patient Device", "_sort=_id&_count=3&_total=none&_format=json&_pretty=true", "Patient: all\n  by _id\n  count 3, total 1, include 0, reverse 0\nDevice: all\n  by _id\n  count 3, total 1, include 0, reverse 0\n" +
			"self _sort=_id&_count=3&_total=none\n"},
		{"Patient Device", "birthdate=2000", "Patient: all\n  count 50, total 0, include 0, reverse 0\nDevice: all\n  count 50, total 0, include 0, reverse 0\nself \n" +
			"http.birthdate: Device has no search parameter birthdate; all 2 types that are searched must have it (ignored)\n"},
		{"Patient Binary", "_text=x", "Patient: keys _text␁wx…\n  count 50, total 0, include 0, reverse 0\nBinary: nothing\n  count 50, total 0, include 0, reverse 0\nself _text=x\n"},
		{"Bundle Binary", "_text=x", "Bundle: all\n  count 50, total 0, include 0, reverse 0\nBinary: all\n  count 50, total 0, include 0, reverse 0\nself \n" +
			"http._text: Bundle has no search parameter _text; all 2 types that are searched must have it (ignored)\n"},
		{"Patient Parameters", "_list=", "Patient: all\n  count 50, total 0, include 0, reverse 0\nParameters: all\n  count 50, total 0, include 0, reverse 0\nself \nhttp._list: the parameter has no value and was ignored\n"},
		{"Patient", "colour=blue", "Patient: all\n  count 50, total 0, include 0, reverse 0\nself \nhttp.colour: Patient has no search parameter colour (ignored)\n"},
		{"Patient Device", "_id=", "Patient: all\n  count 50, total 0, include 0, reverse 0\nDevice: all\n  count 50, total 0, include 0, reverse 0\nself \nhttp._id: the parameter has no value and was ignored\n"},
		{"Patient Device", "_include=Device:patient", "Patient: all\n  count 50, total 0, include 1, reverse 0\nDevice: all\n  count 50, total 0, include 1, reverse 0\nself _include=Device%3Apatient\n"},
		{"Patient Device", "_revinclude=Observation:device", "Patient: all\n  count 50, total 0, include 0, reverse 0\nDevice: all\n  count 50, total 0, include 0, reverse 1\nself _revinclude=Observation%3Adevice\n"},
	} {
		got, err := several(r, c.types, c.query, ParseOptions{})
		if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
			t.Errorf("%s of %s: %v (-want +got):\n%s", c.query, c.types, err, diff)
		}
	}
}

func TestParseSeveralErrors(t *testing.T) {
	r := newTestRegistry(t)
	for _, c := range []struct{ types, query, want string }{
		{"Patient Device", "_sort:desc=_id", "http._sort:desc: _sort takes no modifier; a minus before the name sorts in descending order, as in _sort=-_lastUpdated"},
		{"Patient Device", "_type=", "http._type: _type needs the name of a resource type"},
		{"Patient Device", "_type=Pazient", `http._type: "Pazient" is not a resource type`},
		{"Patient Device", "_type=Group", "http._type: Group is not among the types that are searched here"},
		{"Patient Device", "_type=Patient&_type=Device", "http._type: Device is not among the types that are searched here"},
		{"Patient Device", "birthdate=2000", "http.birthdate: Device has no search parameter birthdate; all 2 types that are searched must have it"},
		{"Patient", "colour=blue", "http.colour: Patient has no search parameter colour"},
		{"Patient Device", "_id=a_b", "http._id: at position 1 of the value: not an id; an id has 1 to 64 of A-Z a-z 0-9 - ."},
		{"Patient Device", "_include=Device:status", "http._include: at position 1 of the value: status is of type token, not a reference"},
		{"Patient Device", "_id:exact=a", "http._id:exact: the modifier :exact is not supported for _id; it takes :missing, :not"},
		{"Patient Device", strings.Repeat("_id=a&", maxParameters+1), "201 parameters; 200 are allowed"},
	} {
		_, err := several(r, c.types, c.query, ParseOptions{Strict: true})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.60s of %s: %v, want %s", c.query, c.types, err, c.want)
		}
	}
	if _, err := several(r, "Patient", strings.Repeat("_id=a&", maxParameters), ParseOptions{}); err != nil {
		t.Errorf("as many parameters as allowed: %v", err)
	}
	var outcome *fhir.OperationOutcome
	if _, err := several(r, "Patient Unicorn", "_id=a", ParseOptions{}); !errors.As(err, &outcome) {
		t.Errorf("a type that is none: %v", err)
	}
}
