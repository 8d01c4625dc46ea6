package server

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/firth-health/firth/fhir/spec"
)

// terminologyCapabilities is TerminologyCapabilities (R4 terminologycapabilities.html) as far as Firth has something to declare. It lists no code systems: which there are
// is for $lookup to tell.
type terminologyCapabilities struct {
	ResourceType   string              `json:"resourceType"`
	ID             string              `json:"id"`
	URL            string              `json:"url"`
	Version        string              `json:"version"`
	Name           string              `json:"name"`
	Status         string              `json:"status"`
	Date           string              `json:"date"`
	Description    string              `json:"description"`
	Kind           string              `json:"kind"`
	Software       software            `json:"software"`
	Implementation implementation      `json:"implementation"`
	LockedDate     bool                `json:"lockedDate"`
	Expansion      expansionCapability `json:"expansion"`
	ValidateCode   struct {
		Translations bool `json:"translations"`
	} `json:"validateCode"`
}

// expansionCapability says what $expand does.
type expansionCapability struct {
	Hierarchical bool                 `json:"hierarchical"`
	Paging       bool                 `json:"paging"`
	Incomplete   bool                 `json:"incomplete"`
	Parameter    []expansionParameter `json:"parameter"`
	TextFilter   string               `json:"textFilter"`
}

type expansionParameter struct {
	Name string `json:"name"`
}

// terminology answers /metadata?mode=terminology (R4 http.html#capabilities).
func (s *Server) terminology() (reply, error) {
	st := terminologyCapabilities{
		ResourceType: "TerminologyCapabilities", ID: "firth", URL: s.links.base + "/metadata?mode=terminology", Version: s.version, Name: "FirthTerminology",
		Status: "active", Date: s.clock().UTC().Format("2006-01-02"), Kind: "instance",
		Description: "$expand, $validate-code and $lookup know the value sets and code systems of FHIR " + spec.Version + " whose codes its definitions carry, and the ValueSets and CodeSystems that are stored here. " +
			":in, :not-in, :above and :below of searches, and bindings of what is written, know those of the definitions.",
		Software:       software{"Firth", s.version},
		Implementation: implementation{"Firth at " + s.links.base, s.links.base},
		Expansion:      expansionCapability{Paging: true, TextFilter: "Each word begins the code, or a word of the display or of a designation; case and accents do not count."},
	}
	for _, op := range s.operations {
		if op.code != "expand" {
			continue
		}
		for _, p := range op.parameters {
			if !slices.Contains(expandRefused[:], p.name) {
				st.Expansion.Parameter = append(st.Expansion.Parameter, expansionParameter{p.name})
			}
		}
	}
	body, err := json.Marshal(st)
	return reply{status: http.StatusOK, body: body}, err
}
