package xml_test

import (
	"bytes"
	stdxml "encoding/xml"
	"errors"
	"io"
	"testing"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/fhir/xml"
)

// seeds are small documents with something of everything.
var seeds = []string{
	header + patient + `<id value="a"/></Patient>`,
	patient + `<text><status value="generated"/><div xmlns="` + xhtml + `">a &lt; <b class='x'>b</b><!-- c --><![CDATA[<]]></div></text></Patient>`,
	`<f:Patient xmlns:f="http://hl7.org/fhir" xmlns:h="` + xhtml + `"><f:text><h:div id="a"><h:p/><i/></h:div></f:text></f:Patient>`,
	patient + `<contained><Patient/></contained><extension url="u" id="i"><valueDecimal value="1.50"/></extension><active value="true" id="a"/></Patient>`,
	patient + `<name id="n"><given value="A"/><given id="b"/><given><extension url="u"><valueHumanName><given value="C"/><given id="d"/>` +
		`</valueHumanName></extension></given></name><multipleBirthInteger value="2"/></Patient>`,
	"<Patient xmlns='http://hl7.org/fhir'><name><family value='&#65;&amp;\t\n&#10;\"é'/></name></Patient>",
	`<Bundle xmlns="http://hl7.org/fhir"><entry><resource><Patient/></resource></entry></Bundle>`,
}

// FuzzDecode checks that what Decode reads is JSON, well-formed XML by another reader, and the same after Encode and Decode.
func FuzzDecode(f *testing.F) {
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		decoded, err := xml.Decode(data, definitions(t))
		if err != nil {
			var outcome *fhir.OperationOutcome
			if !errors.As(err, &outcome) {
				t.Fatalf("not an OperationOutcome: %v", err)
			}
			return
		}
		checkWellFormed(t, data)
		encoded, err := xml.Encode(nil, parse(t, decoded), definitions(t))
		if err != nil {
			t.Fatalf("what was read cannot be written: %v\n%s", err, decoded)
		}
		again, err := xml.Decode(encoded, definitions(t))
		if err != nil || !bytes.Equal(again, decoded) {
			t.Fatalf("%v\nread    %s\nwritten %s\nread    %s", err, decoded, encoded, again)
		}
	})
}

// checkWellFormed asks the standard library, which knows fewer letters beyond ASCII.
func checkWellFormed(t *testing.T, data []byte) {
	t.Helper()
	for _, c := range data {
		if c >= 0x80 {
			return
		}
	}
	reader := stdxml.NewDecoder(bytes.NewReader(data))
	for {
		_, err := reader.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("encoding/xml says: %v\n%q", err, data)
		}
	}
}

// FuzzEncode checks that what Encode writes can be read and then says the same.
func FuzzEncode(f *testing.F) {
	for _, seed := range seeds {
		decoded, err := xml.Decode([]byte(seed), definitions(f))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(decoded)
	}
	f.Add([]byte(`{"resourceType":"Patient","name":[{"given":["A",null],"_given":[null,{"id":"b"},null]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		root, err := fhir.Parse(data)
		if err != nil {
			return
		}
		encoded, err := xml.Encode(nil, root, definitions(t))
		if err != nil {
			var outcome *fhir.OperationOutcome
			if !errors.As(err, &outcome) {
				t.Fatalf("not an OperationOutcome: %v", err)
			}
			return
		}
		checkWellFormed(t, encoded)
		decoded, err := xml.Decode(encoded, definitions(t))
		if err != nil {
			t.Fatalf("what was written cannot be read: %v\n%s", err, encoded)
		}
		again, err := xml.Encode(nil, parse(t, decoded), definitions(t))
		if err != nil || !bytes.Equal(again, encoded) {
			t.Fatalf("%v\nwritten %s\nread    %s\nwritten %s", err, encoded, decoded, again)
		}
	})
}
