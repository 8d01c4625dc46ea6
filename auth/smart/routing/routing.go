// Package routing answers the requests that no route is for in the form that the rest of a service has. [http.ServeMux] answers them with plain text.
//
// It owns nothing else; smart and admin, which know their forms, call it.
package routing

import "net/http"

// Otherwise is the handler of a mux that leaves to otherwise what no route is for: with status 404, or 405 and the Allow header set where other methods have a
// route.
func Otherwise(mux *http.ServeMux, otherwise func(w http.ResponseWriter, r *http.Request, status int)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		said := &head{header: http.Header{}}
		handler.ServeHTTP(said, r)
		if said.status == http.StatusMethodNotAllowed {
			w.Header().Set("Allow", said.header.Get("Allow"))
		} else {
			said.status = http.StatusNotFound
		}
		otherwise(w, r, said.status)
	})
}

// head keeps the status and the header of an answer.
type head struct {
	header http.Header
	status int
}

// Header implements [http.ResponseWriter].
func (h *head) Header() http.Header { return h.header }

// Write implements [http.ResponseWriter].
func (h *head) Write(p []byte) (int, error) { return len(p), nil }

// WriteHeader implements [http.ResponseWriter].
func (h *head) WriteHeader(status int) { h.status = status }
