package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/firth-health/firth/audit"
	"github.com/firth-health/firth/auth/smart/admin"
)

// auditPath is where the socket of a server answers firth audit. It is not on the network.
const auditPath = "/audit/"

// maxAuditRequest bounds what is sent: checkpoints of years, 400 bytes each.
const maxAuditRequest = 64 << 20

var errNoTrail = &admin.Error{Status: http.StatusConflict, Why: "this server keeps no audit trail: it runs with --audit off"}

// auditHandler answers firth audit for who may open the socket.
func auditHandler(work *auditWork) http.Handler {
	mux := http.NewServeMux()
	for name, handle := range map[string]func(context.Context, auditor, *json.Decoder, io.Writer) error{
		"verify": answerVerify, "export": answerExport, "checkpoint": answerCheckpoint, "prune": answerPrune,
	} {
		mux.HandleFunc("POST "+auditPath+name, func(w http.ResponseWriter, r *http.Request) {
			sent := &sentWriter{ResponseWriter: w}
			err := handle(r.Context(), work.of(r.Header.Get(userHeader)), json.NewDecoder(http.MaxBytesReader(w, r.Body, maxAuditRequest)), sent)
			switch {
			case err != nil && sent.begun:
				panic(http.ErrAbortHandler) // so that nobody takes a part for the whole
			case err != nil:
				refuseCommand(w, err)
			}
		})
	}
	return mux
}

// refuseCommand says why a command failed. Who asks has access to this machine, so that all is said.
func refuseCommand(w http.ResponseWriter, err error) {
	refused := &admin.Error{Status: http.StatusInternalServerError, Why: err.Error()}
	errors.As(err, &refused)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(refused.Status)
	_ = json.NewEncoder(w).Encode(refused) // who asked has gone
}

// sentWriter knows whether an answer has begun.
type sentWriter struct {
	http.ResponseWriter
	begun bool
}

func (w *sentWriter) Write(p []byte) (int, error) {
	w.begun = true
	return w.ResponseWriter.Write(p)
}

func answerVerify(ctx context.Context, a auditor, body *json.Decoder, w io.Writer) error {
	var opts audit.VerifyOptions
	if err := body.Decode(&opts); err != nil {
		return err
	}
	reports, err := a.verify(ctx, opts)
	if err != nil {
		return err
	}
	return json.NewEncoder(w).Encode(reports)
}

func answerExport(ctx context.Context, a auditor, body *json.Decoder, w io.Writer) error {
	var opts audit.ExportOptions
	if err := body.Decode(&opts); err != nil {
		return err
	}
	return a.export(ctx, opts, w)
}

func answerCheckpoint(ctx context.Context, a auditor, _ *json.Decoder, w io.Writer) error {
	list, err := a.checkpoint(ctx)
	if err != nil {
		return err
	}
	return json.NewEncoder(w).Encode(list)
}

func answerPrune(ctx context.Context, a auditor, body *json.Decoder, w io.Writer) error {
	var before time.Time
	if err := body.Decode(&before); err != nil {
		return err
	}
	removed, err := a.prune(ctx, before)
	if err != nil {
		return err
	}
	return json.NewEncoder(w).Encode(removed)
}

// remoteAuditor asks the server that has the store open.
type remoteAuditor struct{ http *http.Client }

// post sends a request; its answer is read and closed by the caller.
func (a remoteAuditor) post(ctx context.Context, name string, body any) (io.ReadCloser, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://localhost"+auditPath+name, bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	request.Header.Set(userHeader, machineUser())
	response, err := a.http.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode >= http.StatusBadRequest {
		data, err := io.ReadAll(response.Body)
		return nil, errors.Join(whyRefused(data), err, response.Body.Close())
	}
	return response.Body, nil
}

func (a remoteAuditor) ask(ctx context.Context, name string, body, into any) error {
	answer, err := a.post(ctx, name, body)
	if err != nil {
		return err
	}
	return errors.Join(json.NewDecoder(answer).Decode(into), answer.Close())
}

func (a remoteAuditor) verify(ctx context.Context, opts audit.VerifyOptions) (reports []audit.ChainReport, err error) {
	return reports, a.ask(ctx, "verify", opts, &reports)
}

func (a remoteAuditor) export(ctx context.Context, opts audit.ExportOptions, out io.Writer) error {
	answer, err := a.post(ctx, "export", opts)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, answer)
	return errors.Join(err, answer.Close())
}

func (a remoteAuditor) checkpoint(ctx context.Context) (list []audit.Checkpoint, err error) {
	return list, a.ask(ctx, "checkpoint", nil, &list)
}

func (a remoteAuditor) prune(ctx context.Context, before time.Time) (removed uint64, err error) {
	return removed, a.ask(ctx, "prune", before, &removed)
}
