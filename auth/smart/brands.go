package smart

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/firth-health/firth/auth/smart/records"
	"github.com/firth-health/firth/auth/smart/secrets"
)

// Brand is who runs the server, as apps show it to people who look for their provider (SMART App Launch 2.2, brands.html). All fields are optional.
type Brand struct {
	Name             string
	Website          string // https://hospital.example
	PortalName       string
	PortalURL        string
	Logo             string   // URL of a logo
	IdentifierSystem string   // with IdentifierValue; empty: urn:ietf:rfc:3986
	IdentifierValue  string   // empty: the website, or the FHIR base
	Categories       []string // codes of http://terminology.hl7.org/CodeSystem/organization-type; empty: prov
	Phone, Email     string
	City, State, Zip string
	Aliases          []string

	// Bundle is a User Access Brand Bundle to publish instead of one made of the fields above: for several brands, hierarchies and all elements of the profiles. IdentifierSystem and IdentifierValue
	// then say which Organization of it is this server's; exactly one must have it.
	Bundle []byte
}

type identifier struct {
	System string `json:"system,omitempty"`
	Value  string `json:"value"`
}

// brands is the bundle as it is served.
type brands struct {
	primary identifier
	bundle  []byte
	etag    string
}

const uriSystem = "urn:ietf:rfc:3986"

// brandRecord says since when the bundle is what it is, on whichever server: Bundle.timestamp is of the last change.
type brandRecord struct {
	Hash    string
	Changed time.Time
}

func newBrands(ctx context.Context, o *Options) (brands, error) {
	b := o.Brand
	primary := identifier{System: b.IdentifierSystem, Value: b.IdentifierValue}
	if primary.Value == "" {
		primary = identifier{System: uriSystem, Value: webPresence(b.Website, o.BaseURL)}
	}
	if primary.System == "" {
		primary.System = uriSystem
	}
	bundle := b.Bundle
	if len(bundle) == 0 {
		made, err := json.Marshal(madeBundle(b, primary, o.BaseURL, time.Time{}))
		if err != nil {
			return brands{}, err
		}
		hash := secrets.Hash(string(made))
		record, err := records.NewKind[brandRecord](o.State, "smart-brands").Upsert(ctx, "bundle", func(r *brandRecord) error {
			if r.Hash != hash {
				*r = brandRecord{Hash: hash, Changed: o.Clock().UTC()}
			}
			return nil
		})
		if err != nil {
			return brands{}, err
		}
		if bundle, err = json.Marshal(madeBundle(b, primary, o.BaseURL, record.Changed)); err != nil {
			return brands{}, err
		}
	}
	if err := checkBundle(bundle, primary); err != nil {
		return brands{}, err
	}
	return brands{primary: primary, bundle: bundle, etag: `W/"` + secrets.Hash(string(bundle))[:16] + `"`}, nil
}

// webPresence is a website without www. and path, as brands are recognised by (brands.html#consistent-identifiers-for-organizations).
func webPresence(website, baseURL string) string {
	u, err := url.Parse(website)
	if err != nil || u.Host == "" {
		if u, err = url.Parse(baseURL); err != nil {
			return baseURL
		}
	}
	return u.Scheme + "://" + strings.TrimPrefix(u.Host, "www.")
}

// checkBundle verifies what the guide asks of a bundle that a server links to (brands.html#metadata-in-well-knownsmart-configuration).
func checkBundle(data []byte, primary identifier) error {
	var bundle struct {
		ResourceType, Type, Timestamp string
		Entry                         []struct {
			Resource struct {
				ResourceType string
				Identifier   []identifier
			}
		}
	}
	if err := json.Unmarshal(data, &bundle); err != nil {
		return fmt.Errorf("brand bundle: %w", err)
	}
	matches := 0
	for _, entry := range bundle.Entry {
		for _, id := range entry.Resource.Identifier {
			if entry.Resource.ResourceType == "Organization" && id == primary {
				matches++
			}
		}
	}
	switch {
	case bundle.ResourceType != "Bundle" || bundle.Type != "collection" || bundle.Timestamp == "":
		return errors.New("brand bundle: want a Bundle of type collection with a timestamp")
	case matches != 1:
		return fmt.Errorf("brand bundle: %d Organizations have the identifier %s|%s, want 1", matches, primary.System, primary.Value)
	}
	return nil
}

const brandBase = "http://hl7.org/fhir/smart-app-launch/StructureDefinition/"

type object = map[string]any

// madeBundle is a bundle of one brand and one endpoint (profiles user-access-brands-bundle, user-access-brand and user-access-endpoint).
func madeBundle(b Brand, primary identifier, baseURL string, now time.Time) object {
	instant := now.UTC().Format("2006-01-02T15:04:05Z")
	name, website := b.Name, b.Website
	if name == "" {
		name = "Firth"
	}
	if website == "" {
		website = webPresence("", baseURL)
	}
	organization := object{
		"resourceType": "Organization", "id": "brand", "meta": object{"lastUpdated": instant, "profile": []string{brandBase + "user-access-brand"}},
		"identifier": []identifier{primary}, "active": true, "name": name,
		"telecom":  telecom(b, website),
		"endpoint": []object{{"reference": "Endpoint/fhir", "display": name}},
		"type":     categories(b.Categories),
	}
	if len(b.Aliases) > 0 {
		organization["alias"] = b.Aliases
	}
	if b.City != "" || b.State != "" || b.Zip != "" {
		organization["address"] = []object{compact(object{"city": b.City, "state": b.State, "postalCode": b.Zip})}
	}
	if extensions := brandExtensions(b, name); len(extensions) > 0 {
		organization["extension"] = extensions
	}
	endpoint := object{
		"resourceType": "Endpoint", "id": "fhir", "meta": object{"lastUpdated": instant, "profile": []string{brandBase + "user-access-endpoint"}},
		"extension": []object{{"url": "http://hl7.org/fhir/StructureDefinition/endpoint-fhir-version", "valueCode": "4.0.1"}},
		"status":    "active", "name": name,
		"connectionType":       object{"system": "http://terminology.hl7.org/CodeSystem/endpoint-connection-type", "code": "hl7-fhir-rest"},
		"managingOrganization": object{"reference": "Organization/brand"},
		"contact":              []object{{"system": "url", "value": website}},
		"payloadType":          []object{{"coding": []object{{"system": "http://terminology.hl7.org/CodeSystem/endpoint-payload-type", "code": "none"}}}},
		"address":              baseURL,
	}
	base := webPresence("", baseURL) + "/auth/brands/"
	return object{
		"resourceType": "Bundle", "id": "brands", "meta": object{"profile": []string{brandBase + "user-access-brands-bundle"}}, "type": "collection", "timestamp": instant,
		"entry": []object{{"fullUrl": base + "Organization/brand", "resource": organization}, {"fullUrl": base + "Endpoint/fhir", "resource": endpoint}},
	}
}

func telecom(b Brand, website string) []object {
	list := []object{{"system": "url", "value": website}}
	if b.Phone != "" {
		list = append(list, object{"system": "phone", "value": b.Phone})
	}
	if b.Email != "" {
		list = append(list, object{"system": "email", "value": b.Email})
	}
	return list
}

func categories(codes []string) []object {
	if len(codes) == 0 {
		codes = []string{"prov"}
	}
	list := make([]object, len(codes))
	for i, code := range codes {
		list[i] = object{"coding": []object{{"system": "http://terminology.hl7.org/CodeSystem/organization-type", "code": code}}}
	}
	return list
}

func brandExtensions(b Brand, name string) (list []object) {
	if b.Logo != "" {
		list = append(list, object{"url": brandBase + "organization-brand", "extension": []object{{"url": "brandLogo", "valueUrl": b.Logo}}})
	}
	if b.PortalURL != "" {
		portal := b.PortalName
		if portal == "" {
			portal = name
		}
		list = append(list, object{"url": brandBase + "organization-portal", "extension": []object{
			{"url": "portalName", "valueString": portal}, {"url": "portalUrl", "valueUrl": b.PortalURL},
			{"url": "portalEndpoint", "valueReference": object{"reference": "Endpoint/fhir"}},
		}})
	}
	return list
}

// compact leaves out what is empty.
func compact(o object) object {
	for name, value := range o {
		if value == "" {
			delete(o, name)
		}
	}
	return o
}

// brandBundle serves the bundle with a weak ETag.
func (s *Server) brandBundle(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	s.keepable(w)
	h.Set("ETag", s.brands.etag)
	h.Set("Access-Control-Expose-Headers", "ETag")
	for _, known := range strings.Split(r.Header.Get("If-None-Match"), ",") {
		if known = strings.TrimSpace(known); known == s.brands.etag || known == "*" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	h.Set("Content-Type", "application/fhir+json")
	if _, err := w.Write(s.brands.bundle); err != nil {
		s.o.Logger.DebugContext(r.Context(), "authorization server: answer not sent", "path", r.URL.Path, "error", err)
	}
}
