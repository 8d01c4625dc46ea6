package transport

import "net/http"

// Headers adds what browsers need to be told to every answer: that a media type is what it says, that no page may frame it, that nothing but what an answer itself allows is loaded, that
// no cache keeps it (a browser would serve the next person, or one who may see less by now, what it has), and, over TLS, that the next visit has to be over TLS too. A handler that sets one of them wins.
func Headers(handler http.Handler, overTLS bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h["X-Content-Type-Options"] = []string{"nosniff"}
		h["X-Frame-Options"] = []string{"DENY"}
		h["Content-Security-Policy"] = []string{"default-src 'none'; frame-ancestors 'none'; sandbox"}
		h["Referrer-Policy"] = []string{"no-referrer"}
		h["Cross-Origin-Resource-Policy"] = []string{"cross-origin"} // CORS decides who reads
		h["Cache-Control"] = []string{"no-store"}
		if overTLS {
			h["Strict-Transport-Security"] = []string{"max-age=31536000"}
		}
		handler.ServeHTTP(w, r)
	})
}
