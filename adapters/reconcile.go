package adapters

import (
	"github.com/firth-health/firth/fhir"
)

// Reconcile compares the draft with the version that is stored under its id. Changed is false when both say the same, stamps and provenance (id, meta, issued) left
// aside. Otherwise body is what to store next: the draft, with status amended where a final result is being replaced by another (R4
// valueset-observation-status.html).
//
// Where both have a revision, an older draft never replaces a newer version, and a newer draft always does, so that the order of arrival does not matter.
func (d *Draft) Reconcile(current []byte) (body []byte, changed bool, err error) {
	old, err := fhir.Parse(current)
	if err != nil {
		return nil, false, err
	}
	fresh, err := fhir.Parse(d.JSON)
	if err != nil {
		return nil, false, err
	}
	newer, older := false, false
	if is, known := revisionOf(fresh); known {
		if stored, known := revisionOf(old); known {
			newer, older = is.Cmp(stored) > 0, is.Cmp(stored) < 0
		}
	}
	if older {
		return nil, false, nil
	}
	status, was := fresh.Get("status"), old.Get("status")
	revised := was.TextIs("amended") || was.TextIs("corrected")
	replaces := status.TextIs("final") && (revised || was.TextIs("final"))
	same := sameMembers(old, fresh, true, replaces)
	if same && !newer {
		return nil, false, nil
	}
	if !replaces || same && !revised {
		return d.JSON, true, nil
	}
	return fhir.ApplySplices(d.JSON, 0, []fhir.Splice{fhir.Replace(status, []byte(`"amended"`))}), true, nil
}

// revisionOf reads the revision in a resource's tags.
func revisionOf(root fhir.Node) (fhir.Decimal, bool) {
	for tag := range root.Path("meta", "tag").Children() {
		if tag.Get("system").TextIs(RevisionSystem) {
			d, err := fhir.ParseDecimal(tag.Get("code").Text())
			return d, err == nil
		}
	}
	return fhir.Decimal{}, false
}

// stamp reports the members of a resource that say nothing about the reading.
func stamp(n fhir.Node, sameStatus bool) bool {
	return n.KeyIs("meta") || n.KeyIs("id") || n.KeyIs("issued") || sameStatus && n.KeyIs("status")
}

func sameMembers(a, b fhir.Node, top, sameStatus bool) bool {
	count := 0
	for m := a.First(); m.Ok(); m = m.Next() {
		if top && stamp(m, sameStatus) {
			continue
		}
		count++
		if !sameContent(m, b.Get(m.Key())) {
			return false
		}
	}
	for m := b.First(); m.Ok(); m = m.Next() {
		if !top || !stamp(m, sameStatus) {
			count--
		}
	}
	return count == 0
}

// sameContent compares by content: members in any order, items in order, numbers by their digits, because 1.50 and 1.5 are different
// measurements.
func sameContent(a, b fhir.Node) bool {
	if a.Kind() != b.Kind() {
		return false
	}
	switch a.Kind() {
	case fhir.Object:
		return sameMembers(a, b, false, false)
	case fhir.Array:
		x, y := a.First(), b.First()
		for ; x.Ok() && y.Ok(); x, y = x.Next(), y.Next() {
			if !sameContent(x, y) {
				return false
			}
		}
		return !x.Ok() && !y.Ok()
	}
	return a.Text() == b.Text()
}
