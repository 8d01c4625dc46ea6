package conformance

import (
	"net/http"
	"slices"
	"strings"
)

func capabilityLines() []line {
	return []line{
		{
			group: "capabilities", name: "metadata", run: metadata,
			says: "`GET /metadata` is 200 for everybody: R4, its formats, what operations mean, CORS for any origin; `mode` in its three values.",
			notes: []note{{later, "`rest.security.service`, the `oauth-uris` extension and `/.well-known/smart-configuration` come with authorization. They will name the token endpoint in both places, although SMART 2 deprecates the first, because a suite reads it there."},
				{later, "`instantiates` and `implementationGuide` are declared with the guides that are implemented; none is yet, and nothing aspirational is declared."},
				{otherwise, "`OPTIONS` on the base is not another way to `/metadata`: R4 has dropped it, and it belongs to CORS."}},
		},
		{
			group: "capabilities", name: "declared-is-what-works", run: declared,
			says: "What is declared works, and what works is declared: interactions, conditional forms, search parameters, includes, operations. A test of the server walks all of the statement; here it is a sample of each kind.",
		},
	}
}

func metadata(s *session) {
	for _, accept := range []string{jsonType, xmlType} {
		a := s.get("/metadata", "Accept", accept).is(200).holds(accept, "CapabilityStatement")
		a.at("fhirVersion", "4.0.1").at("status", "active").at("kind", "instance").at("rest.mode", "server").at("rest.security.cors", "true").at("implementation.url", s.base)
		a.among("format", "json", "xml", jsonType, xmlType).at("software.name", "Firth").hasLike("ETag", `W/".+"`)
		a.at("instantiates").at("implementationGuide").at("rest.security.service").at("rest.security.extension")
		for _, mode := range []string{"full", "normative"} {
			s.get("/metadata?mode="+mode, "Accept", accept).is(200).holds(accept, "CapabilityStatement").at("fhirVersion", "4.0.1")
		}
		s.get("/metadata?mode=terminology", "Accept", accept).is(200).holds(accept, "TerminologyCapabilities").at("kind", "instance").at("status", "active")
		s.get("/metadata?mode=nonsense", "Accept", accept).refused(400, "value").naming("mode")
	}
	for _, path := range []string{"rest.operation", "rest.resource.operation"} {
		s.together(func(s *session) {
			for _, operation := range s.get("/metadata").root().nodes(path) {
				name, definition := operation.one("name"), operation.one("definition")
				s.check(name != "" && !strings.HasPrefix(name, "$") && strings.HasPrefix(definition, "http") && strings.Contains(definition, "/OperationDefinition/"), "operation %q has definition %q", name, definition)
			}
		})
	}
	s.get("/metadata", "Origin", "https://app.example").has("Access-Control-Allow-Origin", "*")
	s.send(http.MethodOptions, "/metadata", "", "Origin", "https://app.example", "Access-Control-Request-Method", "GET").is(204).has("Access-Control-Allow-Origin", "*").hasLike("Access-Control-Allow-Methods", ".*GET.*")
	const local = "http://localhost:3000" // all that --dev allows to use the rest
	s.send(http.MethodOptions, "/Patient", "", "Origin", local, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "If-None-Exist").
		is(204).has("Access-Control-Allow-Origin", local).hasLike("Access-Control-Allow-Headers", ".*If-None-Exist.*")
	s.get("/Patient?_id=nobody", "Origin", "https://app.example").lacks("Access-Control-Allow-Origin")
	s.get("/Patient?_id=nobody", "Origin", local).has("Access-Control-Allow-Origin", local).hasLike("Access-Control-Expose-Headers", ".*ETag.*Location.*")
	s.get("/metadata", "Authorization", "Bearer nonsense").is(200)
	s.send(http.MethodOptions, "", "").refused(405, "not-supported").hasLike("Allow", ".*GET.*POST.*")
	s.get("/.well-known/smart-configuration").refused(404, "not-supported")
}

func declared(s *session) {
	root := s.get("/metadata").is(200).root()
	s.check(slices.Equal(sorted(root.at("rest.interaction.code")), []string{"batch", "history-system", "search-system", "transaction"}), "system: %q", root.at("rest.interaction.code"))
	types := root.nodes("rest.resource")
	s.check(len(types) == 146, "%d resource types, want R4's 146", len(types))
	s.together(func(s *session) {
		for _, row := range types {
			declaredOfType(s, row)
		}
	})
	row := s.statement("Observation")
	s.together(func(s *session) { declaredParameters(s, row) })
	s.together(func(s *session) {
		for _, include := range row.at("searchInclude") {
			s.get("/Observation?_include="+include, "Prefer", "handling=strict").is(200)
		}
	})
	s.together(func(s *session) {
		for _, include := range s.statement("Device").at("searchRevInclude") {
			s.get("/Device?_revinclude="+include, "Prefer", "handling=strict").is(200)
		}
	})
	names := row.at("operation.name")
	for _, name := range []string{"lastn", "stats", "validate", "meta"} {
		s.check(slices.Contains(names, name), "operations of Observation %q, want %s among them", names, name)
	}
	s.get("/Observation?nonsense=1", "Prefer", "handling=strict").refused(400, "not-supported")
	s.get("/Observation/$nonsense").refused(404, "not-supported")
}

func declaredOfType(s *session, row *tree) {
	const want = "create delete history-instance history-type patch read search-type update vread"
	typ := row.one("type")
	s.check(strings.Join(sorted(row.at("interaction.code")), " ") == want, "%s: %q", typ, row.at("interaction.code"))
	s.check(row.one("readHistory") == "true" && row.one("updateCreate") == "true" && row.one("conditionalCreate") == "true" && row.one("conditionalRead") == "full-support" &&
		row.one("conditionalUpdate") == "true" && row.one("conditionalDelete") == "single", "%s: conditional forms", typ)
	s.check(len(row.at("searchParam.name")) == len(row.at("searchParam.type")) && slices.Contains(row.at("searchParam.name"), "_id"), "%s: search parameters", typ)
}

// declaredParameters searches by every parameter of Observation, except by those whose values are made of others.
func declaredParameters(s *session, row *tree) {
	for i, name := range row.at("searchParam.name") {
		kind := row.at("searchParam.type")[i]
		value, simple := map[string]string{"date": "2021", "number": "1", "quantity": "1", "string": "a", "token": "a", "reference": "Patient/1", "uri": "urn:a"}[kind]
		if simple && name != "_filter" {
			s.get("/Observation?"+name+"="+value, "Prefer", "handling=strict").is(200)
		}
	}
}

func sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}
