package main

import (
	"bytes"
	"context"
	_ "embed" // people.json
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/firth-health/firth/adapters/catalog"
	"github.com/firth-health/firth/internal/importer"
	"github.com/firth-health/firth/internal/simulate"
)

// wardSystem is the system of the identifiers of the demo's patients.
const wardSystem = "urn:firth:demo:patient"

//go:embed demo/people.json
var people []byte

// ward is the demo's hospital. Everything in it comes in as requests, as it would from outside.
type ward struct {
	r    *running
	beds []bed
}

// bed is a patient with a monitor.
type bed struct {
	patient string // value of the identifier
	monitor string // value of the device's identifier
	person  *simulate.Person
	seconds int // monitored so far
}

func beds() []bed {
	return []bed{
		{patient: "ada", monitor: "monitor-1", person: simulate.New(1952, simulate.Vitals{HeartRate: 72, SpO2: 95, Respiration: 16, Temperature: 369, Systolic: 138, Diastolic: 84})},
		{patient: "ben", monitor: "monitor-2", person: simulate.New(1987, simulate.Vitals{HeartRate: 58, SpO2: 98, Respiration: 13, Temperature: 366, Systolic: 117, Diastolic: 74})},
	}
}

// admit loads people and devices, and then at once, because each is a commit to wait for, the samples of the catalog and the last minute of every bed.
func (w *ward) admit(ctx context.Context, now time.Time) error {
	if err := w.post(ctx, "/fhir", "application/fhir+json", people); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	for i := range w.beds {
		group.Go(func() error { return w.lastMinute(ctx, &w.beds[i], now) })
	}
	if err := w.playSamples(ctx, group); err != nil {
		return errors.Join(err, group.Wait())
	}
	return group.Wait()
}

func (w *ward) lastMinute(ctx context.Context, b *bed, now time.Time) error {
	const minute = 60
	payload := b.begin()
	for second := range minute {
		b.read(&payload, now.Add(time.Duration(second-minute)*time.Second))
	}
	return w.post(ctx, vitalsPath, "application/json", payload.end())
}

// playSamples sends every sample payload of every built-in adapter.
func (w *ward) playSamples(ctx context.Context, group *errgroup.Group) error {
	built, err := catalog.Adapters()
	if err != nil {
		return err
	}
	for _, adapter := range built.All() {
		samples, err := catalog.Samples(adapter.ID())
		if err != nil {
			return err
		}
		path := "/ingest/" + adapter.ID()
		if _, asks := adapter.Manifest().Context["patient"]; asks {
			path += "?patient=" + url.QueryEscape(wardSystem+"|ada")
		}
		for _, sample := range samples {
			group.Go(func() error {
				if err := w.post(ctx, path, sample.ContentType, sample.Payload); err != nil {
					return fmt.Errorf("sample %s of %s: %w", sample.Name, adapter.ID(), err)
				}
				return nil
			})
		}
	}
	return nil
}

// stream sends a batch each second for each bed until ctx ends.
func (w *ward) stream(ctx context.Context) error {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case now := <-ticker.C:
			for i := range w.beds {
				payload := w.beds[i].begin()
				w.beds[i].read(&payload, now)
				if err := w.post(ctx, vitalsPath, "application/json", payload.end()); err != nil && ctx.Err() == nil {
					return err
				}
			}
		case <-ctx.Done():
			return nil
		}
	}
}

func (b *bed) begin() vitals { return beginVitals(nil, wardSystem+"|"+b.patient, b.monitor) }

// cuffPause is how many seconds lie between two blood pressures.
const cuffPause = 15

// read adds one second.
func (b *bed) read(payload *vitals, at time.Time) {
	is := b.person.Next()
	payload.monitor(at, is)
	if b.seconds%cuffPause == 0 {
		payload.cuff(at, is)
	}
	b.seconds++
}

// post sends a request to the server's own handler.
func (w *ward) post(ctx context.Context, path, contentType string, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+w.r.address()+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", contentType)
	response, err := importer.Local{Handler: w.r.http.Handler}.RoundTrip(request)
	if err != nil {
		return err
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		answer, err := io.ReadAll(response.Body)
		if err != nil {
			return err
		}
		return fmt.Errorf("POST %s answered %d: %.500s", path, response.StatusCode, answer)
	}
	return nil
}
