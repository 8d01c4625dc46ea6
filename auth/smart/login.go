package smart

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/firth-health/firth/auth/smart/accounts"
	"github.com/firth-health/firth/auth/smart/events"
	"github.com/firth-health/firth/auth/smart/pages"
	"github.com/firth-health/firth/auth/smart/passwords"
)

// loginData is what the page for logging in shows.
type loginData struct{ App, Name string }

// showLogin shows where to log in: on the way to an app, or to one's own account.
func (v *visit) showLogin() {
	app, _, ok := v.destination()
	if !ok {
		return
	}
	v.page(http.StatusOK, pages.Login, pages.View{Title: "Sign in", Data: loginData{App: app}})
}

// destination is what the person logs in for: the app's name and the request, or nothing for their own account.
func (v *visit) destination() (app, request string, ok bool) {
	if v.r.FormValue("request") == "" {
		return "", "", true
	}
	p := v.pendingRequest()
	if p == nil {
		return "", "", false
	}
	return p.client.Name, p.secret, true
}

// login takes a name and a password.
func (v *visit) login() {
	app, request, ok := v.destination()
	if !ok {
		return
	}
	ctx, name := v.r.Context(), v.r.PostForm.Get("name")
	again := func(status int, problem string) {
		v.page(status, pages.Login, pages.View{Title: "Sign in", Problem: problem, Data: loginData{App: app, Name: name}})
	}
	e := v.s.event(v.r, events.Login)
	e.Login = name[:min(len(name), 64)]
	if !v.s.logins.allow(e.Remote) {
		e.Type, e.Failed, e.Detail = events.LoginLocked, true, "too many from this address"
		v.s.tell(ctx, e)
		again(http.StatusTooManyRequests, "There were too many attempts. Please wait a minute.")
		return
	}
	account, err := v.s.accounts.Authenticate(ctx, name, v.r.PostForm.Get("password"))
	if err != nil {
		v.s.loginFailed(v, e, err, again)
		return
	}
	v.enter(account, account.HasTOTP, request, e)
}

// loginFailed tells the person, and the audit trail, why somebody is not let in.
func (s *Server) loginFailed(v *visit, e events.Event, err error, again func(int, string)) {
	var locked *accounts.LockedError
	e.Failed = true
	switch {
	case errors.As(err, &locked):
		e.Type = events.LoginLocked
		wait := max(locked.Until.Sub(s.o.Clock()).Round(time.Second), time.Second)
		v.w.Header().Set("Retry-After", fmt.Sprint(int(wait.Seconds())))
		s.tell(v.r.Context(), e)
		again(http.StatusTooManyRequests, "There were too many failures. Please wait "+inWords(wait)+", then try again.")
	case errors.Is(err, accounts.ErrWrong), errors.Is(err, accounts.ErrUnknown):
		e.Type = events.LoginFailed
		s.tell(v.r.Context(), e)
		again(http.StatusUnauthorized, "That is not right. Please try again.")
	case errors.Is(err, passwords.ErrBusy):
		again(http.StatusServiceUnavailable, "Many people are signing in at this moment. Please try again.")
	default:
		s.failPage(v.w, v.r, err)
	}
}

func inWords(d time.Duration) string {
	if d < 2*time.Minute {
		return fmt.Sprintf("%d seconds", int(d.Seconds()))
	}
	return fmt.Sprintf("%d minutes", int((d+time.Minute-1)/time.Minute))
}

// enter gives the browser a session, a new one whatever it had, and leads on.
func (v *visit) enter(account *accounts.Account, half bool, request string, e events.Event) {
	ctx := v.r.Context()
	if err := v.s.sessions.End(ctx, v.secret); err != nil {
		v.s.failPage(v.w, v.r, err)
		return
	}
	secret, err := v.s.sessions.Begin(ctx, account.ID, half)
	if err != nil {
		v.s.failPage(v.w, v.r, err)
		return
	}
	v.s.setCookie(v.w, sessionCookie, secret)
	if half {
		v.redirect(v.to("code", request))
		return
	}
	e.Account, e.FHIRUser = account.ID, account.FHIRUser
	v.s.tell(ctx, e)
	if request == "" {
		v.redirect(v.to("account", ""))
		return
	}
	v.redirect(v.to("continue", request))
}

// half says whether somebody gave the password and owes the code, and for which request; otherwise it leads to where one logs in.
func (v *visit) half() (request string, ok bool) {
	_, request, ok = v.destination()
	if !ok {
		return "", false
	}
	if v.session == nil || !v.session.Pending {
		v.redirect(v.to("login", request))
		return "", false
	}
	return request, true
}

// showCode asks for the one-time code.
func (v *visit) showCode() {
	if _, ok := v.half(); ok {
		v.page(http.StatusOK, pages.Code, pages.View{Title: "One-time code"})
	}
}

// code takes the one-time code of somebody who gave the password.
func (v *visit) code() {
	request, ok := v.half()
	if !ok {
		return
	}
	ctx := v.r.Context()
	e := v.s.event(v.r, events.Login)
	e.Account = v.session.Account
	account, err := v.s.accounts.Get(ctx, v.session.Account)
	if err == nil {
		e.Login = account.Login
		err = v.s.accounts.VerifyTOTP(ctx, account.ID, v.r.PostForm.Get("code"))
	}
	if err != nil {
		v.s.loginFailed(v, e, err, func(status int, problem string) {
			v.page(status, pages.Code, pages.View{Title: "One-time code", Problem: problem})
		})
		return
	}
	v.enter(account, false, request, e)
}

// logout ends the session; online access of apps ends with it.
func (v *visit) logout() {
	if err := v.s.sessions.End(v.r.Context(), v.secret); err != nil {
		v.s.failPage(v.w, v.r, err)
		return
	}
	if v.account != nil {
		e := v.s.event(v.r, events.Logout)
		e.Account, e.Login, e.FHIRUser = v.account.ID, v.account.Login, v.account.FHIRUser
		v.s.tell(v.r.Context(), e)
	}
	v.s.setCookie(v.w, sessionCookie, "")
	v.account = nil
	if request := v.r.PostForm.Get("request"); request != "" {
		v.redirect(v.to("login", request))
		return
	}
	v.page(http.StatusOK, pages.Message, pages.View{Title: "Signed out", Data: messageData{Text: "You are signed out of this browser.", Link: v.s.path("/auth/account"), Label: "Sign in again"}})
}
