// Package audit keeps the trail of who did what: a tamper-evident chain of compact records, rendered as AuditEvents when they are read.
//
// It owns what an event says ([Event]), how events are chained, kept and checked (docs/adr/0015), signed checkpoints, retention, and the AuditEvents of IHE Basic Audit Log
// Patterns 1.1.4 (https://profiles.ihe.net/ITI/BALP/). It keeps everything in [store.State] of any back end, and answers reads and searches of AuditEvents by a wrapper around the
// store ([Over]). It does not decide what is an event and who may see one: package server and auth/smart tell it of what happened, auth narrows queries on AuditEvents as on any type.
// Package server calls [Trail.Record]; cmd/firth opens the trail, and has commands for auditors.
package audit
