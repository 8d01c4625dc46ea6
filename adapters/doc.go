// Package adapters turns what vendors' devices send into FHIR resources. A vendor's adapter is a manifest, a YAML document, and not code: structure is
// declared, values are literals, paths into the payload, rows of tables or CEL expressions (package expr).
//
// It owns manifests ([Load]) and the table of them ([Registry]); the mapping of a payload ([Adapter.Map]), which is pure; and its ingestion ([Ingest]), which
// resolves identities and writes through a [Repository] that somebody else supplies. It does not own transports, raw payload storage, HTTP statuses or
// search; it knows no store. The server calls it for POST /ingest/{adapter} and for MLLP messages.
//
// # Accounting
//
// A manifest says which places of a payload are items ("items"). After mapping, every item has exactly one fate: mapped (then written, updated or unchanged),
// ignored by a rule with its reason, quarantined with stage, reason and expression, or unmapped. [Report] lists all of them with JSON pointers into
// the payload. Nothing is dropped silently.
//
// # Identity of a reading
//
// The manifest's key says what makes a reading the same reading. The Observation's id is the beginning of the SHA-256 of adapter id and key, and the key is also its
// identifier; so the same reading sent twice is one resource, a changed one is a new version with status amended, and the order of arrival does not matter
// for anything but which content is the latest.
package adapters
