package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// What the package changed in the files of HL7, and what is done about it. The structures were compared with the data
// elements of the same package, which it left alone (verify.go repeats that at every run), and the rest by hand with an
// independent copy of the R4 files.
//
//   - elements added: dropped with all below them (addedElements);
//   - elements changed in type, binding or wording: put back as the data elements have them (changedElements);
//   - EvidenceVariable.characteristic rewritten as in R5: the R5 elements dropped, the R4 elements put back (removedElements),
//     and the element itself put back as its differential has it;
//   - resources added: left out (addedResources);
//   - targets added to the search parameter MeasureReport-subject, and the code multi-select added to the code system
//     questionnaire-item-control: removed.
//
// Three invariants stay as the package has them, because R4's own text rejects valid resources and later versions of FHIR
// say what the package says: app-4 of Appointment ("noshow" for "no-show"), bdl-8 of Bundle.entry, tim-9 of Timing.repeat.

// addedResources are not part of R4, by type and id.
var addedResources = []string{
	"StructureDefinition/SubscriptionStatus",
	"SearchParameter/DetectedIssue-status",
	"SearchParameter/DeviceDefinition-classification",
	"SearchParameter/ServiceRequest-order-detail",
	"ValueSet/detectedissue-status",
	"CodeSystem/detectedissue-status",
}

var addedElements = []string{
	"Meta.project", "Meta.author", "Meta.onBehalfOf", "Meta.account", "Meta.accounts", "Meta.compartment",
	"Binary.url",
	"DeviceDefinition.bodySite", "DeviceDefinition.classification",
	"EvidenceVariable.characteristic.linkId", "EvidenceVariable.characteristic.note",
	"EvidenceVariable.characteristic.definitionReference", "EvidenceVariable.characteristic.definitionCanonical",
	"EvidenceVariable.characteristic.definitionCodeableConcept", "EvidenceVariable.characteristic.definitionExpression",
	"EvidenceVariable.characteristic.definitionId", "EvidenceVariable.characteristic.definitionByTypeAndValue",
	"EvidenceVariable.characteristic.definitionByCombination", "EvidenceVariable.characteristic.instances[x]",
	"EvidenceVariable.characteristic.duration[x]", "EvidenceVariable.characteristic.timeFromEvent",
	"ObservationDefinition.publisher",
	"ResearchStudy.name", "ResearchStudy.label", "ResearchStudy.studyDesign", "ResearchStudy.region",
	"ResearchStudy.descriptionSummary", "ResearchStudy.classifier", "ResearchStudy.associatedParty",
	"ResearchStudy.progressStatus", "ResearchStudy.whyStopped", "ResearchStudy.recruitment",
	"ResearchStudy.comparisonGroup", "ResearchStudy.objective.description", "ResearchStudy.outcomeMeasure",
	"ResearchStudy.result",
}

var changedElements = []string{
	"AuditEvent.source.observer",    // targets Subscription, Bot, ClientApplication added
	"Bundle.entry.response.outcome", // type OperationOutcome for Resource
	"DetectedIssue.status",          // bound to a value set of the package's own
	"EvidenceVariable.characteristic.description",
	"EvidenceVariable.characteristic.exclude",
	"MeasureReport.subject", // targets Organization, CareTeam, HealthcareService added
	"ResearchStudy.title",
	"ResearchStudy.relatedArtifact",
	"ResearchStudy.site", // targets ResearchStudy, Organization added
	"ResearchStudy.description",
}

// removedElements are put back, each behind another.
var removedElements = []struct{ id, after string }{
	{"EvidenceVariable.characteristic.definition[x]", "EvidenceVariable.characteristic.description"},
	{"EvidenceVariable.characteristic.usageContext", "EvidenceVariable.characteristic.definition[x]"},
	{"EvidenceVariable.characteristic.participantEffective[x]", "EvidenceVariable.characteristic.exclude"},
	{"EvidenceVariable.characteristic.timeFromStart", "EvidenceVariable.characteristic.participantEffective[x]"},
	{"EvidenceVariable.characteristic.groupMeasure", "EvidenceVariable.characteristic.timeFromStart"},
}

// fromDifferential is put back as the differential of its structure has it.
const fromDifferential = "EvidenceVariable.characteristic"

// elementInvariant is the one invariant every element has; data elements leave it out.
const elementInvariant = `[{"key":"ele-1","severity":"error","human":"All FHIR elements must have a @value or children",` +
	`"expression":"hasValue() or (children().count() > id.count())","xpath":"@value|f:*|h:div",` +
	`"source":"http://hl7.org/fhir/StructureDefinition/Element"}]`

// leftOut reports resources that are no use to a server: the two base CapabilityStatements.
func leftOut(r *object) bool {
	return r.text("resourceType") == "CapabilityStatement"
}

// scrubber takes the changes back. It remembers what it used, because a rule that finds nothing is a mistake.
type scrubber struct {
	elements map[string][]*object
	used     map[string]bool
}

// scrub returns the resources as HL7 published them, without narratives.
func scrub(src *source) ([]*object, error) {
	s := &scrubber{elements: src.elements, used: map[string]bool{}}
	var kept []*object
	for _, r := range src.resources {
		name := r.text("resourceType") + "/" + r.text("id")
		if slices.Contains(addedResources, name) {
			s.used[name] = true
			continue
		}
		if leftOut(r) {
			continue
		}
		r.set("text", nil)
		if err := s.resource(r, name); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		kept = append(kept, r)
	}
	return kept, s.unused()
}

func (s *scrubber) unused() error {
	rules := slices.Concat(addedResources, addedElements, changedElements, []string{fromDifferential})
	for _, e := range removedElements {
		rules = append(rules, e.id)
	}
	var errs []error
	for _, rule := range rules {
		if !s.used[rule] {
			errs = append(errs, fmt.Errorf("nothing to scrub for %s", rule))
		}
	}
	return errors.Join(errs...)
}

func (s *scrubber) resource(r *object, name string) error {
	switch {
	case isType(r):
		return s.structure(r)
	case name == "SearchParameter/MeasureReport-subject":
		return dropItems(r, "target", `"Organization"`, `"CareTeam"`, `"HealthcareService"`)
	case name == "CodeSystem/questionnaire-item-control":
		return dropConcept(r, "question", "multi-select")
	}
	return nil
}

// isType reports whether r defines a type, not a profile, an extension or a logical model.
func isType(r *object) bool {
	return r.text("resourceType") == "StructureDefinition" && r.text("kind") != "logical" && r.text("derivation") != "constraint"
}

func (s *scrubber) structure(r *object) error {
	list, err := snapshotOf(r)
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, s.added)
	for _, e := range list {
		if err := s.change(e, r); err != nil {
			return err
		}
	}
	for _, removed := range removedElements {
		i := slices.IndexFunc(list, func(e *object) bool { return e.text("id") == removed.after })
		if i < 0 {
			continue
		}
		e, err := s.official(removed.id)
		if err != nil {
			return err
		}
		e.set("constraint", json.RawMessage(elementInvariant))
		list = slices.Insert(list, i+1, e)
	}
	setSnapshot(r, list)
	r.set("differential", nil) // says nothing the snapshot does not, and holds changes too
	return nil
}

func (s *scrubber) added(e *object) bool {
	id := e.text("id")
	for _, a := range addedElements {
		if id == a || strings.HasPrefix(id, a+".") {
			s.used[a] = true
			return true
		}
	}
	return false
}

func (s *scrubber) change(e, structure *object) error {
	id := e.text("id")
	if id == fromDifferential {
		return s.restore(e, structure)
	}
	if !slices.Contains(changedElements, id) {
		return nil
	}
	invariants := e.get("constraint")
	official, err := s.official(id)
	if err != nil {
		return err
	}
	official.set("constraint", invariants)
	*e = *official
	return nil
}

// official returns an element as the data elements have it, with no invariants.
func (s *scrubber) official(id string) (*object, error) {
	if len(s.elements[id]) != 1 {
		return nil, fmt.Errorf("%d data elements %s", len(s.elements[id]), id)
	}
	s.used[id] = true
	return &object{members: slices.Clone(s.elements[id][0].members)}, nil
}

// restore puts an element back as the differential of its structure has it.
func (s *scrubber) restore(e, structure *object) error {
	differential, err := elementsOf(structure, "differential")
	if err != nil {
		return err
	}
	i := slices.IndexFunc(differential, func(d *object) bool { return d.text("id") == fromDifferential })
	if i < 0 {
		return fmt.Errorf("%s is not in the differential", fromDifferential)
	}
	for _, m := range differential[i].members {
		e.set(m.name, m.value)
	}
	e.set("constraint", json.RawMessage(elementInvariant))
	s.used[fromDifferential] = true
	return nil
}

// dropItems removes items from an array of strings; items are JSON. All must be there.
func dropItems(r *object, name string, items ...string) error {
	var list []json.RawMessage
	if err := json.Unmarshal(r.get(name), &list); err != nil {
		return err
	}
	kept := slices.DeleteFunc(slices.Clone(list), func(v json.RawMessage) bool { return slices.Contains(items, string(v)) })
	if len(kept)+len(items) != len(list) {
		return fmt.Errorf("%s does not hold all of %v", name, items)
	}
	value, err := json.Marshal(kept)
	r.set(name, value)
	return err
}

// dropConcept removes a concept from below another.
func dropConcept(r *object, parent, code string) error {
	concepts, err := parseObjects(r.get("concept"))
	if err != nil {
		return err
	}
	dropped := 0
	for _, c := range concepts {
		if c.text("code") != parent {
			continue
		}
		children, err := parseObjects(c.get("concept"))
		if err != nil {
			return err
		}
		kept := slices.DeleteFunc(children, func(o *object) bool { return o.text("code") == code })
		dropped += len(children) - len(kept)
		c.set("concept", joinObjects(kept))
	}
	if dropped != 1 {
		return fmt.Errorf("concept %s below %s: %d found", code, parent, dropped)
	}
	r.set("concept", joinObjects(concepts))
	return nil
}
