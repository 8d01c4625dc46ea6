package search

// HotIndex names the indexes of a type that device queries combine: whose, what, when. A store may keep compound ordered
// keys subject × code × time for it, so that "the newest heart rates of a patient" is one short scan. Each is a key prefix.
type HotIndex struct {
	Subject string   // references to the patient: the rest of the key is Type/id
	Codes   []string // tokens
	Time    string   // low end of the clinical time, ascending: the rest of the key is low ␁ high
	High    string   // the same times by their high end: the rest of the key is high ␁ low
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
