package smart

import (
	"errors"
	"net/http"
	"time"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/auth/smart/accounts"
	"github.com/firth-health/firth/auth/smart/clients"
	"github.com/firth-health/firth/auth/smart/events"
	"github.com/firth-health/firth/auth/smart/pages"
	"github.com/firth-health/firth/auth/smart/passwords"
	"github.com/firth-health/firth/auth/smart/tokens"
	"github.com/firth-health/firth/auth/smart/totp"
)

// appData is one app on the page of an account.
type appData struct {
	ID, Name, Used, Patient, Scope string
	Lasting                        bool
}

// accountData is what the page of an account shows.
type accountData struct {
	Name, Record string
	Apps         []appData
	OneTime      bool
}

// own says whether somebody is logged in; otherwise it leads to where one can.
func (v *visit) own() bool {
	if v.account != nil {
		return true
	}
	v.redirect(v.to("login", ""))
	return false
}

// showAccount shows a person which apps have access on their behalf, and how they sign in. It is the management endpoint of smart-configuration.
func (v *visit) showAccount() {
	if v.own() {
		v.accountPage(http.StatusOK, "", "")
	}
}

func (v *visit) accountPage(status int, problem, notice string) {
	ctx := v.r.Context()
	authorizations, err := v.s.tokens.Of(ctx, v.account.ID)
	if err != nil {
		v.s.failPage(v.w, v.r, err)
		return
	}
	account, err := v.s.accounts.Get(ctx, v.account.ID)
	if err != nil {
		v.s.failPage(v.w, v.r, err)
		return
	}
	data := accountData{Name: account.Login, Record: account.FHIRUser, OneTime: account.HasTOTP}
	for _, a := range authorizations {
		app := appData{ID: a.ID, Name: a.Client, Used: a.Used.Format(time.DateOnly), Patient: a.Context.Patient, Scope: a.Scope}
		if client, err := v.s.clients.Get(ctx, a.Client); err == nil {
			app.Name = client.Name
		} else if !errors.Is(err, clients.ErrUnknown) {
			v.s.failPage(v.w, v.r, err)
			return
		}
		if granted, err := v.s.o.ParseScopes.Parse(a.Scope); err == nil {
			app.Lasting = granted.Has(auth.OfflineAccess)
		}
		data.Apps = append(data.Apps, app)
	}
	v.page(status, pages.Account, pages.View{Title: "Your account", Problem: problem, Notice: notice, Wide: true, Data: data})
}

// revokeApp takes an app's access away.
func (v *visit) revokeApp() {
	if !v.own() {
		return
	}
	ctx, id := v.r.Context(), v.r.PostForm.Get("authorization")
	authorizations, err := v.s.tokens.Of(ctx, v.account.ID)
	if err != nil {
		v.s.failPage(v.w, v.r, err)
		return
	}
	for _, a := range authorizations {
		if a.ID != id {
			continue
		}
		if _, err := v.s.tokens.Revoke(ctx, id); err != nil {
			v.s.failPage(v.w, v.r, err)
			return
		}
		v.tellRevoked(&a)
		v.accountPage(http.StatusOK, "", "The app has no access any more.")
		return
	}
	v.accountPage(http.StatusOK, "", "The app had no access any more.")
}

func (v *visit) tellRevoked(a *tokens.Authorization) {
	e := v.s.event(v.r, events.TokenRevoked)
	e.Client, e.Account, e.Login, e.FHIRUser, e.Patient, e.Scope, e.Detail = a.Client, v.account.ID, v.account.Login, v.account.FHIRUser, a.Context.Patient, a.Scope, "by the person"
	v.s.tell(v.r.Context(), e)
}

// passwordData is what pages for setting a password show.
type passwordData struct {
	Login, Link string
	MinLength   int
}

// showWelcome shows who has a one-time link where to set a password. The link is not used up by looking.
func (v *visit) showWelcome() { v.welcomePage(v.r.URL.Query().Get("link"), http.StatusOK, "") }

func (v *visit) welcomePage(link string, status int, problem string) {
	account, err := v.s.accounts.LinkAccount(v.r.Context(), link)
	if errors.Is(err, accounts.ErrLink) || errors.Is(err, accounts.ErrUnknown) {
		v.message(http.StatusGone, "This link is not valid any more", "It was used, or is older than a day. Ask an administrator for another one.", "")
		return
	}
	if err != nil {
		v.s.failPage(v.w, v.r, err)
		return
	}
	v.account = nil // whoever else is logged in here
	v.page(status, pages.Welcome, pages.View{Title: "Welcome", Problem: problem, Data: passwordData{Login: account.Login, Link: link, MinLength: passwords.MinLength}})
}

// welcome sets the password of who has a one-time link, and logs them in.
func (v *visit) welcome() {
	link, password := v.r.PostForm.Get("link"), v.r.PostForm.Get("password")
	if password != v.r.PostForm.Get("again") {
		v.welcomePage(link, http.StatusBadRequest, "The two passwords are not the same.")
		return
	}
	account, err := v.s.accounts.UseLink(events.Acting(v.r.Context(), "one-time link"), link, password)
	switch {
	case isRule(err):
		v.welcomePage(link, http.StatusBadRequest, upperFirst(err.Error())+".")
	case errors.Is(err, accounts.ErrLink):
		v.welcomePage(link, http.StatusGone, "")
	case err != nil:
		v.s.failPage(v.w, v.r, err)
	default:
		e := v.s.event(v.r, events.Login)
		e.Login = account.Login
		v.enter(account, account.HasTOTP, "", e)
	}
}

// isRule says whether an error tells a person what is wrong with a new password.
func isRule(err error) bool {
	return errors.Is(err, passwords.ErrShort) || errors.Is(err, passwords.ErrLong) || errors.Is(err, passwords.ErrGuessable)
}

func upperFirst(text string) string { return string(text[0]-'a'+'A') + text[1:] }

// showPassword shows where to change one's password.
func (v *visit) showPassword() {
	if v.own() {
		v.passwordPage(http.StatusOK, "")
	}
}

func (v *visit) passwordPage(status int, problem string) {
	v.page(status, pages.Password, pages.View{Title: "Change your password", Problem: problem, Data: passwordData{Login: v.account.Login, MinLength: passwords.MinLength}})
}

// changePassword changes the password of who knows the current one. All other sessions end.
func (v *visit) changePassword() {
	if !v.own() {
		return
	}
	ctx, password := events.Acting(v.r.Context(), v.account.Login), v.r.PostForm.Get("password")
	if password != v.r.PostForm.Get("again") {
		v.passwordPage(http.StatusBadRequest, "The two new passwords are not the same.")
		return
	}
	e := v.s.event(v.r, events.Login)
	e.Login, e.Account = v.account.Login, v.account.ID
	if _, err := v.s.accounts.Authenticate(ctx, v.account.Login, v.r.PostForm.Get("current")); err != nil {
		v.s.loginFailed(v, e, err, func(status int, problem string) { v.passwordPage(status, problem) })
		return
	}
	err := v.s.accounts.SetPassword(ctx, v.account.ID, password)
	if isRule(err) {
		v.passwordPage(http.StatusBadRequest, upperFirst(err.Error())+".")
		return
	}
	if err != nil {
		v.s.failPage(v.w, v.r, err)
		return
	}
	v.enter(v.account, false, "", e)
}

// oneTimeData is what the page for turning on one-time codes shows.
type oneTimeData struct{ Secret, URI string }

// showOneTime shows the key for an authenticator app.
func (v *visit) showOneTime() {
	if v.withoutOneTime() {
		v.oneTimePage(http.StatusOK, "")
	}
}

// withoutOneTime says whether somebody is logged in who has no one-time codes: those of who has some are turned off first, which takes one.
func (v *visit) withoutOneTime() bool {
	if !v.own() {
		return false
	}
	if v.account.HasTOTP {
		v.redirect(v.to("account", ""))
	}
	return !v.account.HasTOTP
}

func (v *visit) oneTimePage(status int, problem string) {
	ctx := v.r.Context()
	secret, err := v.s.accounts.PendingTOTP(ctx, v.account.ID)
	if err == nil && secret == "" {
		secret, err = v.s.accounts.BeginTOTP(ctx, v.account.ID)
	}
	if err != nil {
		v.s.failPage(v.w, v.r, err)
		return
	}
	v.page(status, pages.OneTime, pages.View{Title: "One-time codes", Problem: problem, Data: oneTimeData{Secret: secret, URI: totp.URI(v.s.o.Name, v.account.Login, secret)}})
}

// oneTime turns one-time codes on for who shows one.
func (v *visit) oneTime() {
	if !v.withoutOneTime() {
		return
	}
	err := v.s.accounts.ConfirmTOTP(events.Acting(v.r.Context(), v.account.Login), v.account.ID, v.r.PostForm.Get("code"))
	switch {
	case errors.Is(err, accounts.ErrWrong):
		v.oneTimePage(http.StatusBadRequest, "That is not the code. Is the clock of the device right?")
	case err != nil:
		v.s.failPage(v.w, v.r, err)
	default:
		v.accountPage(http.StatusOK, "", "One-time codes are on: you will be asked for one when you sign in.")
	}
}

// oneTimeOff turns one-time codes off for who shows one: a browser that somebody left signed in is not enough.
func (v *visit) oneTimeOff() {
	if !v.own() {
		return
	}
	ctx := events.Acting(v.r.Context(), v.account.Login)
	if err := v.s.accounts.VerifyTOTP(ctx, v.account.ID, v.r.PostForm.Get("code")); err != nil {
		e := v.s.event(v.r, events.Login)
		e.Login, e.Account, e.Detail = v.account.Login, v.account.ID, "to turn one-time codes off"
		v.s.loginFailed(v, e, err, func(status int, problem string) { v.accountPage(status, problem, "") })
		return
	}
	if err := v.s.accounts.RemoveTOTP(ctx, v.account.ID); err != nil {
		v.s.failPage(v.w, v.r, err)
		return
	}
	v.accountPage(http.StatusOK, "", "One-time codes are off.")
}
