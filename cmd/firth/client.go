package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/firth-health/firth/auth/keys"
	"github.com/firth-health/firth/auth/smart/admin"
	"github.com/firth-health/firth/auth/smart/clients"
)

func clientCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "client",
		Short: "Administer apps and services",
		Long:  "Register, list and change the apps and services that may ask for access tokens." + adminHelp,
		Example: `  firth client add growth-chart --name "Growth Chart" --redirect https://growth.example/back
  firth client add portal --type symmetric --name Portal --redirect https://portal.example/back
  firth client add gateway-7 --type asymmetric --name "Ward 7" --jwks keys.json --scopes "system/Observation.c system/Device.cu"
  firth client list
  firth client change gateway-7 --scopes "system/Observation.c"
  firth client disable gateway-7`,
	}
	cmd.AddCommand(clientAddCommand(), clientListCommand(), clientChangeCommand(), clientSecretCommand(), clientDeleteCommand(), clientDisableCommand("disable", true), clientDisableCommand("enable", false))
	return cmd
}

// clientFlags are what a client is registered with.
type clientFlags struct {
	client       admin.Client
	jwks         string   // file
	certificates []string // files
}

func (f *clientFlags) add(flags *pflag.FlagSet) {
	c := &f.client
	flags.StringVar(&c.Name, "name", "", "name shown to people")
	flags.StringSliceVar(&c.RedirectURIs, "redirect", nil, "address that people come back to (repeatable)")
	flags.StringVar(&c.LaunchURI, "launch", "", "address at which the app is launched from an EHR")
	flags.StringSliceVar(&c.Origins, "origin", nil, "web origin of its scripts, besides those of --redirect (repeatable)")
	flags.StringVar(&c.Scopes, "scopes", "", "the most it may ask for (none: patient/ and user/ scopes)")
	flags.StringVar(&f.jwks, "jwks", "", "`FILE` with its public keys (JWK Set)")
	flags.StringVar(&c.JWKSURL, "jwks-url", "", "address of its public keys")
	flags.StringArrayVar(&f.certificates, "certificate", nil, "`FILE` with its TLS client certificate, PEM or DER (repeatable); the type is certificate")
	flags.StringVar(&c.CertificateSubject, "certificate-subject", "", "subject of its TLS client certificate, as openssl x509 -noout -subject -nameopt RFC2253 prints it")
	flags.StringVar(&c.CertificateName, "certificate-name", "", "alternative name in its TLS client certificate: dns:gateway.example, uri:…, ip:… or email:…")
	flags.BoolVar(&c.IngestWithoutToken, "ingest-without-token", false, "its certificate is enough to send payloads to /ingest")
	flags.StringVar(&c.Website, "website", "", "address of its website")
	flags.StringSliceVar(&c.Contacts, "contact", nil, "whom to write to about it (repeatable)")
}

// read returns the client, with what is in the files that flags name.
func (f *clientFlags) read() (*admin.Client, error) {
	c := &f.client
	if f.jwks != "" {
		data, err := os.ReadFile(f.jwks)
		if err != nil {
			return nil, err
		}
		c.JWKS = json.RawMessage(data)
	}
	for _, file := range f.certificates {
		thumbprint, err := thumbprintOf(file)
		if err != nil {
			return nil, err
		}
		c.Certificates = append(c.Certificates, thumbprint)
	}
	return c, nil
}

func clientAddCommand() *cobra.Command {
	var f clientFlags
	var kind string
	cmd := &cobra.Command{Use: "add [ID]", Short: "Register an app or a service", Args: cobra.MaximumNArgs(1),
		Long: `Register an app or a service. Its type is how it proves who it is: public for apps that can keep no secret, symmetric for those with a secret, which is printed once,
asymmetric for those with a key pair, whose public keys --jwks or --jwks-url gives (RS384 or ES384), certificate for those that show a TLS client certificate (RFC 8705; the server asks for
one when it has --client-ca). That is the one of --certificate, whoever issued it, or any of an authority of --client-ca with the name of --certificate-subject or --certificate-name. Its tokens
are of use only on connections made with that certificate. Services without people are asymmetric or certificate and get the system/ scopes that --scopes names.

With --ingest-without-token a device that cannot ask for tokens may send payloads to /ingest by its certificate alone, within its scopes.`,
		Example: `  firth client add growth-chart --name "Growth Chart" --redirect https://growth.example/back
  firth client add gateway-7 --type asymmetric --name "Ward 7" --jwks keys.json --scopes "system/Observation.c system/Device.cu"
  firth client add gateway-8 --name "Ward 8" --certificate gateway-8.pem --scopes "system/Observation.c" --ingest-without-token`}
	f.add(cmd.Flags())
	cmd.Flags().StringVar(&kind, "type", string(clients.Public), "public, symmetric, asymmetric or certificate")
	administering(cmd, func(ctx context.Context, a *adminClient, args []string, out io.Writer) error {
		c, err := f.read()
		if err != nil {
			return err
		}
		c.Type = clients.Type(kind)
		if !cmd.Flags().Changed("type") && (len(c.Certificates) > 0 || c.CertificateSubject != "" || c.CertificateName != "") {
			c.Type = clients.Certificate
		}
		if len(args) > 0 {
			c.ID = args[0]
		}
		if c.Name == "" {
			return usageError{errors.New("--name is missing: what people see when the app asks for access")}
		}
		var made admin.Client
		if err := a.do(ctx, http.MethodPost, "/clients", c, &made); err != nil {
			return err
		}
		fmt.Fprintf(out, "client_id %s\n", made.ID)
		if made.Secret != "" {
			fmt.Fprintf(out, "client_secret %s\n(it is not kept and cannot be shown again)\n", made.Secret)
		}
		return nil
	})
	return cmd
}

func clientChangeCommand() *cobra.Command {
	var f clientFlags
	cmd := &cobra.Command{Use: "change ID", Short: "Change an app or a service: what flags are given for", Args: cobra.ExactArgs(1),
		Long: `Change what an app or a service is registered with. What no flag is given for stays; a flag that is repeatable gives all there are, and an empty value none (--launch=).
--jwks takes the place of --jwks-url, --certificate that of --certificate-subject or --certificate-name, and the other way round. While one certificate follows another, give both.

Scopes that it loses end in its tokens at once, and are not refreshed. Its id and its type stay. Another secret is given by firth client secret.`,
		Example: `  firth client change growth-chart --redirect https://growth.example/back,https://growth.example/v2/back
  firth client change gateway-7 --jwks new-keys.json
  firth client change gateway-7 --scopes "system/Observation.c"`}
	f.add(cmd.Flags())
	administering(cmd, func(ctx context.Context, a *adminClient, args []string, out io.Writer) error {
		c, err := f.read()
		if err != nil {
			return err
		}
		var change admin.ClientChange
		given(cmd, "name", &change.Name, &c.Name)
		given(cmd, "redirect", &change.RedirectURIs, &c.RedirectURIs)
		given(cmd, "launch", &change.LaunchURI, &c.LaunchURI)
		given(cmd, "origin", &change.Origins, &c.Origins)
		given(cmd, "scopes", &change.Scopes, &c.Scopes)
		if f.jwks != "" {
			change.JWKS = &c.JWKS
		}
		given(cmd, "jwks-url", &change.JWKSURL, &c.JWKSURL)
		given(cmd, "certificate", &change.Certificates, &c.Certificates)
		given(cmd, "certificate-subject", &change.CertificateSubject, &c.CertificateSubject)
		given(cmd, "certificate-name", &change.CertificateName, &c.CertificateName)
		given(cmd, "ingest-without-token", &change.IngestWithoutToken, &c.IngestWithoutToken)
		given(cmd, "website", &change.Website, &c.Website)
		given(cmd, "contact", &change.Contacts, &c.Contacts)
		if change == (admin.ClientChange{}) {
			return usageError{errors.New("nothing is to change: say by flags what, such as --redirect or --scopes; another secret is given by firth client secret")}
		}
		if err := a.do(ctx, http.MethodPatch, clientPath(args[0]), change, nil); err != nil {
			return err
		}
		_, err = fmt.Fprintln(out, "changed", args[0])
		return err
	})
	return cmd
}

// thumbprintOf is that of the certificate in a file.
func thumbprintOf(file string) (string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	certificate, err := keys.ParseCertificate(data)
	if err != nil {
		return "", fmt.Errorf("%s: %w", file, err)
	}
	return keys.Thumbprint(certificate), nil
}

func clientListCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List apps and services", Args: cobra.NoArgs}
	administering(cmd, func(ctx context.Context, a *adminClient, _ []string, out io.Writer) error {
		var all []admin.Client
		if err := a.do(ctx, http.MethodGet, "/clients", nil, &all); err != nil {
			return err
		}
		w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "ID\tNAME\tTYPE\tSCOPES\tWHAT")
		for _, c := range all {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", c.ID, c.Name, c.Type, or(c.Scopes, "(usual)"), clientState(&c))
		}
		return w.Flush()
	})
	return cmd
}

// clientState is what an administrator should know of a client at a glance.
func clientState(c *admin.Client) string {
	var states []string
	if c.Dynamic {
		states = append(states, "registered itself")
	}
	if c.Disabled {
		states = append(states, "disabled")
	}
	return or(strings.Join(states, ", "), "-")
}

func clientPath(id string, more ...string) string {
	return "/clients/" + url.PathEscape(id) + strings.Join(more, "")
}

func clientSecretCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "secret ID", Short: "Give an app another secret and print it; the one before is void", Args: cobra.ExactArgs(1)}
	administering(cmd, func(ctx context.Context, a *adminClient, args []string, out io.Writer) error {
		var made admin.Secret
		if err := a.do(ctx, http.MethodPost, clientPath(args[0], "/secret"), nil, &made); err != nil {
			return err
		}
		_, err := fmt.Fprintf(out, "client_secret %s\n", made.Secret)
		return err
	})
	return cmd
}

func clientDeleteCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "delete ID", Short: "Forget an app or a service; its tokens are void", Args: cobra.ExactArgs(1)}
	administering(cmd, func(ctx context.Context, a *adminClient, args []string, out io.Writer) error {
		if err := a.do(ctx, http.MethodDelete, clientPath(args[0]), nil, nil); err != nil {
			return err
		}
		_, err := fmt.Fprintln(out, "deleted", args[0])
		return err
	})
	return cmd
}

func clientDisableCommand(verb string, disabled bool) *cobra.Command {
	short := map[bool]string{true: "End the access of an app or a service at once", false: "Give an app or a service its access back"}[disabled]
	cmd := &cobra.Command{Use: verb + " ID", Short: short, Args: cobra.ExactArgs(1)}
	administering(cmd, func(ctx context.Context, a *adminClient, args []string, out io.Writer) error {
		if err := a.do(ctx, http.MethodPatch, clientPath(args[0]), admin.ClientChange{Disabled: &disabled}, nil); err != nil {
			return err
		}
		_, err := fmt.Fprintln(out, verb+"d", args[0])
		return err
	})
	return cmd
}

// or is text, or what stands for none.
func or(text, none string) string {
	if text == "" {
		return none
	}
	return text
}

func sorted(words []string) []string {
	slices.Sort(words)
	return words
}
