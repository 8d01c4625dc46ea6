package server

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// What scripts of other origins may send and read (fetch.spec.whatwg.org#http-cors-protocol). Authorization is named because * would leave it out. There
// are no cookies, so no answer allows credentials.
const (
	corsMethods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
	corsRequest = "Accept, Authorization, Content-Type, Content-Encoding, If-Match, If-Modified-Since, If-None-Exist, If-None-Match, Prefer, X-Provenance, X-Request-Id, X-Security-Context"
	corsExposed = "Allow, Content-Location, ETag, Last-Modified, Link, Location, Retry-After, WWW-Authenticate, X-Progress, X-Request-Id, X-Security-Context"
	corsMaxAge  = "7200" // seconds; browsers keep it no longer
)

// LoopbackOrigins among Config.Origins stands for every origin on this machine, whatever its port: http://localhost:3000, http://127.0.0.1.
const LoopbackOrigins = "loopback"

// origins are those whose scripts may use the service. An empty list without more allows all.
type origins struct {
	list []string
	more func(ctx context.Context, origin string) bool // nil: no more
}

func (o origins) allow(ctx context.Context, origin string) bool {
	return slices.Contains(o.list, origin) || slices.Contains(o.list, LoopbackOrigins) && isLoopbackOrigin(origin) || o.more != nil && o.more(ctx, origin)
}

func isLoopbackOrigin(origin string) bool {
	u, err := url.Parse(origin)
	return err == nil && isLoopbackHost(u.Hostname())
}

// cors answers a preflight, and says in other answers to whom they may be shown. It reports whether the request is answered. The CapabilityStatement
// is for everybody (hl7.org/fhir/smart-app-launch: CORS).
func (o origins) cors(w http.ResponseWriter, r *http.Request) (answered bool) {
	path, isFHIR := strings.CutPrefix(r.URL.Path, Mount)
	if !isFHIR || path != "" && path[0] != '/' {
		return false
	}
	h := w.Header()
	restricted := (len(o.list) > 0 || o.more != nil) && path != "/metadata"
	if restricted {
		vary(h, "Origin")
	}
	origin := first(r.Header, "Origin")
	if origin == "" {
		return false
	}
	isPreflight := r.Method == http.MethodOptions && first(r.Header, "Access-Control-Request-Method") != ""
	switch {
	case !restricted:
		h["Access-Control-Allow-Origin"] = []string{"*"}
	case o.allow(r.Context(), origin):
		h["Access-Control-Allow-Origin"] = []string{origin}
	case isPreflight:
		w.WriteHeader(http.StatusNoContent) // without the header the browser refuses
		return true
	default:
		return false
	}
	if !isPreflight {
		h["Access-Control-Expose-Headers"] = []string{corsExposed}
		return false
	}
	h["Access-Control-Allow-Methods"] = []string{corsMethods}
	h["Access-Control-Allow-Headers"] = []string{corsRequest}
	h["Access-Control-Max-Age"] = []string{corsMaxAge}
	w.WriteHeader(http.StatusNoContent)
	return true
}
