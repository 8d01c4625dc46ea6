// Package server is the REST API: FHIR R4 under /fhir, device payloads under /ingest, and what operators ask (/healthz, /readyz, /metrics).
//
// It owns HTTP: routes, content negotiation, conditional requests, status codes, the shape of answers, and the OperationOutcome
// of every refusal. What a query means is for search, what is kept and how atomically is for the store, how a
// payload becomes resources is for adapters, who may do what is for auth through [Authenticator]. It knows no store back end.
//
// Every request goes through one pipeline (pipeline.go): request id, authenticate, negotiate and decode, authorise, handle,
// respond, audit. An interaction is a row of one table (interactions.go) and a function in the file that has its name
// (read.go, create.go, ...); it sees an [exchange], never net/http, so that an entry of a batch runs the very same code. The
// CapabilityStatement is made from that table and from the search registry; nothing is declared by hand.
//
// An operation ($lastn, $everything, ...) is a row of another table (operation.go) and a function in a file operation_*.go. Its parameters are checked
// against its OperationDefinition before it runs; definitions of our own are in definitions/. Arithmetic and languages have packages of their own
// below this one: statistics, waveform, graphql.
//
// cmd/firth builds a [Server], gives [Server.Handler] to an http.Server and [Server.Ingest] to the MLLP listener.
package server
