package archtest

// Row says what one package may import of this module. A pattern that ends in /... stands for a package and all below it, "..." for every package; the
// longest pattern that matches a package is its row. A package without a row is a violation: the design comes first.
type Row struct {
	Package string
	May     []string // in all files
	Tests   []string // in _test.go files as well
	Why     string
}

// Fence says which packages may import a library. It holds for tests too, unless they are exempt.
type Fence struct {
	Import      string   // import path; what lies below it is fenced too
	Only        []string // patterns as in Row; none: no package may
	ExemptTests bool
	Why         string
}

// Table is an architecture.
type Table struct {
	Rows       []Row
	Fences     []Fence
	Everywhere []string // packages that all may import: leaves without a domain
	Tests      []string // packages that all tests may import
	Names      []string // forbidden package names
}

// Firth returns the architecture of this module. Changing a row's imports is a decision: record it in docs/adr.
func Firth() Table {
	return Table{
		Rows:       rows(),
		Fences:     fences(),
		Everywhere: []string{"internal/clock", "internal/ids", "internal/version"},
		Tests:      []string{"store/storetest", "internal/testfiles"},
		Names:      []string{"util", "utils", "common", "helper", "helpers", "manager", "managers", "misc"},
	}
}

func rows() []Row {
	return []Row{
		{Package: "fhir", Why: "a resource is its bytes; it depends on nothing, so that all can depend on it"},
		{Package: "fhir/spec/...", May: []string{"fhir", "fhir/spec/..."}, Why: "definitions are data read with the resource model; the compiler of that data lives below it"},
		{Package: "fhir/path/...", May: []string{"fhir", "fhir/spec"}, Tests: []string{"fhir/ucum"}, Why: "FHIRPath walks the tree and asks the definitions for types"},
		{Package: "fhir/ucum/...", May: []string{"fhir"}, Why: "units compute with fhir.Decimal only"},
		{Package: "fhir/xml", May: []string{"fhir", "fhir/spec"}, Why: "XML is read into the same tree; the definitions say what repeats"},
		{Package: "fhir/terminology", May: []string{"fhir", "fhir/spec"}, Why: "value sets and hierarchies are computed from the definitions alone"},
		{Package: "fhir/patch", May: []string{"fhir", "fhir/spec", "fhir/path", "fhir/xml"}, Why: "patches are languages over the tree: paths find, definitions say how values are named, XML is one of the forms"},
		{Package: "fhir/validate/...", May: []string{"fhir/..."}, Why: "validation stands on definitions, FHIRPath and units"},
		{Package: "search", May: []string{"fhir", "fhir/spec", "fhir/path", "fhir/terminology", "fhir/ucum"}, Why: "all search semantics compile to key ranges here; a store is not known"},
		{Package: "store", May: []string{"fhir", "fhir/spec", "search"}, Why: "the contract speaks of resources and queries, never of an engine"},
		{Package: "store/storetest", May: []string{"fhir/...", "search", "store"}, Why: "the one suite that every back end passes knows no back end"},
		{Package: "store/pebble/...", May: []string{"fhir", "fhir/spec", "search", "store"}, Why: "a back end answers key ranges; what they mean is not its business"},
		{Package: "store/mongo/...", May: []string{"fhir", "fhir/spec", "search", "store"}, Tests: []string{"internal/mongoproxy", "internal/teststore"}, Why: "a back end answers key ranges; what they mean is not its business"},
		{Package: "adapters/...", May: []string{"adapters/...", "fhir/..."}, Tests: []string{"search", "store", "store/pebble"}, Why: "adapters reach search and store only through interfaces they own; their tests use the real ones"},
		{Package: "adapters/hl7v2", Why: "a decoder knows its wire format only; meaning is in manifests"},
		{Package: "adapters/ble", May: []string{"fhir"}, Why: "a decoder knows its wire format and exact decimals"},
		{Package: "auth/...", May: []string{"auth/...", "fhir/...", "search"}, Tests: []string{"store", "store/pebble"}, Why: "a grant restricts a query by adding to its plan; it does not read the store"},
		{Package: "auth/smart/...", May: []string{"auth/...", "fhir", "internal/transport", "store"}, Tests: []string{"internal/teststore", "store/pebble"}, Why: "the authorization server keeps its records as state of the store (docs/adr/0014); it reads no resources"},
		{Package: "audit", May: []string{"auth", "fhir/...", "search", "store"}, Tests: []string{"store/pebble"}, Why: "events are resources about who did what, written to the store"},
		{Package: "conformance/...", May: []string{"conformance/...", "fhir/...", "search"}, Why: "statements are made from facts handed in by those who register them"},
		{
			Package: "server/...",
			May:     []string{"server/...", "fhir/...", "search", "store", "adapters/...", "auth/...", "audit", "conformance/...", "internal/transport", "web"},
			Tests:   []string{"internal/teststore", "store/pebble"},
			Why:     "one pipeline over any store; back ends are handed in, so only its tests name one",
		},
		{Package: "web", Why: "the console is embedded files"},
		{Package: "cmd/firth/...", May: []string{"..."}, Why: "the one place that knows all parts and puts them together"},
		{Package: "internal/acceptance", Tests: []string{"adapters/catalog", "fhir/spec", "internal/teststore", "search", "server", "store", "store/pebble"}, Why: "starts the parts, then judges their answers over HTTP by means of its own"},
		{Package: "internal/importer", May: []string{"fhir", "internal/progress"}, Why: "the import command, a client of any FHIR server"},
		{Package: "internal/consents", May: []string{"auth", "fhir", "search", "store"}, Tests: []string{"fhir/spec", "store/pebble"}, Why: "feeds what package auth knows of Consents from a store, which auth does not know"},
		{Package: "internal/storecopy", May: []string{"fhir", "search", "store"}, Tests: []string{"fhir/spec", "internal/teststore", "store/pebble"}, Why: "moves versions between stores of any kind, and makes their keys anew"},
		{Package: "internal/bench", May: []string{"fhir"}, Why: "measures any server over HTTP; what it starts is handed in"},
		{Package: "internal/deploy", Tests: []string{"fhir/spec", "internal/config", "search", "server", "store/pebble"}, Why: "holds files for deployment against settings and metrics of the program"},
		{Package: "internal/e2e", May: []string{"fhir"}, Tests: []string{"internal/firthtest", "internal/teststore"}, Why: "drives the real binary as a user does"},
		{Package: "internal/conformance", Tests: []string{"internal/firthtest", "internal/teststore"}, Why: "asks the real binary over HTTP, and reads its answers by means of its own"},
		{Package: "internal/firthtest", Why: "builds and runs the program; what it is made of is not known"},
		{Package: "internal/authmatrix", Tests: []string{"adapters/catalog", "audit", "auth", "fhir", "fhir/spec", "internal/teststore", "search", "server", "store"}, Why: "starts the parts with tokens, then holds their answers against a server that has only what may be seen"},
		{Package: "internal/archtest", Why: "reads source, calls nothing"},
		{Package: "internal/clock", Why: "a leaf that all may use"},
		{Package: "internal/config", Why: "settings are names and values; what they configure is not known"},
		{Package: "internal/ids", Why: "a leaf that all may use"},
		{Package: "internal/mongoproxy", Why: "reads names of commands off the wire and cuts connections; what the commands do is not known"},
		{Package: "internal/mutation", Why: "a tool of make mutate: reads source, runs tests, calls nothing"},
		{Package: "internal/progress", Why: "a progress line knows numbers only"},
		{Package: "internal/simulate", Why: "makes up what devices send, as bytes"},
		{Package: "internal/soak", Tests: []string{"fhir", "internal/firthtest", "store", "store/pebble"}, Why: "drives the real binary with many clients; opens its store when it has stopped"},
		{Package: "internal/testfiles", Why: "reads files for tests; what is in them is not known"},
		{Package: "internal/teststore", May: []string{"store", "store/mongo", "store/pebble"}, Why: "opens the store that tests are to run on; knows every back end so that they need not"},
		{Package: "internal/testsummary", Why: "a tool of make test"},
		{Package: "internal/transport", Why: "secures connections; what is served over them is not known"},
		{Package: "internal/uscore", Tests: []string{"fhir/spec", "internal/teststore", "search", "server"}, Why: "starts the parts, then asks what two guides require over HTTP"},
		{Package: "internal/version", Why: "a leaf that all may use"},
	}
}

func fences() []Fence {
	adapters, auth := []string{"adapters/..."}, []string{"auth/..."}
	return []Fence{
		{Import: "C", Why: "one static binary: no cgo"},
		{Import: "testing", Only: []string{"store/storetest", "internal/firthtest", "internal/testfiles", "internal/teststore", "auth/authtest"}, ExemptTests: true, Why: "product code does not carry test flags; the conformance suite is test code for back ends"},
		{Import: "github.com/google/go-cmp", Only: []string{"store/storetest"}, ExemptTests: true, Why: "it panics and reflects by design: tests only"},
		{Import: "golang.org/x/tools", Only: []string{"internal/archtest"}, ExemptTests: true, Why: "source tools and txtar are for tests"},
		{Import: "github.com/gin-gonic/gin", Only: []string{"server/..."}, Why: "one package knows the router library"},
		{Import: "go.mongodb.org/mongo-driver", Only: []string{"store/mongo/...", "internal/mongoproxy", "internal/teststore"}, Why: "no driver type outside of its back end"},
		{Import: "github.com/cockroachdb/pebble", Only: []string{"store/pebble/..."}, Why: "no engine type outside of its back end"},
		{Import: "github.com/coreos/go-oidc", Only: auth, Why: "tokens are checked in one place"},
		{Import: "github.com/go-jose/go-jose", Only: auth, Why: "tokens are signed and checked in one place"},
		{Import: "github.com/samply/golang-fhir-models", Only: adapters, Why: "typed models lose what they do not know: at most for building a resource"},
		{Import: "github.com/santhosh-tekuri/jsonschema", Only: []string{"adapters/...", "internal/deploy"}, Why: "JSON Schema describes vendor payloads and manifests, not FHIR"},
		{Import: "cel.dev/cel-go", Only: adapters, Why: "CEL is the language of manifests"},
		{Import: "github.com/google/cel-go", Why: "the module moved to cel.dev/cel-go"},
		{Import: "github.com/prometheus", Only: []string{"server/...", "cmd/firth/..."}, Why: "others count by interfaces of their own"},
		{Import: "github.com/spf13", Only: []string{"cmd/firth/..."}, Why: "the command line is read in one place"},
		{Import: "github.com/cockroachdb/apd", Only: []string{"fhir"}, Why: "fhir.Decimal is the only decimal (docs/adr/0006)"},
	}
}
