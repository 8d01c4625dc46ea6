package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/firth-health/firth/auth/smart/admin"
)

const adminHelp = `

While a server runs on the store, the command asks it over a socket in the directory of --keys; otherwise it opens the store itself. Every change is recorded in the audit trail.`

func userCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "user",
		Short: "Administer who may log in",
		Long:  "Make, list and change the accounts of people. Passwords are set by their owners, at an address that works once and for a day." + adminHelp,
		Example: `  firth user add dr.who --name "Dr. Who" --fhir-user Practitioner/who
  firth user add amy --fhir-user Patient/amy
  firth user list
  firth user link amy      # forgot the password
  firth user disable amy`,
	}
	cmd.AddCommand(userAddCommand(), userListCommand(), userChangeCommand(), userLinkCommand(), userDisableCommand("disable", true), userDisableCommand("enable", false))
	return cmd
}

// administering makes the action of a command that talks to the API.
func administering(cmd *cobra.Command, act func(ctx context.Context, a *adminClient, args []string, out io.Writer) error) {
	load := settings(cmd, handlerSettings("store", "listen", "base-url", "keys", "tls-cert", "tls-key")...)
	cmd.RunE = failing(func(cmd *cobra.Command, args []string) (err error) {
		c, err := load()
		if err != nil {
			return err
		}
		a, err := openAdmin(cmd.Context(), c)
		if err != nil {
			return err
		}
		err = act(cmd.Context(), a, args, cmd.OutOrStdout())
		if closed := a.close(); err == nil {
			err = closed
		}
		return err
	})
	keepToTheMatter(cmd)
}

// keepToTheMatter hides settings that such a command has only because it may have to open the store.
func keepToTheMatter(cmd *cobra.Command) {
	for _, name := range []string{"cache", "content", "max-body", "max-entries", "max-deletes", "validation", "page-size", "max-page-size", "request-timeout", "tls-cert", "tls-key", "mongo-read"} {
		if f := cmd.Flags().Lookup(name); f != nil {
			f.Hidden = true
		}
	}
}

// userFlags are what an account consists of.
type userFlags struct {
	name, fhirUser, scopes string
	patients               []string
	administrator          bool
	breakGlass             bool
}

func (f *userFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.name, "name", "", "name shown on pages")
	flags.StringVar(&f.fhirUser, "fhir-user", "", "resource that the person is, such as Practitioner/1 or Patient/1")
	flags.StringSliceVar(&f.patients, "patient", nil, "id of a patient whose record the person may open (repeatable; none: own, or all for professionals)")
	flags.StringVar(&f.scopes, "scopes", "", "the most that apps get on the person's behalf")
	flags.BoolVar(&f.breakGlass, "break-glass", false, "may open any record in an emergency, past Consents and --patient: for 15 minutes, with a reason, both recorded")
	flags.BoolVar(&f.administrator, "administrator", false, "may administer accounts, clients and adapters")
}

func userPath(login string, more ...string) string {
	return "/users/" + url.PathEscape(login) + strings.Join(more, "")
}

func userAddCommand() *cobra.Command {
	var f userFlags
	cmd := &cobra.Command{Use: "add LOGIN", Short: "Make an account and print the address at which its password is set", Args: cobra.ExactArgs(1),
		Example: `  firth user add dr.who --name "Dr. Who" --fhir-user Practitioner/who`}
	f.add(cmd.Flags())
	administering(cmd, func(ctx context.Context, a *adminClient, args []string, out io.Writer) error {
		var made admin.User
		sent := admin.User{Login: args[0], Name: f.name, FHIRUser: f.fhirUser, Patients: f.patients, Scopes: f.scopes, Administrator: f.administrator, BreakGlass: f.breakGlass}
		if err := a.do(ctx, http.MethodPost, "/users", sent, &made); err != nil {
			return err
		}
		_, err := fmt.Fprintf(out, "made %s\nto set the password, once, within a day: %s\n", made.Login, made.Link)
		return err
	})
	return cmd
}

func userListCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List the accounts", Args: cobra.NoArgs}
	administering(cmd, func(ctx context.Context, a *adminClient, _ []string, out io.Writer) error {
		var all []admin.User
		if err := a.do(ctx, http.MethodGet, "/users", nil, &all); err != nil {
			return err
		}
		w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "LOGIN\tNAME\tIS\tPATIENTS\tWHAT")
		for _, u := range all {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", u.Login, u.Name, or(u.FHIRUser, "-"), or(strings.Join(u.Patients, ","), "-"), userState(u))
		}
		return w.Flush()
	})
	return cmd
}

// userState is what else is to be known of an account.
func userState(u admin.User) string {
	var words []string
	for word, holds := range map[string]bool{"administrator": u.Administrator, "emergency access": u.BreakGlass, "disabled": u.Disabled, "no password yet": !u.HasPassword, "one-time codes": u.HasTOTP} {
		if holds {
			words = append(words, word)
		}
	}
	return or(strings.Join(sorted(words), ", "), "-")
}

func userChangeCommand() *cobra.Command {
	var f userFlags
	cmd := &cobra.Command{Use: "change LOGIN", Short: "Change an account: what flags are given for", Args: cobra.ExactArgs(1)}
	f.add(cmd.Flags())
	lost := cmd.Flags().Bool("no-one-time-codes", false, "turn one-time codes off, for somebody who lost the device")
	administering(cmd, func(ctx context.Context, a *adminClient, args []string, out io.Writer) error {
		var change admin.UserChange
		if *lost {
			change.HasTOTP = new(bool)
		}
		given(cmd, "name", &change.Name, &f.name)
		given(cmd, "fhir-user", &change.FHIRUser, &f.fhirUser)
		given(cmd, "patient", &change.Patients, &f.patients)
		given(cmd, "scopes", &change.Scopes, &f.scopes)
		given(cmd, "administrator", &change.Administrator, &f.administrator)
		given(cmd, "break-glass", &change.BreakGlass, &f.breakGlass)
		if err := a.do(ctx, http.MethodPatch, userPath(args[0]), change, nil); err != nil {
			return err
		}
		_, err := fmt.Fprintln(out, "changed", args[0])
		return err
	})
	return cmd
}

// given makes a member of a change when its flag was given.
func given[T any](cmd *cobra.Command, flag string, to **T, value *T) {
	if cmd.Flags().Changed(flag) {
		*to = value
	}
}

func userLinkCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "link LOGIN", Short: "Print an address at which the password of an account is set anew", Args: cobra.ExactArgs(1)}
	administering(cmd, func(ctx context.Context, a *adminClient, args []string, out io.Writer) error {
		var link admin.Link
		if err := a.do(ctx, http.MethodPost, userPath(args[0], "/link"), nil, &link); err != nil {
			return err
		}
		_, err := fmt.Fprintln(out, link.Link)
		return err
	})
	return cmd
}

func userDisableCommand(verb string, disabled bool) *cobra.Command {
	short := map[bool]string{true: "End an account's access, and that of apps on its behalf, at once", false: "Give an account its access back"}[disabled]
	cmd := &cobra.Command{Use: verb + " LOGIN", Short: short, Args: cobra.ExactArgs(1)}
	administering(cmd, func(ctx context.Context, a *adminClient, args []string, out io.Writer) error {
		if err := a.do(ctx, http.MethodPatch, userPath(args[0]), admin.UserChange{Disabled: &disabled}, nil); err != nil {
			return err
		}
		_, err := fmt.Fprintln(out, verb+"d", args[0])
		return err
	})
	return cmd
}
