package bench

import (
	"fmt"
	"strconv"
	"time"
)

// The data are Observations of one ward for ever: patients × codes, one reading of each code a minute.

// Patients is how many patients n Observations are spread over: 1,000 each, so that a patient's history is long enough to be searched.
func Patients(n int) int { return max(1, n/1000) }

// measure is one kind of reading.
type measure struct {
	code, display, profile string
	unit, ucum             string
	base, spread           int // of the value, in units of the last digit
	tenths                 bool
}

func measures() [6]measure {
	return [6]measure{
		{"8867-4", "Heart rate", "heartrate", "beats/minute", "/min", 60, 40, false},
		{"9279-1", "Respiratory rate", "resprate", "breaths/minute", "/min", 12, 10, false},
		{"2708-6", "Oxygen saturation in Arterial blood", "oxygensat", "%", "%", 92, 9, false},
		{"8310-5", "Body temperature", "bodytemp", "C", "Cel", 362, 25, true},
		{"29463-7", "Body weight", "bodyweight", "kg", "kg", 650, 200, true},
		{"8302-2", "Body height", "bodyheight", "cm", "cm", 1650, 250, true}, //nolint:misspell // the id of the profile
	}
}

// Epoch is the time of the first reading.
func Epoch() time.Time { return time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC) }

// PatientID names the i-th patient.
func PatientID(i int) string { return "bench-" + strconv.Itoa(i) }

// ObservationID names the i-th Observation.
func ObservationID(i int) string { return "bench-o-" + strconv.Itoa(i) }

// AppendPatient appends the i-th Patient as JSON.
func AppendPatient(dst []byte, i int) []byte {
	return fmt.Appendf(dst, `{"resourceType":"Patient","id":"%s","identifier":[{"system":"urn:firth:bench","value":"%d"}],"name":[{"family":"Bench","given":["Number %d"]}],"gender":"unknown"}`,
		PatientID(i), i, i)
}

// AppendObservation appends the i-th of Observations over the given number of patients; id is empty for none.
func AppendObservation(dst []byte, id string, i, patients int) []byte {
	return appendReading(dst, id, PatientID(i%patients), i/patients, i/patients, i)
}

// appendReading appends a reading: kind counts through the measures, slot is its time in steps of ten seconds from [Epoch], and value varies with seed.
func appendReading(dst []byte, id, patient string, kind, slot, seed int) []byte {
	all := measures()
	m := &all[kind%len(all)]
	value := m.base + seed*7919%m.spread
	dst = append(dst, `{"resourceType":"Observation",`...)
	if id != "" {
		dst = append(append(append(dst, `"id":"`...), id...), `",`...)
	}
	dst = append(append(append(dst, `"meta":{"profile":["http://hl7.org/fhir/StructureDefinition/`...), m.profile...), `"]},"status":"final",`...)
	dst = append(dst, `"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs","display":"Vital Signs"}]}],`...)
	dst = append(append(dst, `"code":{"coding":[{"system":"http://loinc.org","code":"`...), m.code...)
	dst = append(append(dst, `","display":"`...), m.display...)
	dst = append(append(append(dst, `"}]},"subject":{"reference":"Patient/`...), patient...), `"},"effectiveDateTime":"`...)
	dst = Epoch().Add(time.Duration(slot)*10*time.Second).AppendFormat(dst, "2006-01-02T15:04:05Z")
	dst = append(append(append(dst, `","device":{"reference":"Device/`...), patient...), `"},"valueQuantity":{"value":`...)
	if m.tenths {
		dst = strconv.AppendInt(append(strconv.AppendInt(dst, int64(value/10), 10), '.'), int64(value%10), 10)
	} else {
		dst = strconv.AppendInt(dst, int64(value), 10)
	}
	dst = append(append(dst, `,"unit":"`...), m.unit...)
	return append(append(append(dst, `","system":"http://unitsofmeasure.org","code":"`...), m.ucum...), `"}}`...)
}
