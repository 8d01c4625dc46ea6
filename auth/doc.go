// Package auth decides who may do what: the claims of an access token become a [Grant], and a Grant narrows what is asked to what the token allows.
//
// It owns scopes (SMART App Launch 2.2, https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html), launch context and compartments as they bear on access. It does not issue tokens
// (auth/smart does), does not read the store, and does not know HTTP handlers: package server asks a Grant before, and while, it handles an interaction.
package auth
