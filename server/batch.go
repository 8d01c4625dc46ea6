package server

import (
	"github.com/firth-health/firth/fhir"
)

// batchWorkers is how many entries of a batch run at once. Writes wait for the disk together, so more than there are processors help.
const batchWorkers = 16

// batch runs each entry as if it were a request of its own: what fails fails alone. Entries must not depend on each other (R4
// http.html#transaction); one that refers to another by its fullUrl is refused, because only a transaction can give it the right id.
func (s *Server) batch(x *exchange, entries []*entry) {
	s.refuseInterdependent(entries)
	for phase := range 4 {
		var now []*entry
		seen := map[fhir.Key]bool{}
		workers := batchWorkers
		for _, e := range entries {
			if e.phase() != phase {
				continue
			}
			if e.x.key.ID != "" && seen[e.x.key] {
				workers = 1 // two updates of one resource: in the order of the Bundle
			}
			seen[e.x.key] = true
			now = append(now, e)
		}
		parallel(len(now), workers, func(i int) { now[i].perform(s) })
	}
}

// refuseInterdependent fails the entries that refer to others.
func (s *Server) refuseInterdependent(entries []*entry) {
	refs := references{definitions: s.definitions, targets: map[string]string{}}
	for _, e := range entries {
		if e.fullURL != "" && e.x.resource != nil {
			refs.add(e.fullURL, e.fullURL)
		}
	}
	if len(refs.targets) == 0 {
		return
	}
	for _, e := range entries {
		if e.err != nil || e.x.resource == nil {
			continue
		}
		for _, place := range refs.scan(e.x.resource, e.fullURL) {
			if !place.conditional && place.dangling == "" && isTemporary(place.target) {
				e.err = fhir.Invalidf(fhir.CodeInvalid, "", "the resource refers to %s, another entry; entries of a batch are independent, use a transaction", printable(place.target))
				break
			}
		}
	}
}
