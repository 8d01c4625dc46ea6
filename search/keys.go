package search

// Separator parts the fields of an index key. It cannot occur in a FHIR string, and sorts before everything that can.
const Separator = "\x01"
