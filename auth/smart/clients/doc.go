// Package clients keeps the apps and services that may ask for tokens: how they prove who they are, where answers to them may go, and the most they may ask for.
//
// It owns these rules and the records ("smart-client" by client_id). It knows no HTTP: the token endpoint, dynamic registration, the command line and an API for administration call it. Secrets are kept as hashes.
package clients
