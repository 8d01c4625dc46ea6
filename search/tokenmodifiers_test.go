package search

import (
	"strings"
	"testing"
)

func TestTextModifier(t *testing.T) {
	c := &corpus{typ: "Observation", resources: [][2]string{
		{"text", `"code":{"text":"Heart rate (beats/min)"}`},
		{"display", `"code":{"coding":[{"system":"s","code":"1","display":"HEART failure"},{"code":"2","display":"Herzinsuffizienz, schwere"}]}`},
		{"both", `"code":{"text":"Fréquence cardiaque","coding":[{"code":"3","display":"Heart rate"}]}`},
		{"two", `"code":{"text":"rate"},"category":[{"text":"heart"},{"coding":[{"display":"vital signs"}]}]`},
		{"han", `"code":{"text":"心拍数です"}`},
		{"none", `"code":{"coding":[{"code":"heart"}]}`},
		{"long", `"code":{"text":"` + strings.Repeat("heart word ", 100) + `end"}`},
		{"absent", ``},
	}}
	c.check(t, [][2]string{
		{"code:text=heart", "text display both long"},
		{"code:text=HEART Rate", "text both"},
		{"code:text=rate heart", "text both"},
		{"code:text=hea", "text display both long"},
		{"code:text=art", ""},
		{"code:text=min", "text"},
		{"code:text=beats/min", "text"},
		{"code:text=frequence", "both"},
		{"code:text=frequence rate", "both"},
		{"code:text=rate", "text both two"},
		{"code:text=failure,frequence", "display both"},
		{"code:text=schwere", "display"},
		{"code:text=拍", "han"},
		{"code:text=心数", "han"},
		{"code:text=心臓", ""},
		{"code:text=end", "long"},
		{"category:text=heart", "two"},
		{"category:text=heart vital", ""},
		{"category:text=sign", "two"},
		{"code:missing=true", "absent"},
		{"combo-code:text=heart rate", "text both"},
	})
}

func TestOfType(t *testing.T) {
	typed := func(system, code, value string) string {
		return `{"type":{"coding":[{"system":"` + system + `","code":"` + code + `"}],"text":"Record number"},"system":"urn:a","value":"` + value + `"}`
	}
	c := &corpus{typ: "Patient", resources: [][2]string{
		{"mr", `"identifier":[` + typed("http://t", "MR", "12") + `]`},
		{"ss", `"identifier":[` + typed("http://t", "SS", "12") + `,` + typed("http://t", "MR", "13") + `]`},
		{"two", `"identifier":[{"type":{"coding":[{"system":"http://t","code":"MR"},{"system":"http://u","code":"X"}]},"value":"1|2"}]`},
		{"half", `"identifier":[{"type":{"coding":[{"code":"MR"}]},"value":"12"}]`},
		{"untyped", `"identifier":[{"value":"12"}]`},
	}}
	c.check(t, [][2]string{
		{"identifier:of-type=http://t|MR|12", "mr"},
		{"identifier:of-type=http://t|SS|12", "ss"},
		{"identifier:of-type=http://t|SS|13", ""},
		{"identifier:of-type=http://t|MR|12,http://t|MR|13", "mr ss"},
		{"identifier:of-type=http://u|X|1\\|2", "two"},
		{"identifier:of-type=http://t|MR|1", ""},
		{"identifier:text=record", "mr ss"},
		{"identifier=12", "mr ss half untyped"},
		{"identifier=urn:a|12", "mr ss"},
	})
	for _, query := range []string{"MR|12", "http://t||12", "|MR|12", "http://t|MR|", "a|b|c|d"} {
		if _, err := parseRaw(t, "Patient", "identifier:of-type="+query, ParseOptions{}); err == nil || !strings.Contains(err.Error(), ":of-type is written system|code|value") {
			t.Errorf("%s: %v", query, err)
		}
	}
}

// The expected codes were read off the published code systems.
func TestHierarchies(t *testing.T) {
	const ver = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
	const act = "http://terminology.hl7.org/CodeSystem/v3-ActMood"
	c := &corpus{typ: "Condition", resources: [][2]string{
		{"unconfirmed", `"verificationStatus":` + coding(ver, "unconfirmed")},
		{"provisional", `"verificationStatus":` + coding(ver, "provisional")},
		{"differential", `"verificationStatus":` + coding(ver, "differential")},
		{"refuted", `"verificationStatus":` + coding(ver, "refuted")},
		{"bare", `"verificationStatus":{"coding":[{"code":"provisional"}]}`},
		{"other", `"verificationStatus":` + coding("http://x", "provisional")},
		{"goal", `"code":` + coding(act, "GOL")},
		{"option", `"code":` + coding(act, "OPT")},
		{"event", `"code":` + coding(act, "EVN")},
	}}
	c.check(t, [][2]string{
		{"verification-status:below=" + ver + "|unconfirmed", "unconfirmed provisional differential"},
		{"verification-status:below=" + ver + "|provisional", "provisional"},
		{"verification-status:above=" + ver + "|provisional", "unconfirmed provisional"},
		{"verification-status:above=" + ver + "|unconfirmed", "unconfirmed"},
		{"verification-status:below=" + ver + "|unconfirmed," + ver + "|refuted", "unconfirmed provisional differential refuted"},
		{"verification-status:in=http://hl7.org/fhir/ValueSet/condition-ver-status", "unconfirmed provisional differential refuted"},
		{"verification-status:in=http://hl7.org/fhir/ValueSet/condition-ver-status|4.0.1", "unconfirmed provisional differential refuted"},
		{"verification-status:not-in=http://hl7.org/fhir/ValueSet/condition-ver-status", "bare other goal option event"},
		{"code:below=" + act + "|_ActMoodPredicate", "goal option"},
		{"code:in=http://hl7.org/fhir/ValueSet/inactive", "goal option"},
		{"code:above=" + act + "|GOL", "goal"},
		{"code:below=" + act + "|EVN", "event"},
	})
}

func TestImpliedSystems(t *testing.T) {
	c := &corpus{typ: "Observation", resources: [][2]string{{"final", `"status":"final"`}, {"amended", `"status":"amended"`}, {"corrected", `"status":"corrected"`}, {"odd", `"status":"odd"`}}}
	c.check(t, [][2]string{
		{"status:in=http://hl7.org/fhir/ValueSet/observation-status", "final amended corrected"},
		{"status:not-in=http://hl7.org/fhir/ValueSet/observation-status", "odd"},
		{"status:in=http://hl7.org/fhir/ValueSet/administrative-gender", ""},
		{"status:below=amended", "amended corrected"},
		{"status:below=http://hl7.org/fhir/observation-status|amended", "amended corrected"},
		{"status:above=corrected", "amended corrected"},
	})
}
