// Package ucum holds the units of measure of UCUM 2.2 (https://ucum.org/ucum): it parses the case-sensitive codes that FHIR carries in Quantity.code, gives their
// canonical form in base units, and converts between them, exactly.
//
// It owns the grammar, the table of units and the arithmetic. It does not own what a quantity is (fhir), how quantities are searched (search) or what a vendor calls
// its units (adapters): there is no guessing, a code is UCUM or it is an error. Search, FHIRPath, validation and adapters call it.
//
// Temperatures convert with their offset when they stand alone. Arbitrary units ([iU]) and logarithmic ones (pH, B) are dimensions of their own: they compare with
// themselves and convert to nothing else. Annotations ({beats}) mean nothing. Amount of substance is a number (mol = 6.02214076·10²³), as UCUM has it, so that mmol/L never
// becomes mg/dL.
package ucum

//go:generate go run ./internal/gen -out units.tsv
