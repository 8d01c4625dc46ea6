package auth

import "errors"

// Errors of whoever looks up what a token says.
var (
	// ErrToken says that a token gives no access: it is unknown, malformed, expired or revoked, or not for this server.
	ErrToken = errors.New("the access token is not valid")

	// ErrUnavailable says that it could not be found out what a token gives, because who issued it cannot be asked. It may be tried again.
	ErrUnavailable = errors.New("the issuer of the access token cannot be asked")
)
