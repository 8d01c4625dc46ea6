package smart

import (
	"net/http"
	"slices"
	"strings"

	"github.com/firth-health/firth/auth/smart/pages"
	"github.com/firth-health/firth/auth/smart/routing"
)

// maxBody bounds the bodies that are read, in bytes.
const maxBody = 256 << 10

// routes says which handler answers what.
func (s *Server) routes() *http.ServeMux {
	mux := http.NewServeMux()
	for _, at := range s.bases() {
		mux.Handle("GET "+at+"/.well-known/smart-configuration", public(s.smartConfiguration))
		mux.Handle("GET "+at+"/.well-known/openid-configuration", public(s.openIDConfiguration))
		mux.Handle("OPTIONS "+at+"/.well-known/smart-configuration", public(preflight))
		mux.Handle("OPTIONS "+at+"/.well-known/openid-configuration", public(preflight))
	}
	for at, handler := range map[string]http.HandlerFunc{"jwks": s.jwks, "style.json": s.style, "brands.json": s.brandBundle} {
		mux.Handle("GET /auth/"+at, public(handler))
		mux.Handle("OPTIONS /auth/"+at, public(preflight))
	}
	for at, handler := range map[string]http.HandlerFunc{"token": s.token, "introspect": s.introspect, "revoke": s.revoke, "register": s.register, "launch": s.launch} {
		mux.Handle("POST /auth/"+at, s.shared(handler))
		mux.Handle("OPTIONS /auth/"+at, s.shared(preflight))
	}
	mux.HandleFunc("GET /auth/authorize", s.authorize)
	mux.HandleFunc("POST /auth/authorize", s.authorize)
	mux.HandleFunc("GET /auth/pages.css", s.pages.Style)
	for at, page := range map[string]struct{ show, do func(*visit) }{
		"continue":             {show: (*visit).proceed},
		"login":                {show: (*visit).showLogin, do: (*visit).login},
		"code":                 {show: (*visit).showCode, do: (*visit).code},
		"emergency":            {show: (*visit).showEmergency, do: (*visit).emergency},
		"patient":              {show: (*visit).showPatients, do: (*visit).choosePatient},
		"consent":              {show: (*visit).showConsent, do: (*visit).consent},
		"welcome":              {show: (*visit).showWelcome, do: (*visit).welcome},
		"logout":               {do: (*visit).logout},
		"account":              {show: (*visit).showAccount},
		"account/revoke":       {do: (*visit).revokeApp},
		"account/password":     {show: (*visit).showPassword, do: (*visit).changePassword},
		"account/one-time":     {show: (*visit).showOneTime, do: (*visit).oneTime},
		"account/one-time-off": {do: (*visit).oneTimeOff},
	} {
		if page.show != nil {
			mux.Handle("GET /auth/"+at, s.visited(page.show))
		}
		if page.do != nil {
			mux.Handle("POST /auth/"+at, s.submitted(page.do))
		}
	}
	return mux
}

// unrouted answers what no route is for: a browser with a page, programs as OAuth's endpoints answer.
func (s *Server) unrouted(w http.ResponseWriter, r *http.Request, status int) {
	title, text := "Nothing here", "There is no page at this address."
	known := &refusal{Code: invalidRequest, Description: "there is nothing at this address; /.well-known/smart-configuration names the endpoints", status: status}
	if status == http.StatusMethodNotAllowed {
		title, text = "This cannot be done", "This page cannot be asked for like that."
		known.Description = r.Method + " cannot be done here; allowed: " + w.Header().Get("Allow")
	}
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		s.page(w, r, status, pages.Message, pages.View{Title: title, Data: messageData{Text: text, Link: s.path("/auth/account"), Label: "Your account"}})
		return
	}
	s.answer(w, r, status, known)
}

// bases are the paths below which the documents of a FHIR base are: the root, the path that the server has for it, and that which clients know.
func (s *Server) bases() []string {
	list := []string{"", "/fhir", strings.TrimPrefix(s.o.BaseURL, s.issuer)}
	slices.Sort(list)
	return slices.Compact(list)
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'")
	if r.Body != nil {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	}
	routing.Otherwise(s.mux, s.unrouted).ServeHTTP(w, r)
}

// Serves says whether a path is one of the authorization server's: for whoever mounts it beside the FHIR base.
func (s *Server) Serves(path string) bool {
	for _, at := range s.bases() {
		if path == at+"/.well-known/smart-configuration" || path == at+"/.well-known/openid-configuration" {
			return true
		}
	}
	return strings.HasPrefix(path, "/auth/")
}
