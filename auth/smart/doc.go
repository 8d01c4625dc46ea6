// Package smart is the built-in authorization server: SMART App Launch 2.2 (https://hl7.org/fhir/smart-app-launch/STU2.2/) with OAuth 2.0 and OpenID Connect, for sites that have no identity provider of their own.
//
// It owns the HTTP endpoints, the pages on which people log in, choose a patient and consent, and which client gets which scopes. What it needs is in packages below: accounts, clients, sessions,
// launches, tokens (codes, access and refresh tokens), signing (keys of id_tokens), pages (templates and style). It does not decide what a token allows, which is package auth's business, and does not know FHIR's
// API: patients are found through [Patients]. cmd/firth mounts a [Server] beside the FHIR base and asks [Server.Lookup] about bearer tokens.
//
// # State
//
// All state is in a [store.State], so that it survives restarts and several servers share it. Every change is on the condition of the revision that was read. Kinds of records:
//
//	smart-account        id                      a person: names, password hash (Argon2id), sealed secret of one-time codes
//	smart-login          name                    id of the account that has it
//	smart-attempts       hash of a name          failed logins
//	smart-link           end, hash of the link   one-time link by which a password is set
//	smart-session        end, hash of a cookie   who is logged in at a browser
//	smart-client         client_id               an app or service: hash of its secret, or its public keys
//	smart-request        end, hash               an authorization request whose person is still deciding
//	smart-launch         end, hash               an EHR launch that waits for its app
//	smart-authorization  account, random         what a person consented to; deleting it voids its tokens
//	smart-code           end, hash               authorization code
//	smart-access         end, hash               access token
//	smart-refresh        end, hash               refresh token
//	smart-assertion      hash of iss and jti     client assertion that was seen
//	smart-signing-key    number                  sealed RSA key
//	smart-brands         bundle                  since when the brand bundle is what it is
//
// No record has a secret that works as it stands: what can be hashed is, what must be read again is sealed under the operator's key. What is over is deleted by [Server.Sweep].
package smart
