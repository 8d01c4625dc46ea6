package admin

import (
	"net/http"
	"time"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/auth/smart/accounts"
)

// User is an account.
type User struct {
	Login         string        `json:"login"`
	Name          string        `json:"name,omitempty"`
	FHIRUser      string        `json:"fhirUser,omitempty"` // Practitioner/1
	Patients      []string      `json:"patients,omitempty"` // ids
	Roles         []auth.Coding `json:"roles,omitempty"`
	Scopes        string        `json:"scopes,omitempty"`
	Administrator bool          `json:"administrator,omitempty"`
	BreakGlass    bool          `json:"breakGlass,omitempty"` // emergency access
	Disabled      bool          `json:"disabled,omitempty"`

	// Set by the server.
	ID          string    `json:"id,omitempty"`
	HasPassword bool      `json:"hasPassword,omitempty"`
	HasTOTP     bool      `json:"hasOneTimeCodes,omitempty"`
	Created     time.Time `json:"created,omitzero"`
	Link        string    `json:"link,omitempty"` // to set the password, once, within a day; only in the answer that makes it
}

// UserChange has the members that are to change.
type UserChange struct {
	Name          *string        `json:"name,omitempty"`
	FHIRUser      *string        `json:"fhirUser,omitempty"`
	Patients      *[]string      `json:"patients,omitempty"`
	Roles         *[]auth.Coding `json:"roles,omitempty"`
	Scopes        *string        `json:"scopes,omitempty"`
	Administrator *bool          `json:"administrator,omitempty"`
	BreakGlass    *bool          `json:"breakGlass,omitempty"`
	Disabled      *bool          `json:"disabled,omitempty"`

	HasTOTP *bool `json:"hasOneTimeCodes,omitempty"` // false turns them off, for somebody who lost the device; true is for the person alone
}

// Link is an address at which a password is set.
type Link struct {
	Link string `json:"link"`
}

func userOf(a *accounts.Account) User {
	return User{Login: a.Login, Name: a.Name, FHIRUser: a.FHIRUser, Patients: a.Patients, Roles: a.Roles, Scopes: a.Scopes, Administrator: a.Administrator, BreakGlass: a.BreakGlass, Disabled: a.Disabled,
		ID: a.ID, HasPassword: a.HasPassword, HasTOTP: a.HasTOTP, Created: a.Created}
}

func (a *api) users(r *http.Request) (int, any, error) {
	all, err := a.o.Accounts.List(r.Context())
	if err != nil {
		return 0, nil, err
	}
	list := make([]User, 0, len(all))
	for _, one := range all {
		list = append(list, userOf(one))
	}
	return http.StatusOK, list, nil
}

func (a *api) addUser(r *http.Request) (int, any, error) {
	var u User
	if err := decode(r, &u); err != nil {
		return 0, nil, err
	}
	account, err := a.o.Accounts.Create(r.Context(), accounts.Account{Login: u.Login, Name: u.Name, FHIRUser: u.FHIRUser, Patients: u.Patients, Roles: u.Roles, Scopes: u.Scopes, Administrator: u.Administrator, BreakGlass: u.BreakGlass})
	if err != nil {
		return 0, nil, err
	}
	secret, err := a.o.Accounts.NewLink(r.Context(), account.ID)
	if err != nil {
		return 0, nil, err
	}
	made := userOf(account)
	made.Link = a.o.LinkURL(secret)
	return http.StatusCreated, made, nil
}

func (a *api) user(r *http.Request) (int, any, error) {
	account, err := a.o.Accounts.Find(r.Context(), r.PathValue("login"))
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, userOf(account), nil
}

func (a *api) changeUser(r *http.Request) (int, any, error) {
	var c UserChange
	if err := decode(r, &c); err != nil {
		return 0, nil, err
	}
	if c.HasTOTP != nil && *c.HasTOTP {
		return 0, nil, &Error{http.StatusBadRequest, "one-time codes are turned on by the person who has the device"}
	}
	what, err := changed(c)
	if err != nil {
		return 0, nil, err
	}
	account, err := a.o.Accounts.Find(r.Context(), r.PathValue("login"))
	if err != nil {
		return 0, nil, err
	}
	if c.HasTOTP != nil && account.HasTOTP {
		if err := a.o.Accounts.RemoveTOTP(r.Context(), account.ID); err != nil {
			return 0, nil, err
		}
	}
	account, err = a.o.Accounts.Change(r.Context(), account.ID, what, func(now *accounts.Account) {
		set(&now.Name, c.Name)
		set(&now.FHIRUser, c.FHIRUser)
		set(&now.Patients, c.Patients)
		set(&now.Roles, c.Roles)
		set(&now.Scopes, c.Scopes)
		set(&now.Administrator, c.Administrator)
		set(&now.BreakGlass, c.BreakGlass)
		set(&now.Disabled, c.Disabled)
	})
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, userOf(account), nil
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

func (a *api) link(r *http.Request) (int, any, error) {
	account, err := a.o.Accounts.Find(r.Context(), r.PathValue("login"))
	if err != nil {
		return 0, nil, err
	}
	secret, err := a.o.Accounts.NewLink(r.Context(), account.ID)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, Link{a.o.LinkURL(secret)}, nil
}
