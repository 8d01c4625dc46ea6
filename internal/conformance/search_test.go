package conformance

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

func searchLines() []line {
	return []line{
		{
			group: "search", name: "get-and-post", server: library, run: searchGetAndPost,
			says:  "GET and `POST [type]/_search`, with parameters in URL and body, find the same; a search without parameters is legal; `self` has the parameters that were used; `next` works as it is until all came.",
			notes: []note{{later, "a link keeps what a token allows: with authorization."}},
		},
		{
			group: "search", name: "modes-and-totals", server: library, run: searchTotals,
			says:  "Entries say match, include or outcome; `total` counts matches only; `_count=0` is `_summary=count`; `_total` in its three values.",
			notes: []note{{chosen, "`total` is given by default, as long as counting is cheap: one suite asserts it, several servers leave it out."}},
		},
		{
			group: "search", name: "unknown-parameters", server: library, run: searchUnknown,
			says: "An unknown parameter is ignored, absent from `self` and reported by an outcome entry; under `Prefer: handling=strict` it is 400; an unknown modifier is always 400.",
			notes: []note{{chosen, "lenient by default as R4 and one suite have it, where others want 4xx: the client chooses by header, and is told in either case."},
				{chosen, "modifiers are refused also when lenient, because R4 says SHALL, and because a modifier that is dropped turns a search into another one. So is what `_sort` and `_include` name and nobody knows."}},
		},
		{
			group: "search", name: "malformed-values", server: library, run: searchMalformed,
			says: "Values that are none of their parameter's type are 400.",
		},
	}
}

func searchGetAndPost(s *session) {
	all := []string{"", "_id=ada", "gender=female", "name=mul", "birthdate=ge1980", "_sort=-birthdate", "organization=Organization/ward", "gender:not=female", "general-practitioner.name=gross"}
	for _, query := range all {
		a := s.get("/Patient?"+query).is(200).at("type", "searchset")
		ids := strings.Join(a.entries("match"), " ")
		s.form("/Patient/_search", query).lists(ids).at("total", a.root().at("total")...)
		s.post("/Patient/_search?"+query, "").lists(ids)
		s.get("/Patient?"+query, "Accept", xmlType).holds(xmlType, "Bundle").lists(ids)
	}
	s.get("/Patient").totals(4).finds("ada ben cleo dora")
	s.form("/Patient/_search?gender=female", "name=mull").finds("ada")
	s.form("/Patient/_search?gender=female", "gender=male").finds("")
	s.form("/Patient/_search?_count=1", "_sort=_id").lists("ada").totals(4)
	s.get("/Patient?gender=female&nonsense=1&_format=json&name=").selfHas("_format=json&gender=female")
	s.form("/Patient/_search?gender=female", "name=mull&nonsense=1").selfHas("gender=female&name=mull")
	self := s.get("/Patient?gender=female&_sort=-_id&_count=1").lists("cleo")
	s.get(self.link("self")).lists("cleo")
	s.get(self.link("next")).lists("ada").totals(2)
	for count := 1; count <= 5; count++ {
		got := strings.Join(s.pages(fmt.Sprintf("/Patient?_sort=birthdate,_id&_count=%d", count), "entry.resource.id", count), " ")
		s.check(got == "cleo ben ada dora" || got == "ada ben cleo dora" || got == "cleo ada ben dora", "pages of %d have %q", count, got)
	}
	byForm := s.form("/Patient/_search", "_sort=_id&_count=3").lists("ada ben cleo")
	s.get(byForm.link("next")).lists("dora")
	inXML := s.get("/Patient?_sort=_id&_count=3&_format=xml").lists("ada ben cleo")
	s.get(inXML.link("next")).holds(xmlType, "Bundle").lists("dora")
	s.get(s.get("/Patient?_sort=-_id&_count=3&_elements=gender").link("next")).lists("ada").at("entry.resource.name").at("entry.resource.gender", "female")
	next, err := url.Parse(byForm.link("next"))
	s.check(err == nil && strings.HasPrefix(next.String(), s.base+"/Patient?") && next.User == nil, "next link %q", byForm.link("next"))
	s.get("/Patient?_cursor=nonsense").refused(400, "value")
	s.post("/Patient/_search", "gender=female", "Content-Type", jsonType).refused(415, "not-supported")
	s.get("/?_type=Patient,Group&_id=ada,cohort").finds("ada cohort")
	s.form("/_search", "_type=Patient,Group&_id=ada,cohort").finds("ada cohort")
}

func searchTotals(s *session) {
	s.get("/Observation?code=8867-4&_include=Observation:subject&_include=Observation:performer&_revinclude=Provenance:target&nonsense=1").
		finds("hr1 hr2 hr3").includes("Patient/ada Practitioner/greta Provenance/prov").totals(3).warns("nonsense")
	modes := s.get("/Observation?_id=hr1&_include=Observation:subject&nonsense=1").root().at("entry.search.mode")
	s.check(slices.Equal(modes, []string{"match", "include", "outcome"}), "modes %q", modes)
	s.get("/Observation?code=8867-4&_count=1&_include=Observation:subject").totals(3).includes("Patient/ada")
	for _, accept := range []string{jsonType, xmlType} {
		s.get("/Observation?code=8867-4&_count=0", "Accept", accept).is(200).totals(3).at("entry").at("link.relation", "self")
		s.get("/Observation?code=8867-4&_summary=count", "Accept", accept).is(200).totals(3).at("entry").at("link.relation", "self")
	}
	s.form("/Observation/_search", "code=8867-4&_count=0").totals(3).at("entry")
	s.get("/Observation?code=8867-4").totals(3)
	s.get("/Observation?code=8867-4&_count=2").totals(3)
	s.get("/Observation?code=nothing").totals(0).at("entry")
	s.get("/Observation?code=8867-4&_total=none").finds("hr1 hr2 hr3").at("total")
	s.get("/Observation?code=8867-4&_total=accurate").totals(3)
	s.get("/Observation?code=8867-4&_total=estimate").totals(3)
	s.get("/Observation?code=8867-4&_total=roughly").refused(400, "value").naming("_total")
	s.get("/Observation?_count=-1").refused(400, "value").naming("_count")
	s.get("/Observation?_count=many").refused(400, "value").naming("_count")
	s.get("/Observation?_id=hr1").at("entry.fullUrl", s.base+"/Observation/hr1").at("entry.search.mode", "match")
	s.on(limited, func(s *session) {
		for i := range 9 {
			s.store(resource("Basic", fmt.Sprintf("total%d", i), `"code":{"text":"x"}`))
		}
		page := s.get("/Basic?_count=1000").totals(9)
		s.check(len(page.entries("match")) == 7, "%d entries above --max-page-size, want 7", len(page.entries("match")))
		s.check(len(s.get("/Basic").entries("match")) == 3, "want 3 entries by --page-size")
	})
}

func searchUnknown(s *session) {
	for _, accept := range []string{jsonType, xmlType} {
		s.get("/Patient?gender=male&nonsense=1&_unheard=2", "Accept", accept).finds("ben").selfHas("gender=male").warns("nonsense").warns("_unheard").totals(1)
		s.get("/Patient?gender=male&nonsense=1", "Accept", accept, "Prefer", "handling=strict").refused(400, "not-supported").naming("nonsense")
		s.get("/Patient?name:nonsense=a", "Accept", accept).refused(400, "not-supported").naming("nonsense")
		s.get("/Patient?name:nonsense=a", "Accept", accept, "Prefer", "handling=strict").refused(400, "not-supported").naming("nonsense")
	}
	s.get("/Patient?gender=male&nonsense=1", "Prefer", "handling=lenient").finds("ben").warns("nonsense")
	s.get("/Patient?gender=male", "Prefer", "handling=strict").finds("ben")
	s.form("/Patient/_search", "gender=male&nonsense=1").finds("ben").selfHas("gender=male").warns("nonsense")
	s.form("/Patient/_search", "gender=male&nonsense=1", "Prefer", "handling=strict").refused(400, "not-supported").naming("nonsense")
	s.get("/Patient?nonsense=1").finds("ada ben cleo dora").warns("nonsense").selfHas("")
	s.get("/Patient?...=1&gender=male").finds("ben").warns("").selfHas("gender=male")
	s.get("/Patient?_has:Observation:nonsense:code=x&gender=male").finds("ben").warns("nonsense")
	s.get("/Patient?nonsense:exact=1&gender=male").finds("ben").warns("nonsense")
	s.get("/Patient?code=8867-4").finds("ada ben cleo dora").warns("code") // of another type
	s.get("/Patient?genders=male").warns("gender")
	s.get("/Patient?gender=male&subject.nonsense=1").finds("ben").warns("subject")
	s.each("gender:exact=male ; birthdate:contains=1980 ; name:below=a ; name:in=a ; birthdate:exact=1980 ; organization:above=x ; gender:of-type=a|b|c ; organization:Device=x ; active:text:not=x", func(query string) {
		s.get("/Patient?"+query).refused(400, "")
		s.form("/Patient/_search", query).refused(400, "")
	})
	s.get("/Patient?_sort=nonsense").refused(400, "").naming("nonsense")
	s.get("/Patient?_include=Patient:nonsense").refused(400, "").naming("nonsense")
}

func searchMalformed(s *session) {
	refuse := func(typ, queries, naming string) {
		s.each(queries, func(query string) {
			for _, accept := range []string{jsonType, xmlType} {
				s.get("/"+typ+"?"+escaped(query), "Accept", accept).refused(400, "").naming(naming)
			}
			s.form("/"+typ+"/_search", escaped(query)).refused(400, "").naming(naming)
		})
	}
	refuse("Patient", "birthdate=abc ; birthdate=2020-13 ; birthdate=2020-02-30 ; birthdate=20200101 ; birthdate=xx2020 ; birthdate=gt ; birthdate=2020-01-01T25:00 ; birthdate=1980,abc", "birthdate")
	refuse("Patient", "_lastUpdated=yesterday", "_lastUpdated")
	refuse("RiskAssessment", "probability=x ; probability=gt ; probability=1.2.3 ; probability=1,x ; probability=NaN", "probability")
	refuse("Observation", "value-quantity=x ; value-quantity=5.4x||mg ; value-quantity=1|a|b|c", "value-quantity")
	refuse("Observation", "code-value-quantity=8867-4 ; code-value-quantity=8867-4$x ; code-value-quantity=8867-4$gt", "code-value-quantity")
	refuse("Observation", "date:missing=maybe", "date")
	refuse("Patient", "organization=Nothing/1", "organization")
	refuse("Patient", "_summary=most", "_summary")
	refuse("Patient", "_count=x", "_count")
	refuse("Patient", "_has:Observation=x ; _has:Nothing:subject:code=x ; _has:Observation=x ; _has::subject:code=x", "_has")
	s.get("/Patient?name=%ZZ").refused(400, "")
	s.get("/Patient?name=%FF").refused(400, "")
	s.get("/Nothing?name=x").refused(404, "not-supported")
}
