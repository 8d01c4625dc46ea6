package authmatrix

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// policy is a Consent, and what it takes in words of this package.
type policy struct {
	patient string
	root    provision
}

// provision is a rule of a Consent; what is empty does not limit it.
type provision struct {
	permit         bool
	actor          string    // reference
	client         string    // identifier of an actor
	letters        string    // actions; empty for reading and searching
	purpose, label string    // codes
	classes        []string  // resource types, or what cannot be decided
	code           string    // of what was measured
	days           [2]string // of the data
	period         [2]string // of the Consent
	data           []string  // keys
	related        bool      // data means also what refers to it
	except         []provision
}

// denials are situations: the Consents that are in force.
func denials() map[string][]policy {
	deny := func(root provision) []policy { return []policy{{"p1", root}} }
	dr, days := "Practitioner/dr", [2]string{"2024-01-02", "2024-01-06"}
	return map[string][]policy{
		"all":                       deny(provision{}),
		"all of two":                {{"p1", provision{}}, {"p2", provision{}}},
		"of the other":              {{"p2", provision{}}},
		"Observations":              deny(provision{classes: []string{"Observation"}}),
		"the Patient":               deny(provision{classes: []string{"Patient"}}),
		"Provenance and Devices":    deny(provision{classes: []string{"Provenance", "Device"}}),
		"an unheard class":          deny(provision{classes: []string{"urn:unheard"}}),
		"a code":                    deny(provision{code: "8867-4"}),
		"the doctor":                deny(provision{actor: dr}),
		"another doctor":            deny(provision{actor: "Practitioner/other"}),
		"an organization":           deny(provision{actor: "Organization/org"}),
		"a client":                  deny(provision{client: "c"}),
		"research":                  deny(provision{purpose: "HRESCH"}),
		"what is restricted":        deny(provision{label: "R"}),
		"some days":                 deny(provision{days: days}),
		"in the past":               deny(provision{period: [2]string{"2025-01-01", "2025-12-31"}}),
		"now":                       deny(provision{period: [2]string{"2026-01-01", "2028-01-01"}}),
		"one":                       deny(provision{data: []string{"Observation/o1"}}),
		"one and what refers to it": deny(provision{data: []string{"Observation/o1", "Encounter/e1"}, related: true}),
		"all but for the doctor":    deny(provision{except: []provision{{permit: true, actor: dr}}}),
		"all but some days":         deny(provision{except: []provision{{permit: true, days: days}}}),
		"all but an unheard class":  deny(provision{except: []provision{{permit: true, classes: []string{"urn:unheard"}}}}),
		"Observations but for a code": deny(provision{permit: true, except: []provision{
			{classes: []string{"Observation", "Condition"}, except: []provision{{permit: true, code: "29463-7"}}},
		}}),
		"recording":   deny(provision{letters: "cud"}),
		"all actions": deny(provision{letters: "rscud", classes: []string{"Observation"}}),
	}
}

// bound are callers whom Consents may concern.
func bound() []caller {
	list := slices.DeleteFunc(everyCaller(), func(c caller) bool {
		return !slices.Contains([]string{"p1 all", "p2 all", "user p2", "user doctor", "user doctor vital signs", "system all", "user person", "both levels"}, c.name)
	})
	doctor := list[slices.IndexFunc(list, func(c caller) bool { return c.name == "user doctor" })]
	add := func(name string, change func(*caller)) {
		c := doctor
		c.name = name
		change(&c)
		list = append(list, c)
	}
	add("another doctor", func(c *caller) { c.claims.FHIRUser = "Practitioner/other" })
	add("doctor who researches", func(c *caller) { c.claims.PurposeOfUse = purposes("HRESCH") })
	add("doctor in an emergency", func(c *caller) { c.claims.BreakGlass = true })
	add("p1 and nobody else", func(c *caller) {
		c.claims.FHIRUser, c.claims.Patient, c.claims.Scope, c.class = "Patient/p1", "p1", "patient/*.cruds", "patient/*"
		c.rules = []rule{{of: "p1", types: "*", letters: "cruds"}}
	})
	return list
}

// takes reports whether a policy keeps a version from a caller.
func (p *policy) takes(c *caller, v *version, letter string) bool {
	patients := c.patients()
	switch {
	case v.typ() == "Consent" || v.typ() == "AuditEvent" || c.claims.BreakGlass || c.claims.FHIRUser == "Patient/"+p.patient:
		return false
	case patients != nil && !slices.Contains(patients, p.patient):
		return false
	case v.typ() != "Provenance":
		return among(v.owners, p.patient) && p.root.denies(c, v, letter)
	}
	if among(v.patients(), p.patient) && p.root.denies(c, v, letter) {
		return true
	}
	for _, target := range v.targets() { // what it tells of is not told
		if newest := newestContent(c.whole, target, len(c.whole)); newest != nil && lastOf(c.whole, target).body != "" && p.takes(c, newest, letter) {
			return true
		}
	}
	return false
}

// patients are those whom the caller is limited to; nil for nobody in particular.
func (c *caller) patients() []string {
	list := []string{}
	for _, r := range c.rules {
		if r.of == all {
			return nil
		}
		list = append(list, r.of)
	}
	return list
}

// targets are the keys that a Provenance is about.
func (v *version) targets() (keys []string) {
	var res struct{ Target []struct{ Reference string } }
	if json.Unmarshal([]byte(v.body), &res) != nil {
		return nil
	}
	for _, t := range res.Target {
		key, _, _ := strings.Cut(strings.TrimPrefix(t.Reference, base+"/"), "/_history/")
		keys = append(keys, key)
	}
	return keys
}

func (p *provision) denies(c *caller, v *version, letter string) bool {
	except := func(is func(*provision) bool) bool {
		return slices.ContainsFunc(p.except, func(e provision) bool { return is(&e) })
	}
	if p.permit {
		return except(func(e *provision) bool { return e.denies(c, v, letter) }) && p.isAbout(c, v, letter, true)
	}
	return p.isAbout(c, v, letter, true) && !except(func(e *provision) bool { return e.permits(c, v, letter) })
}

func (p *provision) permits(c *caller, v *version, letter string) bool {
	except := func(is func(*provision) bool) bool {
		return slices.ContainsFunc(p.except, func(e provision) bool { return is(&e) })
	}
	if !p.permit {
		return except(func(e *provision) bool { return e.permits(c, v, letter) }) && p.isAbout(c, v, letter, false)
	}
	return p.isAbout(c, v, letter, false) && !except(func(e *provision) bool { return e.denies(c, v, letter) })
}

// isAbout reports whether all elements are met; unknown is what counts where that cannot be decided.
func (p *provision) isAbout(c *caller, v *version, letter string, unknown bool) bool {
	letters := p.letters
	if letters == "" {
		letters = "rs"
	}
	today := begin.AddDate(1, 0, 0).Format(time.DateOnly)
	purpose := "TREAT"
	if len(c.claims.PurposeOfUse) > 0 {
		purpose = c.claims.PurposeOfUse[0].Code
	}
	return strings.Contains(letters, letter) &&
		(p.period[0] == "" || p.period[0] <= today && today <= p.period[1]) &&
		(p.actor == "" || p.actor == c.claims.FHIRUser || strings.HasPrefix(p.actor, "Organization/") && unknown) &&
		(p.client == "" || p.client == c.claims.Client) &&
		(p.purpose == "" || p.purpose == purpose) &&
		(p.label == "" || v.has(`"security":[{"code":"`+p.label+`"}]`)) &&
		(p.code == "" || v.has(`"code":"`+p.code+`"`)) &&
		p.isOfClass(v, unknown) && p.isDated(v, unknown) && p.isNamed(v)
}

func (p *provision) isOfClass(v *version, unknown bool) bool {
	return len(p.classes) == 0 || slices.Contains(p.classes, v.typ()) || unknown && slices.ContainsFunc(p.classes, func(class string) bool { return strings.Contains(class, ":") })
}

// isDated compares the date of what has one.
func (p *provision) isDated(v *version, unknown bool) bool {
	if p.days[0] == "" {
		return true
	}
	var res struct {
		EffectiveDateTime, Date string
		Period                  struct{ Start string }
	}
	if json.Unmarshal([]byte(v.body), &res) != nil {
		return false
	}
	date := res.EffectiveDateTime
	switch v.typ() {
	case "Composition", "DocumentReference":
		date = res.Date
	case "Encounter":
		date = res.Period.Start
	}
	if date == "" {
		return unknown
	}
	return p.days[0] <= date[:10] && date[:10] <= p.days[1] || v.typ() == "Encounter" && date <= p.days[1] // it has no end
}

func (p *provision) isNamed(v *version) bool {
	return len(p.data) == 0 || slices.ContainsFunc(p.data, func(key string) bool {
		return v.key == key || p.related && v.has(`"reference":"`+key+`"`)
	})
}

// json is the Consent.
func (p *policy) json(id string) string {
	return fmt.Sprintf(`{"resourceType":"Consent","id":%q,"status":"active","scope":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/consentscope","code":"patient-privacy"}]},"patient":{"reference":"Patient/%s"},"provision":%s}`,
		id, p.patient, p.root.json())
}

func (p *provision) json() string {
	members := []string{fmt.Sprintf(`"type":%q`, map[bool]string{true: "permit", false: "deny"}[p.permit])}
	add := func(is bool, format string, args ...any) {
		if is {
			members = append(members, fmt.Sprintf(format, args...))
		}
	}
	add(p.actor != "", `"actor":[{"role":{"text":"x"},"reference":{"reference":%q}}]`, p.actor)
	add(p.client != "", `"actor":[{"role":{"text":"x"},"reference":{"identifier":{"value":%q}}}]`, p.client)
	add(p.purpose != "", `"purpose":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":%q}]`, p.purpose)
	add(p.label != "", `"securityLabel":[{"code":%q}]`, p.label)
	add(p.code != "", `"code":[{"coding":[{"system":"http://loinc.org","code":%q}]}]`, p.code)
	add(p.days[0] != "", `"dataPeriod":{"start":%q,"end":%q}`, p.days[0], p.days[1])
	add(p.period[0] != "", `"period":{"start":%q,"end":%q}`, p.period[0], p.period[1])
	list := func(name, format string, items []string) {
		texts := make([]string, len(items))
		for i, item := range items {
			texts[i] = fmt.Sprintf(format, item)
		}
		add(len(items) > 0, `%q:[%s]`, name, strings.Join(texts, ","))
	}
	list("class", `{"code":%q}`, p.classes)
	list("data", map[bool]string{true: `{"meaning":"related","reference":{"reference":%q}}`, false: `{"meaning":"instance","reference":{"reference":%q}}`}[p.related], p.data)
	var actions, inner []string
	for _, action := range []struct{ letter, code string }{{"r", "access"}, {"c", "collect"}, {"u", "correct"}} {
		if strings.Contains(p.letters, action.letter) {
			actions = append(actions, action.code)
		}
	}
	list("action", `{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/consentaction","code":%q}]}`, actions)
	for i := range p.except {
		inner = append(inner, p.except[i].json())
	}
	list("provision", "%s", inner)
	return "{" + strings.Join(members, ",") + "}"
}
