package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/firth-health/firth/internal/version"
)

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Say which build this is",
		Long:    "Say which build this is: version, commit, a mark for local changes, commit time and Go release, as far as they are known.",
		Example: "  firth version",
		Args:    cobra.NoArgs,
		RunE: failing(func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "firth %s\n", version.Read())
			return err
		}),
	}
}
