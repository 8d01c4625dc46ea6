package catalog_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/adapters"
)

// report is a PCD-01 message with these segments behind OBR.
func report(segments ...string) string {
	return "MSH|^~\\&|GW|HOSP|||20260105081600+0000||ORU^R01^ORU_R01|77|P|2.6\r" +
		"PID|||MRN7^^^HOSP&1.2.3&ISO^MR||Berg^Ann^^^^^L||19700203|F\r" +
		"OBR|1|||44616-1^panel^LN|||20260105081500+0000|20260105081510+0000\r" + strings.Join(segments, "\r")
}

const at = " @2026-01-05T08:15:00Z"

func TestPCD01(t *testing.T) {
	tests := []struct {
		name     string
		segments []string
		want     []string // summaries of the Observations
		rest     string   // "fate: reason" of what became none
	}{
		{"MDC unit and code", []string{"OBX|1|NM|149530^MDC_PULS_OXIM_PULS_RATE^MDC|1.1.1.1|61.0|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||R"},
			[]string{"149530+8889-8+8867-4 61.0 /min" + at}, ""},
		{"oxygen saturation", []string{"OBX|1|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.1.1.2|98|262688^MDC_DIM_PERCENT^MDC|||||F"},
			[]string{"150456+59408-5+2708-6 98 %" + at}, ""},
		{"unknown code is kept", []string{"OBX|1|NM|150084^MDC_PRESS_BLD_VEN_CENT^MDC|1.1.1.3|6|266016^MDC_DIM_MMHG^MDC|||||F"}, []string{"150084 6 mm[Hg]" + at}, ""},
		{"UCUM as declared", []string{"OBX|1|NM|X1^own^99ACME||1.50|umol/L^^UCUM|||||F"}, []string{"X1 1.50 umol/L" + at}, ""},
		{"leading plus and zeros", []string{"OBX|1|NM|X1^own^99ACME||+007.10|1^^UCUM|||||F"}, []string{"X1 7.10 1" + at}, ""},
		{"unknown unit", []string{"OBX|1|NM|149530^P^MDC||61|bpm|||||F"}, nil, `unit: the unit "bpm" is not in the adapter's table of units`},
		{"no unit", []string{"OBX|1|NM|149530^P^MDC||61||||||F"}, nil, "unit: the value has no unit"},
		{"unit of another dimension", []string{"OBX|1|NM|149530^P^MDC||61|262688^MDC_DIM_PERCENT^MDC|||||F"}, nil, "unit: % is not a unit of pulse-rate-oximetry"},
		{"not a number", []string{"OBX|1|NM|149530^P^MDC||6I|264864^^MDC|||||F"}, nil, "map: dec: the value is not a decimal number"},
		{"sentinel", []string{"OBX|1|NM|149530^P^MDC||8388607|264864^^MDC|||||F"}, []string{"149530+8889-8+8867-4 absent:error" + at}, ""},
		{"invalid", []string{"OBX|1|NM|149530^P^MDC||61|264864^^MDC||INV|||F"}, []string{"149530+8889-8+8867-4 absent:error" + at}, ""},
		{"cancelled without value", []string{"OBX|1||149530^P^MDC||||||||X"}, []string{"149530+8889-8+8867-4 absent:unknown" + at + " cancelled"}, ""},
		{"wrong", []string{"OBX|1|NM|149530^P^MDC||61|264864^^MDC|||||W"}, []string{"149530+8889-8+8867-4 61 /min" + at + " entered-in-error"}, ""},
		{"preliminary", []string{"OBX|1|NM|149530^P^MDC||61|264864^^MDC|||||P"}, []string{"149530+8889-8+8867-4 61 /min" + at + " preliminary"}, ""},
		{"status nobody knows", []string{"OBX|1|NM|149530^P^MDC||61|264864^^MDC|||||?"}, []string{"149530+8889-8+8867-4 61 /min" + at + " unknown"}, ""},
		{"test data", []string{"OBX|1|NM|149530^P^MDC||61|264864^^MDC||TEST|||F"}, nil, "rule: OBX-8 marks the value as test or demonstration data"},
		{"own time with offset", []string{"OBX|1|NM|149530^P^MDC||61|264864^^MDC|||||F|||20260105091402.250+0100"}, []string{"149530+8889-8+8867-4 61 /min @2026-01-05T09:14:02.250+01:00"}, ""},
		{"time that is none", []string{"OBX|1|NM|149530^P^MDC||61|264864^^MDC|||||F|||2026010509140"}, nil, "time: "},
		{"ahead of the clock", []string{"OBX|1|NM|149530^P^MDC||61|264864^^MDC|||||F|||20270105091402+0100"}, nil, "time: the time lies more than 24h0m0s ahead of the clock"},
		{"structured numeric", []string{"OBX|1|SN|X1^own^99ACME||<^40|mg/dL^^UCUM|||||F"}, []string{"X1 <40 mg/dL" + at}, ""},
		{"blood pressure", []string{"OBX|1|NM|150021^S^MDC|1.1.1.1|120|266016^^MDC|||||F", "OBX|2|NM|150022^D^MDC|1.1.1.2|80|266016^^MDC|||||F", "OBX|3|NM|150023^M^MDC|1.1.1.3|93|266016^^MDC|||||F"},
			[]string{"85354-9+150020 {8480-6 120 mm[Hg]} {8462-4 80 mm[Hg]} {8478-0 93 mm[Hg]}" + at}, ""},
		{"blood pressure without mean", []string{"OBX|1|NM|150021^S^MDC|1.1.1.1|120|266016^^MDC|||||F", "OBX|2|NM|150022^D^MDC|1.1.1.2||266016^^MDC|||||F"},
			[]string{"85354-9+150020 {8480-6 120 mm[Hg]} {8462-4 absent:unknown}" + at}, ""},
		{"half a blood pressure", []string{"OBX|1|NM|150021^S^MDC|1.1.1.1|120|266016^^MDC|||||F"}, []string{"150021+8480-6 120 mm[Hg]" + at}, ""},
		{"text", []string{"OBX|1|ST|X1^own^99ACME||all\\F\\well||||||F"}, []string{"X1all|well" + at}, ""},
		{"coded", []string{"OBX|1|CWE|X1^own^99ACME||1^Sinus^99ACME||||||F"}, []string{"X1 Sinus" + at}, ""},
		{"type nobody maps", []string{"OBX|1|ED|X1^own^99ACME||^AP^^Base64^AA==||||||F"}, nil, "unmapped: OBX 1 ED own"},
		{"facet nobody maps", []string{"OBX|1|NM|149530^P^MDC|1.1.1.1|61|264864^^MDC|||||F", "OBX|2|NM|0^MDC_ATTR_X^MDC|1.1.1.1.1|5||||||F"},
			[]string{"149530+8889-8+8867-4 61 /min" + at}, "unmapped: OBX 2 NM MDC_ATTR_X"},
		{"waveform without facets", []string{"OBX|1|NA|131328^ECG^MDC|1.1.1.1|1^2^3^4|266418^^MDC|||||F"},
			[]string{"131328 period=2500 origin=0 mV factor=1 dimensions=1 limits=.. [1 2 3 4] @2026-01-05T08:15:00Z/2026-01-05T08:15:10Z"}, ""},
		{"vectors with a gap", []string{"OBX|1|NA|131328^ECG^MDC|1.1.1.1|1^2^3~4^^6~7^8|266418^^MDC|||||F"},
			[]string{"131328 period=3333.33333333 origin=0 mV factor=1 dimensions=3 limits=.. [1 2 3 4 E 6 7 8 E] @2026-01-05T08:15:00Z/2026-01-05T08:15:10Z"}, ""},
		{"scaled integers", []string{"OBX|1|NA|131328^ECG^MDC|1.1.1.1|0^2048^4095|266418^^MDC|||||F", "OBX|2|NM|0^MDC_ATTR_SAMP_RATE^MDC|1.1.1.1.1|500|264608^^MDC|||||F",
			"OBX|3|NR|0^MDC_ATTR_DATA_RANGE^MDC|1.1.1.1.2|-5^15.475|266418^^MDC|||||F", "OBX|4|NR|0^MDC_ATTR_SCALE_RANGE^MDC|1.1.1.1.3|0^4095||||||F"},
			[]string{"131328 period=2 origin=-5.0000000000 mV factor=0.005 dimensions=1 limits=.. [0 2048 4095] @2026-01-05T08:15:00Z/2026-01-05T08:15:10Z"}, ""},
		{"rate of another unit", []string{"OBX|1|NA|131328^ECG^MDC|1.1.1.1|1^2|266418^^MDC|||||F|||20260105081505+0000", "OBX|2|NM|0^MDC_ATTR_SAMP_RATE^MDC|1.1.1.1.1|500|264864^^MDC|||||F"}, nil, "map: the period is missing"},
		{"sample that is none", []string{"OBX|1|NA|131328^ECG^MDC|1.1.1.1|1^x|266418^^MDC|||||F"}, nil, "map: a sample is not a decimal number"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := mapped(t, "pcd01", report(test.segments...), nil)
			if diff := cmp.Diff(test.want, summaries(t, m)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			rest := ""
			for _, l := range m.Quarantined {
				rest += l.Stage + ": " + l.Reason
			}
			for _, l := range m.Unmapped {
				rest += "unmapped: " + l.What
			}
			if !strings.HasPrefix(rest, test.rest) || test.rest == "" && rest != "" {
				t.Errorf("got %q, want %q", rest, test.rest)
			}
		})
	}
}

func TestPCD01Identities(t *testing.T) {
	const pulse = "OBX|1|NM|149530^P^MDC|1.1.1.1|61|264864^^MDC|||||F|||||||"
	tests := []struct{ name, message, patient, device string }{
		{"authority with OID, EUI-64", report(pulse + "0123456789abcdef^V^0123456789ABCDEF^EUI-64"), "urn:oid:1.2.3|MRN7", "urn:oid:1.2.840.10004.1.1.1.0.0.1.0.0.1.2680|01-23-45-67-89-AB-CD-EF"},
		{"EUI-64 with dashes", report(pulse + "^V^01-23-45-67-89-AB-CD-EF^EUI-64"), "urn:oid:1.2.3|MRN7", "urn:oid:1.2.840.10004.1.1.1.0.0.1.0.0.1.2680|01-23-45-67-89-AB-CD-EF"},
		{"EUI-64 that is none", report(pulse + "S1^V^0123^EUI-64"), "urn:oid:1.2.3|MRN7", "urn:firth:hl7v2:V|S1"},
		{"local device", report(pulse + "S1^ACME"), "urn:oid:1.2.3|MRN7", "urn:firth:hl7v2:ACME|S1"},
		{"device of the row above", report("OBX|9||69965^MDS^MDC|1.0.0.0|||||||F|||||||MDS1", strings.TrimRight(pulse, "|")), "urn:oid:1.2.3|MRN7", "urn:firth:hl7v2:HOSP|MDS1"},
		{"no device", report(strings.TrimRight(pulse, "|")), "urn:oid:1.2.3|MRN7", ""},
		{"authority by name", strings.Replace(report(pulse), "HOSP&1.2.3&ISO", "NIST", 1), "urn:firth:hl7v2:NIST|MRN7", ""},
		{"no authority", strings.Replace(report(pulse), "MRN7^^^HOSP&1.2.3&ISO^MR", "MRN7", 1), "urn:firth:hl7v2:HOSP|MRN7", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := mapped(t, "pcd01", test.message, nil)
			got := map[string]string{}
			for _, i := range m.Identities {
				got[i.Type] = i.System + "|" + i.Value
			}
			want := map[string]string{"Patient": test.patient}
			if test.device != "" {
				want["Device"] = test.device
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s\n%s", diff, m.Preview().Text())
			}
		})
	}
}

func TestPCD01Patient(t *testing.T) {
	m := mapped(t, "pcd01", report("OBX|1|NM|149530^P^MDC||61|264864^^MDC|||||F"), nil)
	p := parsed(t, &m.Identities[0].Draft)
	got := []string{p.Get("name").Index(0).Get("family").Text(), p.Get("name").Index(0).Get("given").Index(0).Text(), p.Get("name").Index(0).Get("use").Text(), p.Get("gender").Text(), p.Get("birthDate").Text()}
	if want := []string{"Berg", "Ann", "official", "female", "1970-02-03"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	// a birth date that is none is no reason to lose a reading
	m = mapped(t, "pcd01", strings.Replace(report("OBX|1|NM|149530^P^MDC||61|264864^^MDC|||||F"), "19700203", "19700231", 1), nil)
	if len(m.Drafts) != 1 || parsed(t, &m.Identities[0].Draft).Get("birthDate").Ok() || len(m.Warnings) != 1 || !strings.Contains(m.Warnings[0], "birthDate") {
		t.Errorf("%v\n%s", m.Warnings, m.Preview().Text())
	}
	// nobody to file it under
	m = mapped(t, "pcd01", strings.Replace(report("OBX|1|NM|149530^P^MDC||61|264864^^MDC|||||F"), "MRN7^^^HOSP&1.2.3&ISO^MR", "", 1), nil)
	if len(m.Drafts) != 0 || len(m.Quarantined) != 1 || m.Quarantined[0].Stage != "identity" {
		t.Errorf("%s", m.Preview().Text())
	}
}

// TestPCD01Patients: two patients of one message keep their own readings.
func TestPCD01Patients(t *testing.T) {
	one := report("OBX|1|NM|149530^P^MDC||61|264864^^MDC|||||F")
	two := strings.Replace(one[strings.Index(one, "PID"):], "MRN7", "MRN8", 1)
	m := mapped(t, "pcd01", one+"\r"+strings.Replace(two, "|61|", "|62|", 1), nil)
	if len(m.Drafts) != 2 || len(m.Identities) != 2 || m.Drafts[1].Pointer != "/patients/1/orders/0/observations/0" {
		t.Fatalf("%s", m.Preview().Text())
	}
	for i, value := range []string{"61", "62"} {
		n := parsed(t, &m.Drafts[i])
		if n.Path("subject", "reference").Text() != m.Identities[i].Reference() || n.Path("valueQuantity", "value").Text() != value {
			t.Errorf("%s", n.Raw())
		}
	}
}

func TestPCD01Zone(t *testing.T) {
	message := strings.ReplaceAll(report("OBX|1|NM|149530^P^MDC||61|264864^^MDC|||||F"), "+0000", "")
	for zone, want := range map[string]string{"": "2026-01-05T08:15:00Z", "Europe/Oslo": "2026-01-05T08:15:00+01:00", "+05:30": "2026-01-05T08:15:00+05:30"} {
		m := mapped(t, "pcd01", message, map[string]string{"zone": zone})
		if len(m.Drafts) != 1 || parsed(t, &m.Drafts[0]).Get("effectiveDateTime").Text() != want || len(m.Warnings) != 1 {
			t.Errorf("%q: %s", zone, m.Preview().Text())
		}
	}
}

func TestPCD01NotAMessage(t *testing.T) {
	for _, payload := range []string{"", "garbage", "MSH|^~\\&|A|B|||20260105||ADT^A01|1|P|2.6\r"} {
		_, err := load(t).Get("pcd01").Map(context.Background(), adapters.Input{Payload: []byte(payload), Now: received})
		var invalid *adapters.PayloadError
		if !errors.As(err, &invalid) {
			t.Errorf("%q: %v", payload, err)
		}
	}
}

// TestSharedData maps the project's shared examples, where they are at hand.
func TestSharedData(t *testing.T) {
	const folder = "../../../shared/data/hl7v2/"
	for name, want := range map[string][]string{
		"pcd01-pulse-oximetry.hl7": {"8889-8+149530+8867-4 55 /min @2012-05-30T11:23:40Z"},
		"pcd01-waveform.hl7": {
			"131329 period=6.66666667 origin=0 mV factor=1 dimensions=1 limits=-5.0..10.0 [-0.53714565 -0.54203324 -0.53128055] @2015-06-17T12:00:00.000Z/2015-06-17T12:00:01.000Z",
			"131330 period=6.66666667 origin=0 mV factor=1 dimensions=1 limits=0.39013672..1.4296875 [1.04980469 1.0546875 1.04003906] @2015-06-17T12:00:00.000Z/2015-06-17T12:00:01.000Z",
			"150456 period=8 origin=0 % factor=1 dimensions=1 limits=0.98924731..3.30107527 [1.18 1.17595308 1.17008798] @2015-06-17T12:00:00.000Z/2015-06-17T12:00:01.000Z",
		},
	} {
		payload, err := os.ReadFile(folder + name)
		if err != nil {
			t.Skip("the shared examples are not at ../shared")
		}
		if diff := cmp.Diff(want, summaries(t, mapped(t, "pcd01", string(payload), nil))); diff != "" {
			t.Errorf("%s -want +got:\n%s", name, diff)
		}
	}
}

// TestPCD01LongWaveform: the cost limit of expressions leaves room for the longest strips, and stays linear.
func TestPCD01LongWaveform(t *testing.T) {
	samples := strings.Repeat("-0.125^", 99_999) + "1.5"
	m := mapped(t, "pcd01", report("OBX|1|NA|131328^ECG^MDC|1.1.1.1|"+samples+"|266418^^MDC|||||F", "OBX|2|NM|0^MDC_ATTR_SAMP_RATE^MDC|1.1.1.1.1|500|264608^^MDC|||||F"), nil)
	if len(m.Drafts) != 1 {
		t.Fatal(m.Preview().Text())
	}
	data := parsed(t, &m.Drafts[0]).Path("valueSampledData", "data").Text()
	if n := strings.Count(data, " ") + 1; n != 100_000 || !strings.HasSuffix(data, " -0.125 1.5") {
		t.Errorf("%d samples, ending %q", n, data[len(data)-20:])
	}
}
