package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/path"
	"github.com/firth-health/firth/fhir/spec"
	"github.com/firth-health/firth/fhir/ucum"
)

func fhirpathCommand() *cobra.Command {
	strict := false
	cmd := &cobra.Command{
		Use:   "fhirpath EXPRESSION [FILE]",
		Short: "Evaluate a FHIRPath expression over a resource",
		Long: `Evaluate a FHIRPath expression over a JSON resource from FILE, or from the standard input, and print one line for each item
it yields: the type, a tab, and the value (elements as the JSON that stands in the resource).`,
		Example: `  firth fhirpath 'name.given.first()' patient.json
  curl -s http://127.0.0.1:8080/fhir/Patient/1 | firth fhirpath 'birthDate <= today()'`,
		Args: cobra.RangeArgs(1, 2),
	}
	cmd.Flags().BoolVar(&strict, "strict", false, "refuse elements that the resource type does not have, instead of yielding nothing")
	cmd.RunE = failing(func(cmd *cobra.Command, args []string) error {
		resource, err := readResource(cmd.InOrStdin(), args[1:])
		if err != nil {
			return err
		}
		return evaluate(cmd.OutOrStdout(), args[0], resource, strict)
	})
	return cmd
}

func readResource(in io.Reader, files []string) (*fhir.Resource, error) {
	var data []byte
	var err error
	if len(files) == 1 && files[0] != "-" {
		data, err = os.ReadFile(files[0])
	} else {
		data, err = io.ReadAll(in)
	}
	if err != nil {
		return nil, err
	}
	return fhir.ParseResource(data)
}

func evaluate(out io.Writer, source string, resource *fhir.Resource, strict bool) error {
	definitions, err := spec.R4()
	if err != nil {
		return err
	}
	var options []path.Option
	if strict {
		options = append(options, path.Strict(resource.Type()))
	}
	expression, err := path.Compile(source, definitions, options...)
	if err != nil {
		return err
	}
	units, err := ucum.Standard()
	if err != nil {
		return err
	}
	items, err := expression.Eval(resource, &path.Env{Units: units})
	if err != nil {
		return err
	}
	for _, item := range items {
		text, err := itemText(item)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "%s\t%s\n", itemType(item), text); err != nil {
			return err
		}
	}
	return nil
}

func itemType(v path.Value) string {
	if name := v.TypeName(); name != "" {
		return v.Namespace() + "." + name
	}
	return "unknown"
}

// itemText is the JSON of an element on one line, and the text of a computed value.
func itemText(v path.Value) (string, error) {
	node := v.Node()
	if !node.Ok() {
		node = v.Sibling() // a primitive that has nothing but extensions
	}
	if v.Kind() != path.Element || !node.Ok() {
		return v.Text(), nil
	}
	var line bytes.Buffer
	err := json.Compact(&line, node.Raw())
	return line.String(), err
}
