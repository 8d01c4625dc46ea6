package admin

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/firth-health/firth/auth/smart/accounts"
	"github.com/firth-health/firth/auth/smart/clients"
	"github.com/firth-health/firth/auth/smart/events"
	"github.com/firth-health/firth/auth/smart/routing"
)

// Options of [New]. All are required.
type Options struct {
	Accounts *accounts.Accounts
	Clients  *clients.Clients
	LinkURL  func(secret string) string // address at which a link of an account is used

	// Actor says who is asking, for the audit trail, or why that is not allowed: an *[Error].
	Actor func(r *http.Request) (string, error)
}

// Error is an answer that says why nothing was done.
type Error struct {
	Status int    `json:"-"`
	Why    string `json:"error"`
}

func (e *Error) Error() string { return e.Why }

// maxBody bounds requests, in bytes.
const maxBody = 256 << 10

// New returns the handler of the API:
//
//	GET  /users            all accounts          GET  /clients             all clients
//	POST /users            make one: [User]      POST /clients             make one: [Client]
//	GET  /users/{login}    one                   GET  /clients/{id}        one
//	PATCH /users/{login}   members to change     PATCH /clients/{id}       members to change
//	POST /users/{login}/link   a [Link]          POST /clients/{id}/secret a new secret
//	                                             DELETE /clients/{id}
//
// Accounts are disabled and never deleted, because the audit trail names them.
func New(o Options) http.Handler {
	a := &api{o}
	mux := http.NewServeMux()
	for pattern, handle := range map[string]func(*http.Request) (int, any, error){
		"GET /users":                a.users,
		"POST /users":               a.addUser,
		"GET /users/{login}":        a.user,
		"PATCH /users/{login}":      a.changeUser,
		"POST /users/{login}/link":  a.link,
		"GET /clients":              a.clients,
		"POST /clients":             a.addClient,
		"GET /clients/{id}":         a.client,
		"PATCH /clients/{id}":       a.changeClient,
		"POST /clients/{id}/secret": a.secret,
		"DELETE /clients/{id}":      a.deleteClient,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { a.answer(w, r, handle) })
	}
	return routing.Otherwise(mux, a.unrouted)
}

// unrouted answers what is not in the table of [New].
func (a *api) unrouted(w http.ResponseWriter, r *http.Request, status int) {
	why := "there is nothing at this address of the API"
	if status == http.StatusMethodNotAllowed {
		why = r.Method + " cannot be done here; allowed: " + w.Header().Get("Allow")
	}
	send(w, status, &Error{status, why})
}

type api struct{ o Options }

// answer performs a request on behalf of who asks.
func (a *api) answer(w http.ResponseWriter, r *http.Request, handle func(*http.Request) (int, any, error)) {
	actor, err := a.o.Actor(r)
	var status int
	var body any
	if err == nil {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		status, body, err = handle(r.WithContext(events.Acting(r.Context(), actor)))
	}
	if err != nil {
		refused := refusal(err)
		status, body = refused.Status, refused
	}
	send(w, status, body)
}

// send sends JSON that nobody may keep.
func send(w http.ResponseWriter, status int, body any) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	data, err := json.Marshal(body)
	if err != nil {
		status, data = http.StatusInternalServerError, []byte(`{"error":"internal error"}`)
	}
	w.WriteHeader(status)
	if status != http.StatusNoContent {
		_, _ = w.Write(append(data, '\n')) // who asked has gone
	}
}

// refusal is what is said about an error. What nobody foresaw is not told.
func refusal(err error) *Error {
	var said *Error
	switch {
	case errors.As(err, &said):
		return said
	case errors.Is(err, accounts.ErrUnknown), errors.Is(err, clients.ErrUnknown):
		return &Error{http.StatusNotFound, err.Error()}
	case errors.Is(err, accounts.ErrExists), errors.Is(err, clients.ErrExists):
		return &Error{http.StatusConflict, err.Error()}
	case errors.Is(err, accounts.ErrInvalid), errors.Is(err, clients.ErrInvalid):
		return &Error{http.StatusBadRequest, strings.ReplaceAll(err.Error(), "\n", ": ")}
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return &Error{http.StatusServiceUnavailable, "it took too long"}
	}
	return &Error{http.StatusInternalServerError, "internal error"}
}

// changed says for the audit trail which members are to change, and not to what.
func changed(change any) (string, error) {
	data, err := json.Marshal(change)
	if err != nil {
		return "", err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return "", err
	}
	names := slices.Sorted(maps.Keys(members))
	return strings.TrimSuffix("changed: "+strings.Join(names, ", "), ": "), nil
}

// decode reads the body of a request, in which each member must be known.
func decode(r *http.Request, into any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return &Error{http.StatusBadRequest, "the body: " + err.Error()}
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return &Error{http.StatusBadRequest, "the body: more than one JSON value"}
	}
	return nil
}
