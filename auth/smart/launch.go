package smart

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/auth/smart/accounts"
	"github.com/firth-health/firth/auth/smart/clients"
	"github.com/firth-health/firth/auth/smart/events"
	"github.com/firth-health/firth/auth/smart/launches"
	"github.com/firth-health/firth/auth/smart/tokens"
	"github.com/firth-health/firth/fhir"
)

// LaunchRequest is what a system of record says when it opens an app (SMART App Launch 2.2, app-launch.html#launch-app-ehr-launch).
type LaunchRequest struct {
	Client string `json:"client_id"`
	User   string `json:"user,omitempty"` // name that the person logs in with; empty: whoever may open the patient
	tokens.Context
}

// Prepared is a launch that waits for its app.
type Prepared struct {
	Launch    string `json:"launch"`        // opaque, for the parameter launch
	Issuer    string `json:"iss"`           // for the parameter iss: the FHIR base
	URL       string `json:"url,omitempty"` // where to send the browser, when the client has a launch URI
	ExpiresIn int    `json:"expires_in"`    // seconds
}

// launch prepares an EHR launch for who bears the scope firth/accounts.
func (s *Server) launch(w http.ResponseWriter, r *http.Request) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		w.Header().Set("WWW-Authenticate", `Bearer realm="firth"`)
		s.fail(w, r, &refusal{Code: "invalid_token", Description: "an access token is needed", status: http.StatusUnauthorized})
		return
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="firth", error="invalid_token"`)
	claims, err := s.bearer(r, token, auth.AccountAdministration)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	w.Header().Del("WWW-Authenticate")
	var asked LaunchRequest
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&asked); err != nil {
		s.fail(w, r, refuse(invalidRequest, "the body must be a JSON object with client_id, user, patient, encounter, fhirContext, need_patient_banner, intent or tenant"))
		return
	}
	prepared, err := s.Launch(events.Acting(r.Context(), claims.Client), asked)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.answer(w, r, http.StatusCreated, prepared)
}

// Launch prepares an EHR launch. Its errors say in OAuth's words what is wrong with it.
func (s *Server) Launch(ctx context.Context, asked LaunchRequest) (*Prepared, error) {
	client, err := s.clients.Get(ctx, asked.Client)
	if errors.Is(err, clients.ErrUnknown) || err == nil && (client.Disabled || len(client.RedirectURIs) == 0) {
		return nil, refuse(invalidRequest, "client_id is not that of an app")
	}
	if err != nil {
		return nil, err
	}
	launch := launches.Launch{Client: client.ID, Context: asked.Context}
	launch.Context.SmartStyleURL = ""
	if err := checkContext(&launch.Context); err != nil {
		return nil, err
	}
	if asked.User != "" {
		account, err := s.accounts.Find(ctx, asked.User)
		if errors.Is(err, accounts.ErrUnknown) || err == nil && (account.Disabled || asked.Patient != "" && !account.MayOpen(asked.Patient)) {
			return nil, refuse(invalidRequest, "there is no such user, or they may not open the patient's record")
		}
		if err != nil {
			return nil, err
		}
		launch.Account = account.ID
	}
	secret, err := s.launches.Prepare(ctx, launch)
	if err != nil {
		return nil, err
	}
	prepared := &Prepared{Launch: secret, Issuer: s.o.BaseURL, ExpiresIn: int(launches.Life.Seconds())}
	if client.LaunchURI != "" {
		prepared.URL = answerURL(client.LaunchURI, url.Values{"iss": {s.o.BaseURL}, "launch": {secret}})
	}
	s.tell(ctx, events.Event{
		Type: events.Launch, Client: client.ID, Account: launch.Account, Login: asked.User, Patient: asked.Patient, Encounter: asked.Encounter, By: events.Actor(ctx),
	})
	return prepared, nil
}

// contextItem is one element of fhirContext as far as it has rules.
type contextItem struct {
	Reference  string          `json:"reference"`
	Canonical  string          `json:"canonical"`
	Identifier json.RawMessage `json:"identifier"`
	Type       string          `json:"type"`
	Role       *string         `json:"role"`
}

const maxContext = 64 // elements of fhirContext

// checkContext verifies a launch context (SMART App Launch 2.2, scopes-and-launch-context.html#fhircontext-exp).
func checkContext(c *tokens.Context) error {
	if c.Patient != "" && !fhir.IsID(c.Patient) || c.Encounter != "" && !fhir.IsID(c.Encounter) {
		return refuse(invalidRequest, "patient and encounter are ids, without a type")
	}
	switch {
	case len(c.FHIRContext) > maxContext:
		return refuse(invalidRequest, fmt.Sprintf("fhirContext has more than %d items", maxContext))
	case len(c.Intent) > maxNonce || len(c.Tenant) > maxNonce:
		return refuse(invalidRequest, fmt.Sprintf("intent and tenant have at most %d bytes", maxNonce))
	}
	for _, raw := range c.FHIRContext {
		var item contextItem
		if err := json.Unmarshal(raw, &item); err != nil {
			return refuse(invalidRequest, "fhirContext is an array of objects")
		}
		typ, id, relative := strings.Cut(item.Reference, "/")
		launchRole := item.Role == nil || *item.Role == "launch"
		switch {
		case item.Reference == "" && item.Canonical == "" && len(item.Identifier) == 0:
			return refuse(invalidRequest, "an item of fhirContext has a reference, a canonical or an identifier")
		case item.Reference != "" && (!relative || !fhir.IsID(id)):
			return refuse(invalidRequest, "references in fhirContext are relative, such as ImagingStudy/1")
		case (typ == "Patient" || typ == "Encounter") && launchRole:
			return refuse(invalidRequest, "Patient and Encounter are in fhirContext with a role other than launch only")
		case item.Role != nil && *item.Role != "launch" && !isAbsoluteURI(*item.Role):
			return refuse(invalidRequest, "the role of an item of fhirContext is launch or an absolute URI")
		}
	}
	return nil
}

func isAbsoluteURI(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.IsAbs()
}
