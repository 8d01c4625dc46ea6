package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/firth-health/firth/internal/config"
)

func demoCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Start a server with patients, devices and a live stream of vitals",
		Long: `Start a server on this machine and fill it with life: two patients with their bedside monitors, the sample payloads of the built-in adapters, and
a stream of simulated vital signs through an adapter, a batch each second for each patient. It prints its addresses, three curl commands worth
trying, and "ready".

The store is temporary and removed at the end, unless --data names a directory to keep. When a port is taken, the next free one is used. The demo has no
authorization and answers on loopback only. It runs until ctrl-C, or for the time of --for.`,
		Example: `  firth demo
  firth demo --data demo-data --listen 127.0.0.1:9000
  firth demo --for 1m`,
		Args: cobra.NoArgs,
	}
	data := cmd.Flags().String("data", "", "`DIR` for the store, kept at the end (default: a temporary one)")
	duration := cmd.Flags().Duration("for", 0, "stop this long after ready (default: at ctrl-C)")
	load := settings(cmd, listenerSettings("listen", "mllp", "origins", "memory-limit")...)
	cmd.RunE = failing(func(cmd *cobra.Command, _ []string) error {
		c, err := load()
		if err != nil {
			return err
		}
		c.Store, c.Dev = *data, true
		return demo(cmd.Context(), c, *duration, cmd.OutOrStdout())
	})
	return cmd
}

// demoMLLP is where the demo takes HL7 v2 messages unless told otherwise; 2575 is the port registered for HL7.
const demoMLLP = "127.0.0.1:2575"

// demo runs until ctx ends, or for the time given once it is ready; 0 is for ever.
func demo(ctx context.Context, c config.Config, duration time.Duration, out io.Writer) (err error) {
	if c.MLLP == "" {
		c.MLLP = demoMLLP
	}
	if err := checkAccess(ctx, c); err != nil {
		return err
	}
	if c.Store == "" {
		if c.Store, err = os.MkdirTemp("", "firth-demo-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(c.Store)) }()
	}
	log := logger(c)
	limitMemory(c, log, os.LookupEnv, os.DirFS("/"))
	keepHeadroom(ctx, os.LookupEnv)
	r, err := start(ctx, c, log, listenNextFree)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.stop()) }()
	ward := ward{r: r, beds: beds()}
	if err := ward.admit(ctx, time.Now()); err != nil {
		return err
	}
	announce(out, r)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if duration > 0 {
		defer time.AfterFunc(duration, cancel).Stop()
	}
	ended := make(chan struct{})
	go func() {
		r.failed <- ward.stream(ctx)
		close(ended)
	}()
	err = r.wait(ctx)
	cancel()
	<-ended // before the store closes
	return err
}

// suggestion is a command line worth trying and what it answers.
type suggestion struct{ answers, command string }

func suggestions(r *running) []suggestion {
	root := "http://" + r.address()
	return []suggestion{
		{"the five newest heart rates of Ada Example, newest first; ask again and they have moved on",
			`curl '` + root + `/fhir/Observation?patient=demo-ada&code=http://loinc.org|8867-4&_sort=-date&_count=5'`},
		{"every blood pressure with a systolic value above 120 mmHg, whoever measured it",
			`curl -g '` + root + `/fhir/Observation?component-code-value-quantity=http://loinc.org|8480-6$gt120||mm[Hg]&_sort=-date&_count=10'`},
		{"what the Withings adapter makes of a weight of 74.126 kg for Ada; send it again and nothing is written twice",
			`curl -X POST -H 'Content-Type: application/json' '` + root + `/ingest/withings?patient=` + wardSystem + `|ada' ` +
				`-d '{"status":0,"body":{"measuregrps":[{"grpid":1,"date":1433052383,"category":1,"measures":[{"type":1,"unit":-3,"value":74126}]}]}}'`},
	}
}

func announce(out io.Writer, r *running) {
	fmt.Fprintf(out, "FHIR     %s\n", r.base)
	fmt.Fprintf(out, "devices  http://%s/ingest\n", r.address())
	fmt.Fprintf(out, "MLLP     %s\n", r.mllp.address())
	for _, s := range suggestions(r) {
		fmt.Fprintf(out, "\n# %s\n%s\n", s.answers, s.command)
	}
	fmt.Fprintln(out, "\nready")
}
