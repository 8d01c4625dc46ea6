package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

const rootHelp = `Firth is a FHIR R4 server for what medical devices say.

It takes device payloads in their vendors' own form, turns them into FHIR resources, keeps them durably and answers FHIR searches.

Settings can be given as a flag, as an environment variable or in a YAML file; the help of each command names all three, such as
--max-body [FIRTH_MAX_BODY, limits.body:]. The flag wins over the variable, the variable over the file, the file over the default.
A dot in the name of the file form is a level:

  limits:
    body: 64MiB

Exit codes: 0 success; 1 the command failed; 2 flags, arguments or configuration were not understood; 130 ended by a second signal.`

// errQuiet is a failure that has already been told.
var errQuiet = errors.New("")

// execute runs one command line and returns the exit code.
func execute(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	root := &cobra.Command{
		Use:   "firth",
		Short: "A FHIR R4 server for medical-device data",
		Long:  rootHelp,
		Example: `  firth demo                                   # see it work: a server, patients, devices, a live stream
  firth serve --dev --store data               # run a server on this machine
  firth import --store data bundles/*.json.gz  # load resources
  firth explain 'Observation?code=8867-4'      # see how a search is answered`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(serveCommand(), demoCommand(), importCommand(), benchCommand(), explainCommand(), fhirpathCommand(), storeCommand(), auditCommand(), userCommand(), clientCommand(), healthCommand(), versionCommand())
	err := root.ExecuteContext(ctx)
	if err != nil && !errors.Is(err, errQuiet) {
		fmt.Fprintf(errOut, "firth: %v\n", err)
		if exitCode(err) == exitUsage {
			fmt.Fprintln(errOut, "firth: see firth --help, or --help behind a command")
		}
	}
	return exitCode(err)
}

// failing marks the errors of a command as failures, where cobra's own errors and those of the configuration are wrong usage.
func failing(run func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		err := run(cmd, args)
		if err == nil || errors.As(err, new(usageError)) {
			return err
		}
		return failure{err}
	}
}

// usageError is a configuration that a command refuses.
type usageError struct{ error }

// Unwrap gives the reason to errors.Is.
func (e usageError) Unwrap() error { return e.error }
