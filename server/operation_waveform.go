package server

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firth-health/firth/fhir"
	"github.com/firth-health/firth/search"
	"github.com/firth-health/firth/server/waveform"
	"github.com/firth-health/firth/store"
)

// waveform answers a time slice of one signal (definitions/Observation-waveform.json; the arithmetic is that of package waveform). Adjacent Observations are
// found backwards from the end: the search stops at the first one that ended before the slice begins, because Observations of a signal follow one another.
func (s *Server) waveform(x *exchange, in *arguments) (reply, error) {
	r := &waveformRequest{}
	if err := r.read(x, in); err != nil {
		return reply{}, err
	}
	find := s.signalOfPatient
	if x.interaction.level == instanceLevel {
		find = s.signalOfInstance
	}
	if err := find(x, r); err != nil {
		return reply{}, err
	}
	slices.Reverse(r.pieces) // the one that was created first comes first
	slices.Reverse(r.holders)
	slice, err := waveform.Cut(r.pieces, r.start, r.end)
	switch {
	case errors.Is(err, waveform.ErrNothing):
		return reply{}, refuse(http.StatusNotFound, fhir.CodeNotFound, "", "%s", err.Error())
	case errors.Is(err, waveform.ErrTooLong):
		return reply{}, fhir.Invalidf(fhir.CodeTooCostly, "http.end", "%s; ask for less time", err.Error())
	case err != nil:
		return reply{}, fhir.Invalidf(fhir.CodeProcessing, "", "the Observations do not make one signal: %s", err.Error())
	}
	if r.points > 0 {
		if slice.Format.Dimensions > 1 && len(slice.Samples) > r.points {
			return reply{}, refuse(http.StatusBadRequest, fhir.CodeNotSupported, "http.max-points", "a signal of %d dimensions cannot be reduced; ask for less time", slice.Format.Dimensions)
		}
		r.reduce(slice, r.points)
	}
	return reply{status: http.StatusOK, body: r.appendObservation(nil, slice)}, nil
}

// waveformRequest is what $waveform is asked for, and what was found.
type waveformRequest struct {
	patient, code string
	start, end    time.Time // zero for open ends
	points        int       // 0 for all
	reduce        func(s *waveform.Slice, points int)

	pieces  []waveform.Piece
	holders []signalHolder // of the pieces
}

// signalHolder is where a piece is.
type signalHolder struct {
	root fhir.Node // the Observation
	part fhir.Node // the same or its component
}

func (r *waveformRequest) read(x *exchange, in *arguments) error {
	r.patient, _ = in.text("patient")
	r.code, _ = in.text("code")
	for name, value := range map[string]*time.Time{"start": &r.start, "end": &r.end} {
		if text, ok := in.text(name); ok {
			t, err := fhir.ParseDateTime(strings.ReplaceAll(text, " ", "+"))
			if err != nil {
				return fhir.Invalidf(fhir.CodeValue, "http."+name, "%s must be a date or time such as 2026-01-31T12:00:00Z", name)
			}
			*value = t.Low
		}
	}
	if r.points = in.number("max-points", 0); r.points > 0 && r.points < 4 {
		return fhir.Invalidf(fhir.CodeValue, "http.max-points", "max-points must be 4 at least")
	}
	switch method, _ := in.text("method"); method {
	case "", "min-max":
		r.reduce = (*waveform.Slice).MinMax
	case "lttb":
		r.reduce = (*waveform.Slice).LTTB
	default:
		return fhir.Invalidf(fhir.CodeValue, "http.method", "method must be min-max or lttb")
	}
	if x.interaction.level == instanceLevel {
		if r.patient != "" {
			return fhir.Invalidf(fhir.CodeInvalid, "http.patient", "the URL names the Observation already")
		}
	} else {
		for _, name := range []string{"patient", "code", "start", "end"} {
			if _, ok := in.text(name); !ok {
				return fhir.Invalidf(fhir.CodeRequired, "http."+name, "$waveform of a type needs the parameter %s", name)
			}
		}
	}
	if !r.end.IsZero() && !r.start.Before(r.end) {
		return fhir.Invalidf(fhir.CodeValue, "http.end", "end must be after start")
	}
	return nil
}

// signalOfInstance reads the one Observation. Without start and end all of it is the slice.
func (s *Server) signalOfInstance(x *exchange, r *waveformRequest) error {
	v, err := s.readable(x, x.key)
	if err != nil {
		return err
	}
	found, err := r.add(v)
	if err == nil && !found {
		err = refuse(http.StatusUnprocessableEntity, fhir.CodeProcessing, "", "%s has no SampledData of that code", x.key)
	}
	if err != nil {
		return err
	}
	if r.start.IsZero() {
		r.start = r.pieces[0].Start
	}
	if r.end.IsZero() {
		r.end = r.pieces[0].End()
	}
	return nil
}

// maxPieces is how many Observations one slice is made of at most.
const maxPieces = 20_000

// signalOfPatient reads Observations that begin before the end of the slice, the last one first.
func (s *Server) signalOfPatient(x *exchange, r *waveformRequest) error {
	criteria := []search.Pair{
		{Name: "patient", Value: r.patient}, {Name: "combo-code", Value: r.code}, {Name: "status:not", Value: "entered-in-error,cancelled"},
		{Name: "date", Value: "lt" + r.end.UTC().Format(time.RFC3339Nano)}, {Name: "_sort", Value: "-date"}, {Name: "_total", Value: "none"},
	}
	request, err := s.search.Parse("Observation", criteria, s.parseOptions(true))
	if err == nil {
		err = x.grant.Restrict(x.ctx, request.Query)
	}
	if err != nil {
		return err
	}
	for request.Query.Count = 100; ; {
		page, err := s.store.Search(x.ctx, request.Query)
		if err != nil {
			return err
		}
		for i := range page.Matches {
			found, err := r.add(&page.Matches[i])
			if err != nil {
				return err
			}
			if found && !r.pieces[len(r.pieces)-1].End().After(r.start) {
				return nil
			}
		}
		if len(r.pieces) > maxPieces {
			return fhir.Invalidf(fhir.CodeTooCostly, "http.start", "the slice is made of more than %d Observations; ask for less time", maxPieces)
		}
		if request.Query.Cursor = page.Next; page.Next == "" {
			return nil
		}
	}
}

// add takes the SampledData of an Observation over, if it has one of the code. The Observation that was added last is the earliest.
func (r *waveformRequest) add(v *store.Version) (bool, error) {
	res, err := fhir.ParseResource(v.JSON)
	if err != nil {
		return false, err
	}
	root := res.Root()
	holder := r.holderIn(root)
	data := holder.Get("valueSampledData")
	if !data.Ok() {
		return false, nil
	}
	start := search.EffectiveTime(root)
	if start.IsZero() {
		return false, nil
	}
	piece, err := readPiece(data)
	if err != nil {
		return false, refuse(http.StatusUnprocessableEntity, fhir.CodeProcessing, "", "the SampledData of Observation/%s cannot be read: %s", v.Key.ID, err.Error())
	}
	piece.Source, piece.Start = "Observation/"+v.Key.ID, start
	r.pieces = append(r.pieces, piece)
	r.holders = append(r.holders, signalHolder{root, holder})
	return true, nil
}

// holderIn is the Observation or the component that has SampledData of the code; without a code the first that has any.
func (r *waveformRequest) holderIn(root fhir.Node) fhir.Node {
	if root.Get("valueSampledData").Ok() && r.isSignal(root.Get("code")) {
		return root
	}
	for component := range root.Get("component").Children() {
		if component.Get("valueSampledData").Ok() && r.isSignal(component.Get("code")) {
			return component
		}
	}
	return fhir.Node{}
}

func (r *waveformRequest) isSignal(concept fhir.Node) bool {
	if r.code == "" {
		return true
	}
	want := coding{code: r.code}
	if system, code, ok := strings.Cut(r.code, "|"); ok {
		want = coding{system, code}
	}
	for node := range concept.Get("coding").Children() {
		if want.matches(codingOf(node)) {
			return true
		}
	}
	return false
}

// readPiece reads SampledData.
func readPiece(data fhir.Node) (p waveform.Piece, err error) {
	origin := data.Get("origin")
	p.Format = waveform.Format{Factor: fhir.NewDecimal(1, 0), Dimensions: 1, Lower: data.Get("lowerLimit").Text(), Upper: data.Get("upperLimit").Text()}
	p.Format.Unit = strings.Join([]string{origin.Get("system").Text(), origin.Get("code").Text(), origin.Get("unit").Text()}, "\x01")
	if p.Format.Period, err = fhir.ParseDecimal(data.Get("period").Text()); err != nil || p.Format.Period.Sign() <= 0 {
		return p, errors.New("its period is not a number above 0")
	}
	if text := origin.Get("value").Text(); text != "" {
		if p.Format.Origin, err = fhir.ParseDecimal(text); err != nil {
			return p, err
		}
	}
	if factor := data.Get("factor"); factor.Ok() {
		if p.Format.Factor, err = fhir.ParseDecimal(factor.Text()); err != nil {
			return p, err
		}
	}
	if dimensions := data.Get("dimensions"); dimensions.Ok() {
		if p.Format.Dimensions, err = strconv.Atoi(dimensions.Text()); err != nil || p.Format.Dimensions < 1 {
			return p, errors.New("its dimensions are not a whole number above 0")
		}
	}
	p.Samples, err = waveform.ReadSamples(data.Get("data").Text(), p.Format.Dimensions)
	return p, err
}

// appendObservation writes the answer: what the Observation of the first sample says of code, subject and device, and the slice.
func (r *waveformRequest) appendObservation(dst []byte, slice *waveform.Slice) []byte {
	lead := r.holders[slice.Lead]
	dst = append(dst, `{"resourceType":"Observation","status":"final"`...)
	for _, part := range []struct {
		name string
		node fhir.Node
	}{{"code", lead.part.Get("code")}, {"subject", lead.root.Get("subject")}, {"device", lead.root.Get("device")}} {
		if part.node.Ok() {
			dst = append(append(fhir.AppendQuoted(append(dst, ','), part.name), ':'), part.node.Raw()...)
		}
	}
	dst = append(dst, `,"effectivePeriod":{"start":"`...)
	dst = slice.Start.UTC().AppendFormat(dst, time.RFC3339Nano)
	dst = append(dst, `","end":"`...)
	dst = slice.End().UTC().AppendFormat(dst, time.RFC3339Nano)
	dst = append(dst, `"},"valueSampledData":`...)
	dst = appendSampledData(dst, lead.part.Get("valueSampledData"), slice)
	for i, source := range slice.Sources {
		if i == 0 {
			dst = append(dst, `,"derivedFrom":[`...)
		} else {
			dst = append(dst, ',')
		}
		dst = append(fhir.AppendQuoted(append(dst, `{"reference":`...), source), '}')
	}
	return append(dst, "]}"...)
}

// appendSampledData writes the slice. The origin keeps its text unless the samples were computed anew.
func appendSampledData(dst []byte, data fhir.Node, slice *waveform.Slice) []byte {
	origin := data.Get("origin")
	dst = append(dst, `{"origin":`...)
	if slice.Scaled {
		dst = append(dst, `{"value":0`...)
		for _, name := range []string{"unit", "system", "code"} {
			if part := origin.Get(name); part.Ok() {
				dst = append(append(fhir.AppendQuoted(append(dst, ','), name), ':'), part.Raw()...)
			}
		}
		dst = append(dst, '}')
	} else if origin.Ok() {
		dst = append(dst, origin.Raw()...)
	} else {
		dst = append(dst, `{"value":0}`...)
	}
	dst = append(append(dst, `,"period":`...), slice.Format.Period.String()...)
	if factor := data.Get("factor"); factor.Ok() && !slice.Scaled {
		dst = append(append(dst, `,"factor":`...), factor.Raw()...)
	}
	if slice.Format.Lower != "" {
		dst = append(append(dst, `,"lowerLimit":`...), slice.Format.Lower...)
	}
	if slice.Format.Upper != "" {
		dst = append(append(dst, `,"upperLimit":`...), slice.Format.Upper...)
	}
	dst = append(append(dst, `,"dimensions":`...), strconv.Itoa(slice.Format.Dimensions)...)
	dst = append(dst, `,"data":"`...)
	for i, sample := range slice.Samples {
		if i > 0 {
			dst = append(dst, ' ')
		}
		dst = append(dst, sample...)
	}
	return append(dst, `"}`...)
}
