package smart

import (
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/firth-health/firth/auth/smart/accounts"
	"github.com/firth-health/firth/auth/smart/pages"
	"github.com/firth-health/firth/auth/smart/secrets"
	"github.com/firth-health/firth/auth/smart/sessions"
)

// visit is one page asked for, or one form sent, by a browser.
type visit struct {
	s       *Server
	w       http.ResponseWriter
	r       *http.Request
	browser string // random, of a cookie that every browser gets
	session *sessions.Session
	account *accounts.Account // nil: nobody is logged in
	secret  string            // of the session
	pending *pending          // the request that the page is about; nil for none
}

const (
	browserCookie = "firth_browser"
	sessionCookie = "firth_session"
)

// cookieName has the prefix by which browsers make sure that no other host and no plain connection sets a cookie (RFC 6265bis section 4.1.3).
func (s *Server) cookieName(name string) string {
	if s.secure() {
		return "__Host-" + name
	}
	return name
}

func (s *Server) secure() bool { return strings.HasPrefix(s.issuer, "https:") }

// setCookie sets a cookie for as long as the browser runs; an empty value deletes it. Lax, because apps lead browsers here from their own sites.
func (s *Server) setCookie(w http.ResponseWriter, name, value string) {
	c := &http.Cookie{Name: s.cookieName(name), Value: value, Path: "/", HttpOnly: true, Secure: s.secure(), SameSite: http.SameSiteLaxMode}
	if value == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// begin finds out which browser it is and who is logged in.
func (s *Server) begin(w http.ResponseWriter, r *http.Request) (*visit, error) {
	v := &visit{s: s, w: w, r: r}
	if c, err := r.Cookie(s.cookieName(browserCookie)); err == nil && len(c.Value) == len(secrets.Random()) {
		v.browser = c.Value
	} else {
		v.browser = secrets.Random()
		s.setCookie(w, browserCookie, v.browser)
	}
	c, err := r.Cookie(s.cookieName(sessionCookie))
	if err != nil {
		return v, nil
	}
	session, account, err := s.sessions.Get(r.Context(), c.Value)
	if errors.Is(err, sessions.ErrNone) {
		return v, nil
	}
	if err != nil {
		return nil, err
	}
	v.session, v.secret = session, c.Value
	if !session.Pending {
		v.account = account
	}
	return v, nil
}

// csrf goes into every form. It is worth nothing without the browser's cookie, which scripts and other sites cannot read.
func (v *visit) csrf() string { return secrets.Hash("form " + v.browser) }

// visited serves a page.
func (s *Server) visited(show func(*visit)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, err := s.begin(w, r)
		if err != nil {
			s.failPage(w, r, err)
			return
		}
		show(v)
	})
}

// submitted takes a form of a page of this server that this browser was given.
func (s *Server) submitted(do func(*visit)) http.Handler {
	var origins http.CrossOriginProtection
	if u, err := url.Parse(s.issuer); err == nil {
		if err := origins.AddTrustedOrigin(u.Scheme + "://" + u.Host); err != nil {
			s.o.Logger.Warn("authorization server: forms are taken by Host header only", "error", err)
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, err := s.begin(w, r)
		if err == nil {
			err = r.ParseForm()
		}
		if err != nil {
			s.failPage(w, r, err)
			return
		}
		if origins.Check(r) != nil || subtle.ConstantTimeCompare([]byte(r.PostForm.Get("csrf")), []byte(v.csrf())) != 1 {
			v.message(http.StatusForbidden, "Please try again", "This form was not sent from a page that this browser has open, or cookies are turned off.", "")
			return
		}
		do(v)
	})
}

// page sends a page.
func (v *visit) page(status int, name pages.Name, view pages.View) {
	view.CSRF = v.csrf()
	if v.account != nil {
		view.Account = v.account.Name
	}
	if v.pending != nil { // a form of any page on the way may end with an answer for the app
		view.Request, view.FormTarget = v.pending.secret, formTarget(v.pending.RedirectURI)
	}
	v.s.page(v.w, v.r, status, name, view)
}

func (s *Server) page(w http.ResponseWriter, r *http.Request, status int, name pages.Name, view pages.View) {
	if err := s.pages.Write(w, status, name, view); err != nil {
		s.o.Logger.ErrorContext(r.Context(), "authorization server", "path", r.URL.Path, "error", err)
	}
}

// messageData is what a page of words shows.
type messageData struct{ Text, Detail, Link, Label string }

// message sends a page of words.
func (v *visit) message(status int, title, text, detail string) {
	v.page(status, pages.Message, pages.View{Title: title, Data: messageData{Text: text, Detail: detail}})
}

// failPage tells a person of an error.
func (s *Server) failPage(w http.ResponseWriter, r *http.Request, err error) {
	known := asRefusal(err)
	s.log(r, known, err)
	title, text := "This cannot be done", "The request cannot be read: "+known.Description+"."
	switch known.status {
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		title, text = "Busy", "Please try again in a moment."
	case http.StatusInternalServerError:
		title, text = "Something went wrong", "That is not your fault. Please try again later."
	}
	s.page(w, r, known.status, pages.Message, pages.View{Title: title, Data: messageData{Text: text}})
}

// redirect leads the browser on, with GET whatever it came with.
func (v *visit) redirect(target string) {
	v.w.Header().Set("Cache-Control", "no-store")
	v.w.Header().Set("Location", target)
	v.w.WriteHeader(http.StatusSeeOther)
}

// to is the path of a page in the middle of a request.
func (v *visit) to(endpoint, request string) string {
	target := v.s.path("/auth/" + endpoint)
	if request != "" {
		target += "?request=" + url.QueryEscape(request)
	}
	return target
}
