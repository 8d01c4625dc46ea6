package admin

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/firth-health/firth/auth/keys"
	"github.com/firth-health/firth/auth/smart/clients"
)

// Client is an app or a service.
type Client struct {
	ID           string          `json:"id,omitempty"` // client_id; empty: one is made
	Name         string          `json:"name"`
	Type         clients.Type    `json:"type"`
	RedirectURIs []string        `json:"redirectUris,omitempty"`
	LaunchURI    string          `json:"launchUri,omitempty"`
	Origins      []string        `json:"origins,omitempty"`
	Scopes       string          `json:"scopes,omitempty"`
	JWKS         json.RawMessage `json:"jwks,omitempty"`
	JWKSURL      string          `json:"jwksUrl,omitempty"`
	Website      string          `json:"website,omitempty"`
	Contacts     []string        `json:"contacts,omitempty"`
	Disabled     bool            `json:"disabled,omitempty"`

	// Of the type certificate: one of the first three.
	Certificates       []string `json:"certificates,omitempty"` // sent: PEM or thumbprint (x5t#S256); answered: thumbprints
	CertificateSubject string   `json:"certificateSubject,omitempty"`
	CertificateName    string   `json:"certificateName,omitempty"` // dns:, uri:, ip: or email:
	IngestWithoutToken bool     `json:"ingestWithoutToken,omitempty"`

	// Set by the server.
	Dynamic bool      `json:"dynamic,omitempty"`
	Created time.Time `json:"created,omitzero"`
	Secret  string    `json:"secret,omitempty"` // only in the answer that makes it
}

// ClientChange has the members that are to change. Of what a client proves itself by, the one that is given takes the place of another.
type ClientChange struct {
	Name         *string          `json:"name,omitempty"`
	RedirectURIs *[]string        `json:"redirectUris,omitempty"`
	LaunchURI    *string          `json:"launchUri,omitempty"`
	Origins      *[]string        `json:"origins,omitempty"`
	Scopes       *string          `json:"scopes,omitempty"`
	JWKS         *json.RawMessage `json:"jwks,omitempty"`
	JWKSURL      *string          `json:"jwksUrl,omitempty"`
	Website      *string          `json:"website,omitempty"`
	Contacts     *[]string        `json:"contacts,omitempty"`
	Disabled     *bool            `json:"disabled,omitempty"`

	Certificates       *[]string `json:"certificates,omitempty"`
	CertificateSubject *string   `json:"certificateSubject,omitempty"`
	CertificateName    *string   `json:"certificateName,omitempty"`
	IngestWithoutToken *bool     `json:"ingestWithoutToken,omitempty"`
}

// Secret is a new secret of a client.
type Secret struct {
	Secret string `json:"secret"`
}

func clientOf(c *clients.Client) Client {
	return Client{ID: c.ID, Name: c.Name, Type: c.Type, RedirectURIs: c.RedirectURIs, LaunchURI: c.LaunchURI, Origins: c.Origins, Scopes: c.Scopes, JWKS: c.JWKS, JWKSURL: c.JWKSURL,
		Website: c.Website, Contacts: c.Contacts, Disabled: c.Disabled, Dynamic: c.Dynamic, Created: c.Created,
		Certificates: c.Shows.Thumbprints, CertificateSubject: c.Shows.Subject, CertificateName: c.Shows.Name, IngestWithoutToken: c.Shows.Ingest}
}

// thumbprints are those of certificates that are given as PEM, or as their thumbprints. *Error.
func thumbprints(given []string) ([]string, error) {
	var list []string
	for _, one := range given {
		if !keys.IsThumbprint(one) {
			cert, err := keys.ParseCertificate([]byte(one))
			if err != nil {
				return nil, &Error{http.StatusBadRequest, "certificates: " + err.Error() + ", or its thumbprint"}
			}
			one = keys.Thumbprint(cert)
		}
		list = append(list, one)
	}
	return list, nil
}

// displace removes what a client proved itself by when something else takes its place.
func (c *ClientChange) displace() {
	var noKeys json.RawMessage
	var none []string
	var empty string
	keys, keysURL := c.JWKS != nil, c.JWKSURL != nil && *c.JWKSURL != ""
	if keys && c.JWKSURL == nil {
		c.JWKSURL = &empty
	}
	if keysURL && c.JWKS == nil {
		c.JWKS = &noKeys
	}
	certificates, subject, name := c.Certificates != nil && len(*c.Certificates) > 0, c.CertificateSubject != nil && *c.CertificateSubject != "", c.CertificateName != nil && *c.CertificateName != ""
	if c.Certificates == nil && (subject || name) {
		c.Certificates = &none
	}
	if c.CertificateSubject == nil && (certificates || name) {
		c.CertificateSubject = &empty
	}
	if c.CertificateName == nil && (certificates || subject) {
		c.CertificateName = &empty
	}
}

func (a *api) clients(r *http.Request) (int, any, error) {
	all, err := a.o.Clients.List(r.Context())
	if err != nil {
		return 0, nil, err
	}
	list := make([]Client, 0, len(all))
	for _, one := range all {
		list = append(list, clientOf(one))
	}
	return http.StatusOK, list, nil
}

func (a *api) addClient(r *http.Request) (int, any, error) {
	var c Client
	if err := decode(r, &c); err != nil {
		return 0, nil, err
	}
	shown, err := thumbprints(c.Certificates)
	if err != nil {
		return 0, nil, err
	}
	created, secret, err := a.o.Clients.Create(r.Context(), clients.Client{ID: c.ID, Name: c.Name, Type: c.Type, RedirectURIs: c.RedirectURIs, LaunchURI: c.LaunchURI, Origins: c.Origins, Scopes: c.Scopes,
		JWKS: c.JWKS, JWKSURL: c.JWKSURL, Website: c.Website, Contacts: c.Contacts,
		Shows: clients.Shown{Thumbprints: shown, Subject: c.CertificateSubject, Name: c.CertificateName, Ingest: c.IngestWithoutToken}})
	if err != nil {
		return 0, nil, err
	}
	made := clientOf(created)
	made.Secret = secret
	return http.StatusCreated, made, nil
}

func (a *api) client(r *http.Request) (int, any, error) {
	c, err := a.o.Clients.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, clientOf(c), nil
}

func (a *api) changeClient(r *http.Request) (int, any, error) {
	var change ClientChange
	if err := decode(r, &change); err != nil {
		return 0, nil, err
	}
	what, err := changed(change)
	if err != nil {
		return 0, nil, err
	}
	if change.Certificates != nil {
		shown, err := thumbprints(*change.Certificates)
		if err != nil {
			return 0, nil, err
		}
		change.Certificates = &shown
	}
	change.displace()
	c, err := a.o.Clients.Change(r.Context(), r.PathValue("id"), what, func(now *clients.Client) {
		set(&now.Name, change.Name)
		set(&now.RedirectURIs, change.RedirectURIs)
		set(&now.LaunchURI, change.LaunchURI)
		set(&now.Origins, change.Origins)
		set(&now.Scopes, change.Scopes)
		set(&now.JWKS, change.JWKS)
		set(&now.JWKSURL, change.JWKSURL)
		set(&now.Website, change.Website)
		set(&now.Contacts, change.Contacts)
		set(&now.Disabled, change.Disabled)
		set(&now.Shows.Thumbprints, change.Certificates)
		set(&now.Shows.Subject, change.CertificateSubject)
		set(&now.Shows.Name, change.CertificateName)
		set(&now.Shows.Ingest, change.IngestWithoutToken)
	})
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, clientOf(c), nil
}

func (a *api) secret(r *http.Request) (int, any, error) {
	secret, err := a.o.Clients.NewSecret(r.Context(), r.PathValue("id"))
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, Secret{secret}, nil
}

func (a *api) deleteClient(r *http.Request) (int, any, error) {
	return http.StatusNoContent, nil, a.o.Clients.Delete(r.Context(), r.PathValue("id"))
}
