package main

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/internal/simulate"
)

// vitalsPath is where payloads of the vitals adapter go; its manifest describes them.
const vitalsPath = "/ingest/vitals"

// vitals builds one payload of the vitals adapter.
type vitals struct{ out []byte }

// beginVitals starts a payload of readings that one device took of one patient, named by an identifier as system|value.
func beginVitals(dst []byte, patient, serial string) vitals {
	dst = fhir.AppendQuoted(append(dst, `{"device":{"serial":`...), serial)
	dst = fhir.AppendQuoted(append(dst, `},"patient":`...), patient)
	return vitals{append(dst, `,"readings":[`...)}
}

// reading starts one reading; the caller adds its values and calls unit.
func (v *vitals) reading(at time.Time, kind string) {
	if v.out[len(v.out)-1] != '[' {
		v.out = append(v.out, ',')
	}
	v.out = append(v.out, `{"t":"`...)
	v.out = at.UTC().AppendFormat(v.out, fhir.InstantFormat)
	v.out = append(append(append(v.out, `","type":"`...), kind...), '"')
}

func (v *vitals) unit(unit string) {
	v.out = append(append(append(v.out, `,"unit":"`...), unit...), `"}`...)
}

func (v *vitals) number(at time.Time, kind string, value int, unit string) {
	v.reading(at, kind)
	v.out = strconv.AppendInt(append(v.out, `,"value":`...), int64(value), 10)
	v.unit(unit)
}

func (v *vitals) temperature(at time.Time, tenths int) {
	v.reading(at, "temperature")
	v.out = strconv.AppendInt(append(v.out, `,"value":`...), int64(tenths/10), 10)
	v.out = strconv.AppendInt(append(v.out, '.'), int64(tenths%10), 10)
	v.unit("Cel")
}

// monitor adds what a bedside monitor reads each second: four readings.
func (v *vitals) monitor(at time.Time, is simulate.Vitals) {
	v.number(at, "heart-rate", is.HeartRate, "/min")
	v.number(at, "spo2", is.SpO2, "%")
	v.number(at, "respiratory-rate", is.Respiration, "/min")
	v.temperature(at, is.Temperature)
}

// cuff adds a blood pressure.
func (v *vitals) cuff(at time.Time, is simulate.Vitals) {
	v.reading(at, "blood-pressure")
	v.out = strconv.AppendInt(append(v.out, `,"systolic":`...), int64(is.Systolic), 10)
	v.out = strconv.AppendInt(append(v.out, `,"diastolic":`...), int64(is.Diastolic), 10)
	v.unit("mm[Hg]")
}

func (v *vitals) end() []byte { return append(v.out, `]}`...) }

// benchReadings makes payloads for the benchmark: one patient and one monitor a client, and times that never repeat.
func benchReadings() func(dst []byte, client, n int) []byte {
	var serial atomic.Int64
	begin := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	return func(dst []byte, client, n int) []byte {
		const perSecond = 4
		seconds := (n + perSecond - 1) / perSecond
		at := begin.Add(time.Duration(serial.Add(1)) * time.Duration(seconds) * time.Second)
		name := strconv.Itoa(client)
		v := beginVitals(dst, "urn:firth:bench|"+name, "bench-"+name)
		for i := range seconds {
			v.monitor(at.Add(time.Duration(i)*time.Second), simulate.Vitals{HeartRate: 60 + i, SpO2: 95 + i%5, Respiration: 12 + i%6, Temperature: 365 + i})
		}
		return v.end()
	}
}
