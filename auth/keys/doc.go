// Package keys finds the public keys of others, and checks what they signed to say who they are.
//
// It owns JWK Sets (RFC 7517), given inline or behind a URL, and client assertions (private_key_jwt, RFC 7523 as SMART App Launch 2.2 uses it:
// https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html), and certificates that clients show (RFC 8705). It does not own the server's signing keys, which are auth/smart's. auth/smart, auth/bearer and auth/oidc call it.
package keys
