package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/firth-health/firth/audit"
	"github.com/firth-health/firth/search"
)

// auditor works on the trail of a store: of a server, which it asks, or of a store that nobody has open.
type auditor interface {
	verify(ctx context.Context, opts audit.VerifyOptions) ([]audit.ChainReport, error)
	export(ctx context.Context, opts audit.ExportOptions, out io.Writer) error
	checkpoint(ctx context.Context) ([]audit.Checkpoint, error)
	prune(ctx context.Context, before time.Time) (removed uint64, err error)
}

// auditWork is the auditor of a trail that this process has open.
type auditWork struct {
	reader   *audit.Reader
	registry *search.Registry
	trail    *audit.Trail // nil where nothing is to be written
}

// openAudits reads the trail that a server keeps, and writes to it.
func openAudits(z *secured, registry *search.Registry, base string) (*auditWork, error) {
	reader, err := audit.OpenReader(z.store, registry, base)
	return &auditWork{reader: reader, registry: registry, trail: z.trail}, err
}

// of is the work that somebody does.
func (w *auditWork) of(who string) auditor { return &auditWorker{w, who} }

type auditWorker struct {
	*auditWork
	who string // user of the machine
}

// tell records what is done.
func (w *auditWorker) tell(ctx context.Context, interaction, query, detail string) error {
	return w.tellOf(ctx, &audit.Event{Interaction: interaction, Query: query, Detail: detail}, "")
}

// tellOf is tell of what is about a patient, if there is one.
func (w *auditWorker) tellOf(ctx context.Context, e *audit.Event, patient string) error {
	if w.trail == nil {
		return nil
	}
	if patient != "" {
		e.Patients = []string{patient}
	}
	e.Durable = true
	return w.trail.Record(ctx, byCommand(e, w.who))
}

// flush makes what was just recorded seen.
func (w *auditWorker) flush(ctx context.Context) error {
	if w.trail == nil {
		return nil
	}
	return w.trail.Flush(ctx)
}

func (w *auditWorker) verify(ctx context.Context, opts audit.VerifyOptions) ([]audit.ChainReport, error) {
	if err := w.flush(ctx); err != nil {
		return nil, err
	}
	reports, err := w.reader.Verify(ctx, opts)
	if err != nil {
		return nil, err
	}
	detail := "intact"
	for i := range reports {
		if f := reports[i].Finding; f != nil {
			detail = f.String()
			break
		}
	}
	return reports, w.tell(ctx, audit.AuditRead, "firth audit verify", detail)
}

// export tells of what leaves before it does: whoever breaks it off has had a part.
func (w *auditWorker) export(ctx context.Context, opts audit.ExportOptions, out io.Writer) error {
	format := "NDJSON"
	if opts.HTML {
		format = "report"
	}
	err := w.flush(ctx)
	if err == nil {
		err = w.tellOf(ctx, &audit.Event{Interaction: audit.AuditExport, Query: opts.Describe(), Detail: format + " by command"}, opts.Patient)
	}
	if err == nil {
		_, err = w.reader.Export(ctx, opts, w.registry, out)
	}
	return err
}

func (w *auditWorker) checkpoint(ctx context.Context) ([]audit.Checkpoint, error) {
	if err := w.tell(ctx, audit.AuditRead, "firth audit checkpoint", "checkpoints of all chains"); err != nil {
		return nil, err
	}
	if w.trail != nil {
		if _, err := w.trail.Checkpoint(ctx); err != nil {
			return nil, err
		}
	}
	return w.reader.Checkpoints(ctx)
}

func (w *auditWorker) prune(ctx context.Context, before time.Time) (uint64, error) {
	if w.trail == nil {
		return 0, errNoTrail
	}
	if err := w.tell(ctx, audit.AuditRead, "firth audit prune", fmt.Sprintf("events before %s are to be removed", before.Format(time.RFC3339))); err != nil {
		return 0, err
	}
	return w.trail.Retain(ctx, before)
}
