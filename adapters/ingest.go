package adapters

import (
	"context"
	"errors"
)

// attempts bounds how often an ingestion begins again after losing a race. Each time somebody else has got further.
const attempts = 8

// Ingest resolves the mapping's identities and writes its drafts, all or none. Two identical payloads at once make one set of resources; the later one is told that all
// was there. The error is the repository's; [ErrConflict] when it kept losing races.
func Ingest(ctx context.Context, repository Repository, m *Mapping) (*Report, error) {
	err := ErrConflict
	for range attempts {
		var report *Report
		if report, err = ingest(ctx, repository, m); err == nil || !errors.Is(err, ErrConflict) {
			return report, err
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return nil, err
}

func ingest(ctx context.Context, repository Repository, m *Mapping) (*Report, error) {
	report := newReport(m)
	states := make([]identityState, len(m.Identities))
	for i, identity := range m.Identities {
		if err := states[i].resolve(ctx, repository, identity); err != nil {
			return nil, err
		}
	}
	drafts := make([]Draft, 0, len(m.Drafts)+2)
	accepted := make([]Draft, 0, len(m.Drafts))
	lost := map[string]string{}
	for _, draft := range m.Drafts {
		if reason := draft.place(states); reason != "" {
			report.Quarantined = append(report.Quarantined, Line{Pointer: draft.Pointer, Mapping: draft.Mapping, Stage: "identity", Reason: reason})
			lost[draft.Reference()] = reason
			continue
		}
		accepted = append(accepted, draft)
	}
	report.Repeated = report.follow(m.Repeats, lost)
	report.Parts = report.follow(m.Parts, lost)
	for i, identity := range m.Identities {
		if states[i].used && states[i].found == "" {
			drafts = append(drafts, identity.Draft)
		}
	}
	drafts = append(drafts, accepted...)
	if len(drafts) == 0 {
		return report, nil
	}
	outcomes, err := repository.Write(ctx, drafts)
	if err != nil {
		return nil, err
	}
	for i := range drafts {
		report.add(&drafts[i], outcomes[i])
	}
	return report, nil
}

// follow quarantines the lines whose resource has been quarantined, and returns the others.
func (r *Report) follow(lines []Line, lost map[string]string) []Line {
	if len(lost) == 0 {
		return lines
	}
	var kept []Line
	for _, l := range lines {
		if reason, gone := lost[l.Reference]; gone {
			r.Quarantined = append(r.Quarantined, Line{Pointer: l.Pointer, Mapping: l.Mapping, Stage: "identity", Reason: reason})
		} else {
			kept = append(kept, l)
		}
	}
	return kept
}

// identityState is what the repository knows of an identity.
type identityState struct {
	found  string // id of the resource that carries the identifier
	reason string // why no reading can be filed under it
	used   bool   // some draft refers to it
}

func (s *identityState) resolve(ctx context.Context, repository Repository, identity *Identity) error {
	id, err := repository.Resolve(ctx, identity.Type, identity.System, identity.Value)
	switch {
	case errors.Is(err, ErrAmbiguous):
		s.reason = "more than one " + identity.Type + " has the identifier"
	case err != nil:
		return err
	case id == "" && identity.Quarantine:
		s.reason = "no " + identity.Type + " has the identifier, and this adapter does not create one"
	}
	s.found = id
	return nil
}

// place makes the draft refer to the identities that exist. The reason is why it cannot be filed.
func (d *Draft) place(states []identityState) (reason string) {
	moved := false
	for _, ref := range d.refs {
		if states[ref.identity].reason != "" {
			return states[ref.identity].reason
		}
	}
	for _, ref := range d.refs {
		s := &states[ref.identity]
		s.used = true
		moved = moved || s.found != "" && s.found != string(d.JSON[ref.start:ref.end])
	}
	if !moved {
		return ""
	}
	out := make([]byte, 0, len(d.JSON)+64)
	at := 0
	for _, ref := range d.refs {
		out = append(out, d.JSON[at:ref.start]...)
		if found := states[ref.identity].found; found != "" {
			out = append(out, found...)
		} else {
			out = append(out, d.JSON[ref.start:ref.end]...)
		}
		at = ref.end
	}
	d.JSON = append(out, d.JSON[at:]...)
	return ""
}
