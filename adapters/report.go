package adapters

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/firth-health/firth/fhir"
)

// Category sums a report up; what status it becomes is the server's business.
type Category string

// The categories of an ingestion. A payload that cannot be read at all has none: its error is a *[PayloadError].
const (
	Accepted      Category = "accepted"       // every item was filed, was there already, or was ignored by a rule
	Partial       Category = "partial"        // some items were unmapped or quarantined
	NothingMapped Category = "nothing-mapped" // nothing was filed, and something should have been
)

// Report is the answer to a payload: the fate of every item.
type Report struct {
	Adapter, Version string
	Written          []Line // created, Patients and Devices first
	Updated          []Line // a new version, because the reading changed
	Unchanged        []Line // already there, saying the same
	Repeated         []Line // said before in the same payload
	Parts            []Line // went into the resource of another item
	Ignored          []Line
	Unmapped         []Line
	Quarantined      []Line
	Warnings         []string
}

func newReport(m *Mapping) *Report {
	return &Report{Adapter: m.Adapter.manifest.ID, Version: m.Adapter.manifest.Version, Ignored: m.Ignored, Unmapped: m.Unmapped,
		Quarantined: append([]Line(nil), m.Quarantined...), Warnings: m.Warnings}
}

// Preview is the report of a mapping that nobody has written: everything drafted counts as written.
func (m *Mapping) Preview() *Report {
	report := newReport(m)
	report.Repeated, report.Parts = m.Repeats, m.Parts
	for _, identity := range m.Identities {
		report.add(&identity.Draft, Created)
	}
	for i := range m.Drafts {
		report.add(&m.Drafts[i], Created)
	}
	return report
}

func (r *Report) add(d *Draft, outcome Outcome) {
	line := Line{Reference: d.Reference(), Mapping: d.Mapping, Pointer: d.Pointer}
	switch outcome {
	case Created:
		r.Written = append(r.Written, line)
	case Updated:
		r.Updated = append(r.Updated, line)
	default:
		r.Unchanged = append(r.Unchanged, line)
	}
}

// Category sums the report up.
func (r *Report) Category() Category {
	missed := len(r.Unmapped) + len(r.Quarantined)
	switch {
	case missed == 0:
		return Accepted
	case len(r.Written)+len(r.Updated)+len(r.Unchanged) == 0:
		return NothingMapped
	}
	return Partial
}

type section struct {
	name  string
	lines []Line
}

func (r *Report) sections() []section {
	return []section{{"written", r.Written}, {"updated", r.Updated}, {"unchanged", r.Unchanged}, {"repeated", r.Repeated}, {"parts", r.Parts},
		{"ignored", r.Ignored}, {"unmapped", r.Unmapped}, {"quarantined", r.Quarantined}}
}

type member struct{ name, value string }

func (l *Line) members() []member {
	return []member{{"reference", l.Reference}, {"mapping", l.Mapping}, {"pointer", l.Pointer}, {"rule", l.Rule}, {"what", l.What},
		{"stage", l.Stage}, {"reason", l.Reason}, {"expression", l.Expression}}
}

// AppendJSON appends the report:
//
//	{"adapter":"withings","version":"1.0.0","category":"partial",
//	 "counts":{"written":5,"updated":0,"unchanged":0,"repeated":0,"parts":2,"ignored":0,"unmapped":3,"quarantined":0},
//	 "written":[{"reference":"Observation/…","mapping":"measure","pointer":"/body/measuregrps/0/measures/2"}],...}
//
// Empty lists are left out; counts has all of them.
func (r *Report) AppendJSON(dst []byte) []byte {
	dst = fhir.AppendQuoted(append(dst, `{"adapter":`...), r.Adapter)
	dst = fhir.AppendQuoted(append(dst, `,"version":`...), r.Version)
	dst = fhir.AppendQuoted(append(dst, `,"category":`...), string(r.Category()))
	dst = append(dst, `,"counts":{`...)
	for i, s := range r.sections() {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(fhir.AppendQuoted(dst, s.name), ':')
		dst = strconv.AppendInt(dst, int64(len(s.lines)), 10)
	}
	dst = append(dst, '}')
	for _, s := range r.sections() {
		if len(s.lines) == 0 {
			continue
		}
		dst = append(fhir.AppendQuoted(append(dst, ','), s.name), `:[`...)
		for i := range s.lines {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = s.lines[i].appendJSON(dst)
		}
		dst = append(dst, ']')
	}
	if len(r.Warnings) > 0 {
		dst = append(dst, `,"warnings":[`...)
		for i, text := range r.Warnings {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = fhir.AppendQuoted(dst, text)
		}
		dst = append(dst, ']')
	}
	return append(dst, '}')
}

func (l *Line) appendJSON(dst []byte) []byte {
	dst = append(dst, '{')
	for _, m := range l.members() {
		if m.value == "" {
			continue
		}
		if dst[len(dst)-1] != '{' {
			dst = append(dst, ',')
		}
		dst = append(fhir.AppendQuoted(dst, m.name), ':')
		dst = fhir.AppendQuoted(dst, m.value)
	}
	return append(dst, '}')
}

// Text is the report for a terminal or a log of one's own: counts in the first line, then a line for each item.
func (r *Report) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: %s", r.Adapter, r.Version, r.Category())
	for _, s := range r.sections() {
		if len(s.lines) > 0 {
			fmt.Fprintf(&b, ", %d %s", len(s.lines), s.name)
		}
	}
	b.WriteByte('\n')
	for _, s := range r.sections() {
		for i := range s.lines {
			fmt.Fprintf(&b, "  %s", s.name)
			for _, m := range s.lines[i].members() {
				if m.value != "" {
					fmt.Fprintf(&b, " %s=%s", m.name, m.value)
				}
			}
			b.WriteByte('\n')
		}
	}
	for _, text := range r.Warnings {
		b.WriteString("  warning " + text + "\n")
	}
	return b.String()
}
