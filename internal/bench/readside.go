package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
)

// sampled is how many different answers the bare handler holds, and how many of the stored resources are read.
const sampled = 5000

// read is GET /fhir/Observation/[id].
func (r *run) read(ctx context.Context) (*Row, error) {
	row := r.row("read", "reads/s")
	step := max(1, r.Resources/sampled)
	targets := make([]string, 0, sampled)
	for i := 0; i < r.Resources && len(targets) < sampled; i += step {
		targets = append(targets, "/fhir/Observation/"+ObservationID(i))
	}
	return row, r.served(ctx, row, targets)
}

// search is the newest readings of one kind of a patient, with their total, as the first page of a search is.
func (r *run) search(ctx context.Context) (*Row, error) {
	row := r.row("search", "searches/s")
	return row, r.served(ctx, row, r.newest(""))
}

// page is the same without the total, as every other page is.
func (r *run) page(ctx context.Context) (*Row, error) {
	row := r.row("page", "pages/s")
	return row, r.served(ctx, row, r.newest("&_total=none"))
}

// newest are searches for the newest readings of one kind of a patient.
func (r *run) newest(more string) (targets []string) {
	for p := range min(Patients(r.Resources), sampled/8) {
		for _, m := range measures() {
			targets = append(targets, "/fhir/Observation?patient="+PatientID(p)+"&code=http://loinc.org%7C"+m.code+"&_sort=-date&_count=20"+more)
		}
	}
	return targets
}

// served measures GETs of the targets, then the engine's finds of the same, or the same answers from a handler that only holds them.
func (r *run) served(ctx context.Context, row *Row, targets []string) error {
	dir, err := r.fill(ctx)
	if err != nil {
		return err
	}
	answers := make(map[string]answer, len(targets))
	err = r.serve(ctx, dir, func(address string) error {
		if r.Finds == nil && !r.RatesOnly {
			if err := r.collect(ctx, address, targets, answers); err != nil {
				return err
			}
		}
		r.say("%d clients for %v", r.Clients, r.Duration)
		s, err := r.gets(ctx, address, targets)
		if err == nil {
			row.take(s, 1)
		}
		return err
	})
	if err != nil || r.RatesOnly {
		return err
	}
	r.say("its ceiling: %s", row.CeilingIs)
	if r.Finds != nil {
		row.Ceiling, err = r.Finds(ctx, dir, FindLoad{Clients: r.Clients, Duration: r.Duration, Targets: targets})
		return err
	}
	return bare(answers, func(address string) error {
		s, err := r.gets(ctx, address, targets)
		if err == nil {
			row.Ceiling = s.perSecond()
		}
		return err
	})
}

func (r *run) gets(ctx context.Context, address string, targets []string) (*sample, error) {
	return r.load(ctx, address, 200, func(dst []byte, _ int, random *rand.Rand) []byte {
		return appendRequest(dst, "GET", address, targets[random.IntN(len(targets))], "", nil)
	})
}

// answer is a response as the bare handler gives it.
type answer struct {
	header http.Header
	body   []byte
}

func (r *run) collect(ctx context.Context, address string, targets []string, into map[string]answer) error {
	for _, target := range targets {
		body, header, err := r.get(ctx, "http://"+address+target)
		if err != nil {
			return err
		}
		into[target] = answer{header, body}
	}
	return nil
}

// bare runs f against a plain net/http server that looks answers up by their target.
func bare(answers map[string]answer, f func(address string) error) (err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{ReadHeaderTimeout: patience, Handler: http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		a, found := answers[request.RequestURI]
		if !found {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		for name, values := range a.header {
			w.Header()[name] = values
		}
		w.Header()["Content-Length"] = []string{strconv.Itoa(len(a.body))}
		if _, err := w.Write(a.body); err != nil {
			return // the client is gone
		}
	})}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	defer func() {
		closeErr := server.Close()
		if serveErr := <-done; !errors.Is(serveErr, http.ErrServerClosed) {
			closeErr = errors.Join(closeErr, serveErr)
		}
		if err == nil {
			err = closeErr
		}
	}()
	return f(listener.Addr().String())
}

// get fetches one answer with net/http, headers included.
func (r *run) get(ctx context.Context, url string) ([]byte, http.Header, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err == nil && r.Authorization != nil {
		var value string
		value, err = r.Authorization(ctx)
		request.Header.Set("Authorization", value)
	}
	if err != nil {
		return nil, nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, nil, err
	}
	body, err := readAllAndClose(response)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s answered %d: %.300s", url, response.StatusCode, body)
	}
	header := response.Header
	header.Del("Date") // net/http sets it anew
	header.Del("Content-Length")
	return body, header, err
}
