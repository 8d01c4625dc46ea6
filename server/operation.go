package server

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
)

// operation is a row of the table of operations (R4 operations.html). The router, entries of Bundles and the CapabilityStatement are made from
// the table; what goes in is checked against the OperationDefinition before handle runs.
type operation struct {
	code       string // without the $
	definition string // canonical URL of the OperationDefinition; of those of our own the id
	types      []string
	levels     []level
	method     string // POST where GET is not offered, because it changes something or takes what no URL can say; empty for both
	changes    bool   // affects the state of the server: not for a transaction
	versions   bool   // is also there for a version of an instance
	searches   bool   // takes the search parameters of the type as well
	pages      bool   // has a next link
	tokens     bool   // takes a Coding in the URL as system|code, which R4 leaves to the operation
	raw        bool   // reads bodies on its own; parameters beside those of the definition are for it to judge
	handle     func(*exchange, *arguments) (reply, error)

	parameters []parameter // of the definition
}

// versionLevel is where operations are that versions of an instance have as well. Their interactions are of the level of the instance.
const versionLevel = instanceLevel + 1

// hl7 begins the URL of R4's own OperationDefinitions.
const hl7 = "http://hl7.org/fhir/OperationDefinition/"

// operationTable lists what is offered.
func (s *Server) operationTable() []*operation {
	onType, onInstance := []level{typeLevel}, []level{instanceLevel}
	return []*operation{
		{code: "lastn", definition: hl7 + "Observation-lastn", types: []string{"Observation"}, levels: onType, searches: true, handle: s.lastN},
		{code: "stats", definition: hl7 + "Observation-stats", types: []string{"Observation"}, levels: onType, handle: s.stats},
		{code: "everything", definition: hl7 + "Patient-everything", types: []string{"Patient"}, levels: []level{typeLevel, instanceLevel}, pages: true, handle: s.everything},
		{code: "everything", definition: hl7 + "Encounter-everything", types: []string{"Encounter"}, levels: onInstance, pages: true, handle: s.everything},
		{code: "everything", definition: "Device-everything", types: []string{"Device"}, levels: onInstance, pages: true, handle: s.everything},
		{code: "docref", definition: "docref", types: []string{"DocumentReference"}, levels: onType, pages: true, tokens: true, handle: s.docref},
		{code: "waveform", definition: "Observation-waveform", types: []string{"Observation"}, levels: []level{typeLevel, instanceLevel}, handle: s.waveform},
		{code: "meta", definition: hl7 + "Resource-meta", levels: []level{systemLevel, typeLevel, instanceLevel}, versions: true, handle: s.meta},
		{code: "meta-add", definition: hl7 + "Resource-meta-add", levels: onInstance, versions: true, method: http.MethodPost, changes: true, handle: s.metaAdd},
		{code: "meta-delete", definition: hl7 + "Resource-meta-delete", levels: onInstance, versions: true, method: http.MethodPost, changes: true, handle: s.metaDelete},
		{code: "validate", definition: hl7 + "Resource-validate", levels: []level{typeLevel, instanceLevel}, handle: s.validate},
		{code: "document", definition: hl7 + "Composition-document", types: []string{"Composition"}, levels: []level{typeLevel, instanceLevel}, handle: s.document},
		{code: "graphql", definition: hl7 + "Resource-graphql", levels: []level{systemLevel, instanceLevel}, raw: true, handle: s.graphQL},
		{code: "reindex", definition: "Resource-reindex", levels: []level{systemLevel, typeLevel, instanceLevel}, method: http.MethodPost, changes: true, handle: s.reindex},
		{code: "expand", definition: hl7 + "ValueSet-expand", types: []string{"ValueSet"}, levels: []level{typeLevel, instanceLevel}, handle: s.expand},
		{code: "validate-code", definition: hl7 + "ValueSet-validate-code", types: []string{"ValueSet"}, levels: []level{typeLevel, instanceLevel}, handle: s.validateInSet},
		{code: "validate-code", definition: hl7 + "CodeSystem-validate-code", types: []string{"CodeSystem"}, levels: []level{typeLevel, instanceLevel}, handle: s.validateInSystem},
		{code: "lookup", definition: hl7 + "CodeSystem-lookup", types: []string{"CodeSystem"}, levels: onType, handle: s.lookUp},
		{code: "versions", definition: hl7 + "CapabilityStatement-versions", types: []string{"CapabilityStatement"}, levels: []level{systemLevel, typeLevel}, handle: s.versions},
	}
}

// operationInteractions reads the definitions and makes an interaction of each operation, level and method. Rows of one code share their interactions:
// the type says which is meant.
func (s *Server) operationInteractions() ([]*interaction, error) {
	var table []*interaction
	for _, op := range s.operations {
		if err := s.define(op); err != nil {
			return nil, err
		}
		levels := op.levels
		if op.versions {
			levels = append(slices.Clone(levels), versionLevel)
		}
		for _, l := range levels {
			path := [...]string{systemLevel: "/$", typeLevel: "/:type/$", instanceLevel: "/:type/:id/$", versionLevel: "/:type/:id/_history/:vid/$"}[l] + op.code
			l = min(l, instanceLevel) // a version is an instance with a version id
			post := &interaction{name: "$" + op.code, level: l, method: http.MethodPost, path: path, body: operationBody, slow: true, operation: op}
			post.segments = strings.Split(path[1:], "/")
			post.handle, post.check = s.operate, s.checkOperation
			if slices.ContainsFunc(table, func(in *interaction) bool { return in.path == path }) {
				continue
			}
			table = append(table, post)
			if op.method == "" {
				get := *post
				get.method, get.body = http.MethodGet, noBody
				table = append(table, &get)
			}
		}
	}
	return table, nil
}

// define reads the parameters of an operation from its definition.
func (s *Server) define(op *operation) error {
	data, err := s.ownDefinition(op.definition), error(nil)
	if data != nil {
		op.definition, err = ownURL(data)
	} else {
		data, err = s.definitions.Artifact("OperationDefinition", op.definition)
	}
	if err == nil {
		op.parameters, err = readParameters(data)
	}
	if err != nil {
		return fmt.Errorf("server: the definition of $%s: %w", op.code, err)
	}
	return nil
}

// operate checks what goes in and performs the operation.
func (s *Server) operate(x *exchange) (reply, error) {
	op, err := s.operationFor(x)
	if err != nil {
		return reply{}, err
	}
	in, err := s.arguments(op, x)
	if err != nil {
		return reply{}, err
	}
	return op.handle(x, in)
}

// checkOperation reports what is wrong with a call without performing it.
func (s *Server) checkOperation(x *exchange) error {
	op, err := s.operationFor(x)
	if err == nil {
		_, err = s.arguments(op, x)
	}
	return err
}

// operationFor finds the row that is meant for the type of the URL.
func (s *Server) operationFor(x *exchange) (*operation, error) {
	code := x.interaction.operation.code
	for _, op := range s.operations {
		if op.code == code && slices.Contains(op.levels, x.interaction.level) && (x.key.Type == "" || op.offeredFor(x.key.Type)) {
			return op, nil
		}
	}
	return nil, s.notOffered(code)
}

// offeredFor reports whether the operation is there for a type; every type where the table names none.
func (op *operation) offeredFor(typ string) bool {
	return len(op.types) == 0 || slices.Contains(op.types, typ)
}

// notOffered refuses an operation where it is not offered, and says where it is.
func (s *Server) notOffered(code string) error {
	if code == "process-message" {
		return refuse(http.StatusNotFound, fhir.CodeNotSupported, "", "messaging is not supported: $process-message is not offered; send the resources in a transaction, or device payloads to /ingest")
	}
	var places, codes []string
	for _, op := range s.operations {
		codes = append(codes, "$"+op.code)
		if op.code != code {
			continue
		}
		types := op.types
		if len(types) == 0 {
			types = []string{"[type]"}
		}
		for _, l := range op.levels {
			for _, typ := range types {
				places = append(places, [...]string{systemLevel: "", typeLevel: typ + "/", instanceLevel: typ + "/[id]/"}[l]+"$"+code)
			}
		}
	}
	if name := printable("$" + code); len(places) == 0 {
		return refuse(http.StatusNotFound, fhir.CodeNotSupported, "", "the operation %q is not known to this server%s", name, search.DidYouMean(name, slices.Values(codes)))
	}
	slices.Sort(places)
	return refuse(http.StatusNotFound, fhir.CodeNotSupported, "", "the operation $%s is not offered here; it is at %s", code, strings.Join(slices.Compact(places), ", "))
}

// operationEntry is CapabilityStatement.rest.operation and rest.resource.operation.
type operationEntry struct {
	Name       string `json:"name"`
	Definition string `json:"definition"`
}

// declaredOperations lists the operations of a type, or with an empty type those of the system.
func (s *Server) declaredOperations(typ string) []operationEntry {
	var entries []operationEntry
	for _, op := range s.operations {
		onSystem := slices.Contains(op.levels, systemLevel)
		onType := slices.Contains(op.levels, typeLevel) || slices.Contains(op.levels, instanceLevel)
		if typ == "" && onSystem || typ != "" && onType && op.offeredFor(typ) {
			entries = append(entries, operationEntry{op.code, op.definition})
		}
	}
	return entries
}
