package search

import "strings"

// HotIndex names the indexes of a type that device queries combine: whose, what, when. A store may keep compound ordered
// keys subject × code × time for it, so that "the newest heart rates of a patient" is one short scan. Each is a key prefix.
type HotIndex struct {
	Subject string   // references to the patient: the rest of the key is Type/id. There is one at most, see Unversioned
	Codes   []string // tokens
	Time    string   // low end of the clinical time, ascending: the rest of the key is low ␁ high
	High    string   // the same times by their high end: the rest of the key is high ␁ low
}

// versionPart is what a version begins with in a reference.
const versionPart = "/_history/"

// Unversioned reports whether a key under Subject names no version. A resource has one such key at most: the definition of Observation.subject says so, and of what breaks it
// Extract takes the first. A reference that names a version has a second key, with it.
func (h HotIndex) Unversioned(key string) bool {
	return !strings.Contains(key[len(h.Subject):], versionPart)
}

// HotIndexes returns the compound keys worth keeping for a type; none for most.
func HotIndexes(resourceType string) []HotIndex {
	if resourceType != "Observation" {
		return nil
	}
	return []HotIndex{{
		Subject: "subject" + Separator + "r",
		Codes:   []string{"code" + Separator + "t", "category" + Separator + "t"},
		Time:    "date" + Separator + string(formLow),
		High:    "date" + Separator + string(formHigh),
	}}
}
