package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/firth-health/firth/adapters"
	"github.com/firth-health/firth/adapters/hl7v2"
	"github.com/firth-health/firth/internal/config"
	"github.com/firth-health/firth/server"
)

// mllpAdapter takes the messages of the MLLP listener.
const mllpAdapter = "pcd01"

// mllpServer is the HL7 v2 listener.
type mllpServer struct {
	listener net.Listener
	server   *hl7v2.Server
}

// startMLLP listens; what ends the listener before stop does goes to failed.
func startMLLP(ctx context.Context, c config.Config, log *slog.Logger, listen listenFunc, s *server.Server, failed chan<- error) (*mllpServer, error) {
	listener, err := listen(ctx, c.MLLP)
	if err != nil {
		return nil, fmt.Errorf("mllp: %w", err)
	}
	receiver := &receiver{ingest: s.Ingest, prefix: strconv.FormatInt(time.Now().UnixMilli(), 36)}
	m := &mllpServer{listener: listener, server: &hl7v2.Server{
		Handler:     receiver.receive,
		MaxBytes:    int(min(c.MaxBody, 1<<30)),
		IdleTimeout: c.IdleTime,
		Logger:      log,
	}}
	go func() { failed <- fmt.Errorf("mllp: %w", m.server.Serve(listener)) }()
	return m, nil
}

func (m *mllpServer) address() string { return m.listener.Addr().String() }

// stop lets messages that are being handled be answered.
func (m *mllpServer) stop(ctx context.Context) error { return m.server.Shutdown(ctx) }

// receiver answers messages with what became of them.
type receiver struct {
	ingest func(ctx context.Context, adapter string, payload []byte, parameters map[string]string) (*adapters.Report, error)
	prefix string // of control ids, so that they do not repeat after a restart
	serial atomic.Uint64
}

// receive acknowledges a message with AA only when what it says is stored. AR says that it is not a kind of message taken here, AE that it could not be
// read or stored; the reason tells whether sending it again can help.
func (r *receiver) receive(ctx context.Context, message []byte) []byte {
	header := hl7v2.Header(message)
	code, text := r.verdict(ctx, header, message)
	return hl7v2.Ack(header, code, text, time.Now(), r.prefix+"-"+strconv.FormatUint(r.serial.Add(1), 36))
}

func (r *receiver) verdict(ctx context.Context, header *hl7v2.Message, message []byte) (hl7v2.AckCode, string) {
	if header == nil {
		return hl7v2.AckError, "not an HL7 v2 message: no MSH segment"
	}
	if code, trigger, _ := header.Type(); code != "" && (code != "ORU" || trigger != "R01") {
		return hl7v2.AckReject, "only ORU^R01 is taken here"
	}
	report, err := r.ingest(ctx, mllpAdapter, message, nil)
	if err != nil {
		return hl7v2.AckError, err.Error()
	}
	if report.Category() == adapters.NothingMapped {
		return hl7v2.AckError, "nothing stored: " + firstReason(report)
	}
	return hl7v2.AckAccept, summary(report)
}

// firstReason is why the first item was not stored.
func firstReason(report *adapters.Report) string {
	for _, line := range report.Quarantined {
		return line.Pointer + ": " + line.Reason
	}
	for _, line := range report.Unmapped {
		return line.Pointer + " is not mapped: " + line.What
	}
	return "nothing to store"
}

// summary is empty when all was stored, because silence is what senders expect of success.
func summary(report *adapters.Report) string {
	var parts []string
	for _, p := range []struct {
		n    int
		what string
	}{{len(report.Quarantined), "quarantined"}, {len(report.Unmapped), "unmapped"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "stored except " + strings.Join(parts, ", ")
}
