// Package accounts keeps the people who may log in: their names, passwords, second factors, what they may let apps do, and the brake on guessing.
//
// It owns these rules and their records ("smart-account" by id, "smart-login" by name, "smart-attempts", "smart-link"). It knows no HTTP: pages, the command line and an API for administration call it.
// Passwords are kept as Argon2id hashes, one-time links as hashes, secrets of one-time passwords sealed under the operator's key.
package accounts
