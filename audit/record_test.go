package audit

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/fhir"
)

func TestRecordRoundTrip(t *testing.T) {
	full := *eventOf("search-type")
	full.Operation, full.Issue, full.Detail, full.posted = "everything", fhir.CodeForbidden, "detail", []byte(`{"resourceType":"AuditEvent"}`)
	full.Claims.BreakGlass = true
	for name, e := range map[string]Event{"full": full, "empty": {}, "no claims": {Interaction: "read", Patients: []string{"a", "b"}}, "empty claims": {Claims: &auth.Claims{}}} {
		t.Run(name, func(t *testing.T) {
			at := time.Date(2026, 11, 21, 8, 0, 0, 7e6, time.UTC)
			r, err := decodeRecord(appendRecord(nil, &e, e.Patients, at.UnixMilli()))
			if err != nil {
				t.Fatal(err)
			}
			want := e
			if c := e.Claims; c != nil { // what is not audited
				want.Claims = &auth.Claims{Issuer: c.Issuer, Subject: c.Subject, Client: c.Client, TokenID: c.TokenID, FHIRUser: c.FHIRUser, PurposeOfUse: c.PurposeOfUse, Roles: c.Roles, BreakGlass: c.BreakGlass}
			}
			if diff := cmp.Diff(want, r.Event, cmp.AllowUnexported(Event{})); diff != "" || !r.at.Equal(at) {
				t.Errorf("-want +got\n%s at %v", diff, r.at)
			}
		})
	}
}

func TestLongTextsAreCut(t *testing.T) {
	e := Event{Interaction: "read", Query: strings.Repeat("é", maxQuery), Agent: strings.Repeat("a", maxText+1)}
	r, err := decodeRecord(appendRecord(nil, &e, nil, 1))
	if err != nil || len(r.Query) != maxQuery || len(r.Agent) != maxText {
		t.Errorf("%d and %d bytes, %v", len(r.Query), len(r.Agent), err)
	}
}

// FuzzRecord feeds the decoder of records; what it takes has one encoding, and is rendered as JSON.
func FuzzRecord(f *testing.F) {
	for _, e := range []*Event{eventOf("read"), eventOf(Token), {}} {
		f.Add(appendRecord(nil, e, e.Patients, 1795248000000))
	}
	m := newRenderer(testBase)
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := decodeRecord(data)
		if err != nil {
			return
		}
		again := appendRecord(nil, &r.Event, r.Patients, r.at.UnixMilli())
		if !bytes.Equal(data, again) && !hasBrokenText(r) {
			t.Errorf("%q is not %q", again, data)
		}
		if r.posted != nil {
			return // was checked when it came
		}
		out, err := m.render("1", r, 0)
		if err == nil {
			_, err = fhir.ParseResource(out)
		}
		if err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
}

// hasBrokenText reports whether a long text would be cut otherwise.
func hasBrokenText(r *record) bool { return len(r.Query) >= maxQuery }

// TestSmallPayloads reads payloads of every size around that from which on they are compressed.
func TestSmallPayloads(t *testing.T) {
	b, err := newBuilder()
	if err != nil {
		t.Fatal(err)
	}
	u, err := newUnpacker()
	if err != nil {
		t.Fatal(err)
	}
	for size := range minPacked + 100 {
		b.begin(0, hash{})
		event := bytes.Repeat([]byte{byte(size)}, size)
		b.add(1, event, nil)
		h, err := parseHeader(b.encode())
		if err != nil {
			t.Fatal(size, err)
		}
		if events, err := u.events(h); err != nil || len(events) != 1 || !bytes.Equal(events[0], event) {
			t.Fatal(size, err)
		}
	}
}

// FuzzBlock feeds the decoder of blocks.
func FuzzBlock(f *testing.F) {
	b, err := newBuilder()
	if err != nil {
		f.Fatal(err)
	}
	b.begin(0, hash{})
	for i := range 3 {
		b.add(int64(i), appendRecord(nil, readOf(i), nil, int64(i)), []uint64{uint64(i)})
	}
	f.Add(b.encode())
	u, err := newUnpacker()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := parseHeader(data)
		if err != nil || h.size > 1<<20 {
			return
		}
		events, err := u.events(h)
		for _, e := range events {
			if r, err := decodeRecord(e); err == nil && r == nil || err != nil && !errors.Is(err, errRecord) {
				t.Errorf("record %x: %v, %v", e, r, err)
			}
		}
		if err == nil && len(events) != h.count || err != nil && !errors.Is(err, errBlock) {
			t.Errorf("block of %d: %d events, %v", h.count, len(events), err)
		}
	})
}

func TestSecretsAreTakenOut(t *testing.T) {
	cases := []struct {
		in, want string
		isSearch bool
	}{
		{"Observation?code=8867-4&patient=1", "Observation?code=8867-4&patient=1", true},
		{"Observation?access_token=abc&code=8867-4", "Observation?access_token=***&code=8867-4", true},
		{"Observation?Access_Token=abc", "Observation?Access_Token=***", true},
		{"Observation?access%5Ftoken=abc&x=1", "Observation?access%5Ftoken=***&x=1", true},
		{"token?grant_type=authorization_code&code=secret&code_verifier=v", "token?grant_type=authorization_code&code=***&code_verifier=***", false},
		{"grant_type=password&username=u&password=p&scope=s", "grant_type=password&username=u&password=***&scope=s", false},
		{"password=p", "password=***", false},
		{"client_assertion=a.b.c&refresh_token=r&token=t", "client_assertion=***&refresh_token=***&token=***", false},
		{"", "", false}, {"?", "?", false}, {"a?&&=&", "a?&&=&", false}, {"code", "code", false}, {"x?co%zzde=1&%", "x?co%zzde=1&%", false},
	}
	for _, c := range cases {
		if got := withoutSecrets(c.in, c.isSearch); got != c.want {
			t.Errorf("%q: %q, want %q", c.in, got, c.want)
		}
	}
}

func TestPatients(t *testing.T) {
	many := `{"resourceType":"Group","member":[`
	var ids []string
	for i := range 40 {
		many += fmt.Sprintf(`{"entity":{"reference":"Patient/m%d"}},{"entity":{"reference":"Patient/m%d"}},`, i, i/2)
		ids = append(ids, fmt.Sprint("m", i))
	}
	cases := []struct {
		name, key, json string
		want            []string
	}{
		{"a patient", "Patient/p1", `{"resourceType":"Patient","id":"p1"}`, []string{"p1"}},
		{"a subject", "Observation/o", `{"subject":{"reference":"Patient/p1"}}`, []string{"p1"}},
		{"spaces", "Observation/o", "{\"subject\": {\"reference\" :\n \"Patient/p1\"}}", []string{"p1"}},
		{"a version", "Observation/o", `{"subject":{"reference":"Patient/p1/_history/2"}}`, []string{"p1"}},
		{"the same twice", "Observation/o", `{"subject":{"reference":"Patient/p1"},"performer":[{"reference":"Patient/p1"},{"reference":"Patient/p2"},{"reference":"Patient/p1"}]}`, []string{"p1", "p2"}},
		{"another server", "Observation/o", `{"subject":{"reference":"http://other.example/fhir/Patient/p1"}}`, nil},
		{"not a reference", "Observation/o", `{"note":[{"text":"\"reference\":\"Patient/p1\" or Patient/p2"}],"id":"Patient/p3","url":"Patient/p4"}`, nil},
		{"a search", "Observation/o", `{"subject":{"reference":"Patient/p1?x=1"}}`, nil},
		{"an id that is none", "Observation/o", `{"a":{"reference":"Patient/"},"b":{"reference":"Patient/a_b"},"c":{"reference":"Patient/` + strings.Repeat("x", 65) + `"},"d":{"reference":"Patient/x/y"}}`, nil},
		{"cut off", "Observation/o", `{"a":{"reference":"Patient/p1`, nil},
		{"many", "Group/g", many, ids},
		{"nothing", "Observation/o", "", nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := &Patients{}
			p.Add(fhir.ParseReference(c.key).Key, []byte(c.json))
			if diff := cmp.Diff(c.want, p.IDs()); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func BenchmarkPatients(b *testing.B) {
	body := []byte(`{"resourceType":"Observation","id":"o","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"8867-4","display":"Heart rate"}]},"subject":{"reference":"Patient/p1"},"effectiveDateTime":"2026-11-21T08:00:00Z","valueQuantity":{"value":72,"unit":"beats/minute","system":"http://unitsofmeasure.org","code":"/min"}}`)
	key := fhir.Key{Type: "Observation", ID: "o"}
	b.ReportAllocs()
	for b.Loop() {
		p := &Patients{}
		for range 20 {
			p.Add(key, body)
		}
	}
}
