package auth

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/firth-health/firth/fhir/spec"
	"github.com/firth-health/firth/search"
)

// What patients, and apps on their behalf, may see (scopes patient/, and user/ of a Patient or RelatedPerson):
//
//   - Of types in the Patient compartment (R4 compartmentdefinition-patient.html): what is in the compartment. May be written when it is in no other patient's
//     compartment, neither before nor after.
//   - Of other types that R4 defines a search parameter patient for (Device, Task, Contract, GuidanceResponse): what refers to the patient by it, as if that defined a
//     compartment; written likewise.
//   - Of other types that the specification classifies as anonymous, business or individual (R4 extension structuredefinition-security-category: definitions,
//     terminology, Organization, Location, Practitioner, Medication, …): everything, and never written.
//   - Nothing of the rest: types about patients that cannot be told apart by patient (PaymentNotice, Linkage, …), and those that the specification does not classify
//     (Binary and Bundle may hold anybody's data).
//
// Five types are exceptions. Provenance: besides what is about the patient's own record, what is about other resources of the patient that may be seen: its compartment alone would
// hide where data came from (US Core asks for it with every search); it is written only about the record. Group: its compartment is that of all members, each of which would see who the others are. Subscription: its criteria and headers are
// those of other clients. DeviceMetric: the specification calls it anonymous, but what a personal device measures is its wearer's, so it goes with the Device that it
// names as its source, and is not written. AuditEvent: only with a scope that names it, and never changed.
const (
	auditEvent   = "AuditEvent"
	device       = "Device"
	deviceMetric = "DeviceMetric"
	group        = "Group"
	patientType  = "Patient"
	provenance   = "Provenance"
	subscription = "Subscription"
)

// subjectRule says how a type relates to patients.
type subjectRule struct {
	indexes   []string // references to the patient
	through   []string // references to a device of the patient
	directory bool     // about no patient: readable whole
	itself    bool     // the type Patient
}

// subjectRule classifies a type, once.
func (r *Rules) subjectRule(typ string) (*subjectRule, error) {
	if known, ok := r.subjects.Load(typ); ok {
		return known.(*subjectRule), nil
	}
	rule, err := r.classify(typ)
	if err != nil {
		return nil, err
	}
	known, _ := r.subjects.LoadOrStore(typ, &rule)
	return known.(*subjectRule), nil
}

func (r *Rules) classify(typ string) (subjectRule, error) {
	switch typ {
	case group, subscription:
		return subjectRule{}, nil
	case deviceMetric:
		of, err := r.classify(device)
		return subjectRule{indexes: of.indexes, through: r.references(typ, []string{"source"})}, err
	}
	codes, inCompartment := r.opts.Definitions.Compartment(patientType).Parameters[typ]
	if !inCompartment {
		codes = []string{"patient"}
	}
	rule := subjectRule{indexes: r.references(typ, codes), itself: typ == patientType}
	if len(rule.indexes) > 0 || inCompartment {
		return rule, nil
	}
	category, err := securityCategory(r.opts.Definitions, typ)
	rule.directory = category == "anonymous" || category == "business" || category == "individual"
	return rule, err
}

// references are the indexes of those search parameters that the specification defines for a type and that are references.
func (r *Rules) references(typ string, codes []string) []string {
	var indexes []string
	for _, p := range r.opts.Search.Params(typ) {
		if !slices.Contains(codes, p.Code) || r.opts.Definitions.SearchParameter(p.URL) == nil || p.Type != "reference" {
			continue
		}
		for _, index := range p.Indexes() {
			if !slices.Contains(indexes, index) {
				indexes = append(indexes, index)
			}
		}
	}
	return indexes
}

// securityCategory is what the definition of a type says of its sensitivity; empty when it says nothing.
func securityCategory(defs *spec.Definitions, typ string) (string, error) {
	const base = "http://hl7.org/fhir/StructureDefinition/"
	text, err := defs.StructureDefinition(base + typ)
	if err != nil {
		return "", fmt.Errorf("auth: definition of %s: %w", typ, err)
	}
	var definition struct {
		Extension []struct {
			URL       string `json:"url"`
			ValueCode string `json:"valueCode"`
		} `json:"extension"`
	}
	if err := json.Unmarshal(text, &definition); err != nil {
		return "", fmt.Errorf("auth: definition of %s: %w", typ, err)
	}
	for _, e := range definition.Extension {
		if e.URL == base+"structuredefinition-security-category" {
			return e.ValueCode, nil
		}
	}
	return "", nil
}

// readable is what patients may see of a type; nil for all, ok is false for nothing.
func (s *subjectRule) readable(patients []string) (plan search.Plan, ok bool) {
	if len(patients) == 0 {
		return nil, false
	}
	var belongs search.Or
	if s.itself {
		belongs = append(belongs, search.IDs(patients))
	}
	for _, index := range s.indexes {
		belongs = append(belongs, oneOf(search.ReferencePrefix(index, patientType), patients)...)
	}
	switch {
	case len(belongs) == 0:
		return nil, s.directory
	case len(s.through) > 0:
		var linked search.Or
		for _, index := range s.through {
			linked = append(linked, search.Ref{Index: index, Type: device, Of: unique(belongs)})
		}
		return unique(linked), true
	}
	return unique(belongs), true
}

// writable is what patients may write of a type: what belongs to them and to nobody else.
func (s *subjectRule) writable(patients []string) (plan search.Plan, ok bool) {
	own, ok := s.readable(patients)
	if !ok || s.directory || len(s.through) > 0 {
		return nil, false
	}
	if s.itself {
		own = search.IDs(patients)
	}
	var others search.Or
	for _, index := range s.indexes {
		for _, gap := range otherKeys(search.ReferencePrefix(index, patientType), patients) {
			others = append(others, gap)
		}
	}
	return search.And{own, search.Not{Of: others}}, true
}

// otherKeys are the keys of references to all but some resources of a type. A reference to a version has a key of its own: the id, a slash and more.
func otherKeys(prefix string, ids []string) []search.Keys {
	var own []search.Keys
	for _, id := range ids {
		own = append(own, search.OneKey(prefix+id), search.Keys{Lo: prefix + id + "/", Hi: prefix + id + "0"}) // 0 follows the slash
	}
	slices.SortFunc(own, func(a, b search.Keys) int { return cmp.Compare(a.Lo, b.Lo) })
	var gaps []search.Keys
	at := prefix
	for _, k := range own {
		if at < k.Lo {
			gaps = append(gaps, search.Keys{Lo: at, Hi: k.Lo})
		}
		at = max(at, k.Hi)
	}
	return append(gaps, search.Keys{Lo: at, Hi: prefix[:len(prefix)-1] + "0"})
}
