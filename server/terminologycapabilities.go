package server

import (
	"encoding/json"
	"net/http"

	"github.com/firth-health/firth/fhir/spec"
)

// terminologyCapabilities is TerminologyCapabilities (R4 terminologycapabilities.html) as far as Firth has something to declare: no code system is served and no
// terminology operation.
type terminologyCapabilities struct {
	ResourceType   string         `json:"resourceType"`
	ID             string         `json:"id"`
	URL            string         `json:"url"`
	Version        string         `json:"version"`
	Name           string         `json:"name"`
	Status         string         `json:"status"`
	Date           string         `json:"date"`
	Description    string         `json:"description"`
	Kind           string         `json:"kind"`
	Software       software       `json:"software"`
	Implementation implementation `json:"implementation"`
	LockedDate     bool           `json:"lockedDate"`
}

// terminology answers /metadata?mode=terminology (R4 http.html#capabilities).
func (s *Server) terminology() (reply, error) {
	body, err := json.Marshal(terminologyCapabilities{
		ResourceType: "TerminologyCapabilities", ID: "firth", URL: s.links.base + "/metadata?mode=terminology", Version: s.version, Name: "FirthTerminology",
		Status: "active", Date: s.clock().UTC().Format("2006-01-02"), Kind: "instance",
		Description: "No terminology service. :in, :not-in, :above and :below of searches, and bindings of what is written, know the value sets and code systems of FHIR " +
			spec.Version + " whose codes its definitions carry.",
		Software:       software{"Firth", s.version},
		Implementation: implementation{"Firth at " + s.links.base, s.links.base},
	})
	return reply{status: http.StatusOK, body: body}, err
}
