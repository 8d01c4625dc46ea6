package adapters

import (
	_ "embed"
	"errors"
	"fmt"
	"sort"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"go.yaml.in/yaml/v3"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// ManifestSchema is the JSON Schema (2020-12) of a manifest, for editors.
//
//go:embed manifest.schema.json
var ManifestSchema []byte

const manifestSchemaURL = "https://firth.health/schema/adapter-v1.json"

func compileSchema(url string, document any) (*jsonschema.Schema, error) {
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.UseLoader(refuseLoading{})
	if err := c.AddResource(url, document); err != nil {
		return nil, err
	}
	return c.Compile(url)
}

// refuseLoading keeps schemas from reaching for files or the network.
type refuseLoading struct{}

func (refuseLoading) Load(url string) (any, error) {
	return nil, fmt.Errorf("schema %s is not part of the manifest", url)
}

func manifestSchema() (*jsonschema.Schema, error) {
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(string(ManifestSchema)))
	if err != nil {
		return nil, err
	}
	return compileSchema(manifestSchemaURL, document)
}

// checkShape validates the manifest against its schema; the first fault in the order of the text is reported.
func (s *source) checkShape(schema *jsonschema.Schema) error {
	document, err := s.value(s.root, "", 0)
	if err != nil {
		return err
	}
	invalid := (*jsonschema.ValidationError)(nil)
	if err := schema.Validate(document); err == nil {
		return nil
	} else if !errors.As(err, &invalid) {
		return s.fail(s.root, "%v", err)
	}
	faults := schemaFaults(invalid)
	positioned := make([]*LoadError, 0, len(faults))
	for _, f := range faults {
		n := s.at[f.pointer]
		if f.member != "" {
			n = s.keys[f.pointer+"/"+escapeToken(f.member)]
		}
		err := s.fail(n, "%s", f.text())
		var load *LoadError
		if errors.As(err, &load) {
			positioned = append(positioned, load)
		}
	}
	sort.SliceStable(positioned, func(i, j int) bool {
		return positioned[i].Line < positioned[j].Line || positioned[i].Line == positioned[j].Line && positioned[i].Col < positioned[j].Col
	})
	return positioned[0]
}

type fault struct{ pointer, member, msg string }

func (f fault) text() string {
	if f.pointer == "" {
		return f.msg
	}
	return strings.ReplaceAll(strings.TrimPrefix(f.pointer, "/"), "/", ".") + ": " + f.msg
}

// schemaFaults flattens a validation error to its leaves.
func schemaFaults(e *jsonschema.ValidationError) []fault {
	if len(e.Causes) > 0 {
		var all []fault
		for _, cause := range e.Causes {
			all = append(all, schemaFaults(cause)...)
		}
		return all
	}
	pointer := ""
	for _, token := range e.InstanceLocation {
		pointer += "/" + escapeToken(token)
	}
	if extra, ok := e.ErrorKind.(*kind.AdditionalProperties); ok {
		var all []fault
		for _, name := range extra.Properties {
			all = append(all, fault{pointer, name, fmt.Sprintf("unknown member %q", name)})
		}
		return all
	}
	return []fault{{pointer: pointer, msg: e.ErrorKind.LocalizedString(message.NewPrinter(language.English))}}
}

// payloadSchema compiles the schema that a manifest gives for its payloads.
func (s *source) payloadSchema(n *yaml.Node) (*jsonschema.Schema, error) {
	if n.IsZero() {
		return nil, nil
	}
	document, err := s.value(n, "/payload", 1)
	if err != nil {
		return nil, err
	}
	schema, err := compileSchema("https://firth.health/schema/payload.json", document)
	if err != nil {
		return nil, s.fail(n, "payload: %v", err)
	}
	return schema, nil
}
